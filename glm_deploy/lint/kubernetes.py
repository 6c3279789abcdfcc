"""Reads Kubernetes manifests: the containers of every workload that starts an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm_deploy.lint.engines import SGLANG, engine_of_image
from glm_deploy.lint.foreign import Container, Document, Note
from glm_deploy.lint.scope import Scope
from glm_deploy.lint.script import Walk, of_image
from glm_deploy.lint.values import bytes_of
from glm_deploy.lint.words import Variable, Word, plain
from glm_deploy.lint.yaml_words import kubernetes_word
from glm_deploy.model import GpuRequest, Mount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from glm_deploy.lint.docker_run import Beside
    from glm_deploy.lint.yaml_items import Item

# Where each kind of object keeps its pod, https://kubernetes.io/docs/concepts/workloads/ and
# https://lws.sigs.k8s.io/docs/reference/leaderworkerset.v1/
PODS: dict[str, tuple[tuple[str, ...], ...]] = {
    "Pod": (("spec",),),
    "Deployment": (("spec", "template", "spec"),),
    "StatefulSet": (("spec", "template", "spec"),),
    "DaemonSet": (("spec", "template", "spec"),),
    "ReplicaSet": (("spec", "template", "spec"),),
    "Job": (("spec", "template", "spec"),),
    "CronJob": (("spec", "jobTemplate", "spec", "template", "spec"),),
    "LeaderWorkerSet": (
        ("spec", "leaderWorkerTemplate", "leaderTemplate", "spec"),
        ("spec", "leaderWorkerTemplate", "workerTemplate", "spec"),
    ),
}
GPU_RESOURCE = "nvidia.com/gpu"
SHARED_MEMORY = "/dev/shm"  # noqa: S108 the path in the container


def is_manifest(item: Item) -> bool:
    """Whether a YAML document is a Kubernetes object."""
    return item.get("apiVersion") is not None and item.get("kind") is not None


def read_kubernetes(items: list[Item], raw: str, beside: Beside) -> Document:
    """The launches of every object; of objects that hold no pod nothing is said."""
    document = Document("Kubernetes manifest")
    for top in items:
        for item in [*top.each("items"), top]:
            for path in PODS.get(item.scalar("kind") or "", ()):
                pod = item.get(*path)
                if pod is not None:
                    name = f"{item.scalar('kind')} {item.scalar('metadata', 'name') or ''}".strip()
                    for container in pod.each("containers"):
                        _container(document, name, pod, container, raw, beside)
    return document


def _container(
    document: Document, owner: str, pod: Item, item: Item, raw: str, beside: Beside
) -> None:
    scope = Scope()
    env, env_at = _environment(item, scope)
    command = [kubernetes_word(word, scope) for word in item.each("command")]
    words = [*command, *(kubernetes_word(word, scope) for word in item.each("args"))]
    walk = Walk(raw, beside)
    image = item.get("image")
    engine = engine_of_image(image.text) if image and image.text else None
    found = of_image(walk.inside(words, env, env_at), engine, item.at)
    if not found and engine == SGLANG:
        document.notes.append(Note(f"{owner}: its command starts no engine that is known", item.at))
    for launch in found:
        launch.kind = owner
        launch.name = item.scalar("name") or ""
        launch.at = item.at
        launch.container = Container(
            image=plain(image.text, image.at) if image and image.text else None,
            gpus=_gpus(item),
            ipc="host" if pod.scalar("hostIPC") == "true" else None,
            shm_size_bytes=_shared_memory(pod, item),
            network="host" if pod.scalar("hostNetwork") == "true" else None,
            mounts=tuple(_mounts(pod, item)),
            privileged=item.scalar("securityContext", "privileged") == "true",
            # `command` replaces the image's entrypoint, the way Kubernetes spells it.
            entrypoint=tuple(word.text for word in command) or None,
            orchestrated=True,
        )
        launch.places |= _places(pod, item)
        launch.notes += walk.notes
        document.launches.append(launch)


def _environment(item: Item, scope: Scope) -> tuple[dict[str, Word], dict[str, int]]:
    env: dict[str, Word] = {}
    env_at: dict[str, int] = {}
    for entry in item.each("env"):
        name = entry.scalar("name")
        if not name:
            continue
        value = entry.get("value")
        if value is not None:
            env[name] = kubernetes_word(value, scope)
        else:
            # From a secret, a config map or the pod itself.
            env[name] = Word((Variable(f"$({name})", name),), entry.at)
        env_at[name] = entry.at
        scope.values[name] = env[name]
    return env, env_at


def _gpus(item: Item) -> GpuRequest | None:
    for part in ("limits", "requests"):
        count = item.scalar("resources", part, GPU_RESOURCE)
        if count and count.isdigit():
            return GpuRequest(tuple(str(index) for index in range(min(int(count), 64))))
    return None


def _shared_memory(pod: Item, item: Item) -> int | None:
    """The size of the memory volume at /dev/shm; one without a limit takes what the node has."""
    name = next(
        (
            m.scalar("name")
            for m in item.each("volumeMounts")
            if m.scalar("mountPath") == SHARED_MEMORY
        ),
        None,
    )
    for volume in pod.each("volumes"):
        if name and volume.scalar("name") == name and volume.get("emptyDir"):
            limit = volume.scalar("emptyDir", "sizeLimit")
            return bytes_of(limit) if limit else 1 << 40
    return None


def _mounts(pod: Item, item: Item) -> Iterator[Mount]:
    sources = {v.scalar("name"): v.scalar("hostPath", "path") for v in pod.each("volumes")}
    for mount in item.each("volumeMounts"):
        name, target = mount.scalar("name") or "", mount.scalar("mountPath")
        if target:
            path = sources.get(name)
            yield Mount("bind" if path else "volume", path or name, target)


def _places(pod: Item, item: Item) -> dict[str, Word]:
    found = {
        "image.digest": item.get("image"),
        "image.ref": item.get("image"),
        "container.entrypoint": item.get("command"),
        "container.privileged": item.get("securityContext", "privileged"),
        "container.ipc": pod.get("hostIPC"),
        "container.network": pod.get("hostNetwork"),
        "container.devices": item.get("resources"),
    }
    names = {
        "container.entrypoint": "command",
        "container.privileged": "privileged",
        "container.ipc": "hostIPC",
        "container.network": "hostNetwork",
        "container.devices": GPU_RESOURCE,
    }
    return {
        subject: plain(
            names.get(subject, where.text or ""),
            where.key_at if subject in names else where.at,
        )
        for subject, where in found.items()
        if where is not None
    }
