"""CTR: how Docker runs the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from glm_deploy.model import Severity, Surroundings
from glm_deploy.rules.rule import Problem, rule
from glm_deploy.rules.sources import CARD, DOCKER, IMAGE, SGLANG, documented, reported

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glm_deploy.rules.case import Case

# Where the image keeps compiled kernels, and where huggingface_hub keeps checkpoints for root.
JIT_CACHE = "/cache/jit"
HF_CACHE = "/root/.cache/huggingface"

SHM_MIN_BYTES = 8 * 1024**3  # the card's --shm-size=8g


@rule(
    "CTR-001",
    "Restarts without end",
    severity=Severity.ERROR,
    subjects=("container.restart",),
    source=reported("118 restarts in 27 minutes of a server that could never start"),
    fix="--set container.restart.policy=on-failure --set container.restart.max_retries=3",
    holds_for="containers that Docker runs",
    applies=lambda case: case.docker,
)
def endless_restart(case: Case) -> Iterable[Problem]:
    """A server that cannot start is started again and again, each time loading 320 GB, and its
    first error scrolls away. A bound keeps the error readable.
    """
    restart = case.spec.restart
    endless = restart.policy == "on-failure" and restart.max_retries == 0
    if restart.policy in ("always", "unless-stopped") or endless:
        yield Problem(str(restart), "a server that cannot start would be restarted for ever")


@rule(
    "CTR-002",
    "Shared memory too small for the ranks",
    severity=Severity.ERROR,
    subjects=("container.shm_size", "container.ipc"),
    source=reported(CARD),
    fix="--set container.ipc=host",
    holds_for="containers of several ranks that do not use the host's IPC namespace",
    applies=lambda case: case.contained and case.spec.ipc != "host" and case.ranks > 1,
)
def shared_memory(case: Case) -> Iterable[Problem]:
    """Ranks exchange data through /dev/shm. With the host's IPC namespace they use the host's;
    otherwise the container gets `shm_size`, 64 MiB by Docker's default.
    """
    if case.spec.shm_size_bytes < SHM_MIN_BYTES:
        mib = case.spec.shm_size_bytes // 1024**2
        yield Problem(
            f"{mib} MiB",
            "the recipe gives 8 GiB",
            subject="container.shm_size",
            fix="--set container.shm_size=8g",
        )


@rule(
    "CTR-003",
    "Locked memory is limited",
    severity=Severity.WARNING,
    subjects=("container.ulimits.memlock",),
    source=documented(f"{CARD}; {DOCKER}"),
    fix="--set container.ulimits.memlock=-1",
    holds_for="containers that Docker runs",
    applies=lambda case: case.docker,
)
def memlock(case: Case) -> Iterable[Problem]:
    """NCCL and the loader pin host memory. Docker's default limit of 8 MiB or 64 MiB makes pinning
    fail, or fall back to slow copies.
    """
    limit = next((u for u in case.spec.ulimits if u.name == "memlock"), None)
    if limit is None or limit.soft != -1:
        yield Problem("not set" if limit is None else str(limit.soft), "pinning may fail")


def _ours_or(case: Case) -> Surroundings:
    """The surroundings of a launch; those of a planned one are sound by its making."""
    return case.spec.surroundings or Surroundings(container=True)


def _mounted(case: Case, path: str) -> bool:
    """Whether something of the host, or a volume, lies at or above a path of the container."""
    return any(
        path == mount.target or path.startswith(mount.target.rstrip("/") + "/")
        for mount in case.spec.mounts
    )


@rule(
    "CTR-004",
    "Privileged container",
    severity=Severity.WARNING,
    subjects=("container.privileged",),
    source=documented(DOCKER),
    fix="Remove it: --gpus gives the container what it needs.",
    holds_for="launches in a container",
    applies=lambda case: case.contained,
)
def privileged(case: Case) -> Iterable[Problem]:
    """A privileged container is root on the host, with every device. Serving needs the GPUs alone,
    and `--trust-remote-code` would run the checkpoint's code with those rights.
    """
    if _ours_or(case).privileged:
        yield Problem("privileged", "the container may do anything to the host")


@rule(
    "CTR-005",
    "The image's entrypoint is overridden",
    severity=Severity.WARNING,
    subjects=("container.entrypoint",),
    source=documented(IMAGE),
    fix="Give the command as the image's command, and leave the entrypoint alone.",
    holds_for="images whose entrypoint does work of its own (voipmonitor/sglang)",
    applies=lambda case: case.contained and case.image is not None,
)
def entrypoint_overridden(case: Case) -> Iterable[Problem]:
    """The image's entrypoint throws away compiled kernels of another image before it starts the
    command. Without it stale ones stay, and some of those give NaN.
    """
    entrypoint = _ours_or(case).entrypoint
    if entrypoint is not None:
        yield Problem(" ".join(entrypoint)[:60] or "(empty)", "stale compiled kernels are kept")


@rule(
    "CTR-006",
    "Compiled kernels are not kept",
    severity=Severity.WARNING,
    subjects=("container.volumes./cache/jit",),
    source=documented(IMAGE),
    fix="--set container.volumes./cache/jit=jit-cache",
    holds_for="images that compile into a known folder (voipmonitor/sglang)",
    applies=lambda case: case.contained and case.image is not None,
)
def jit_cache_not_kept(case: Case) -> Iterable[Problem]:
    """Kernels are compiled at the first start and kept in /cache/jit. Without a volume there every
    new container compiles them again, and its first requests wait for minutes.
    """
    if not _mounted(case, JIT_CACHE):
        yield Problem("not mounted", f"{JIT_CACHE} is lost with the container")


@rule(
    "CTR-007",
    "Checkpoint is not kept outside the container",
    severity=Severity.WARNING,
    subjects=("container.volumes./root/.cache/huggingface", "--model-path"),
    source=documented(
        "huggingface_hub, https://huggingface.co/docs/huggingface_hub/guides/manage-cache"
    ),
    fix="--set container.volumes./root/.cache/huggingface=~/.cache/huggingface",
    holds_for="launches in a container that Docker runs",
    applies=lambda case: case.docker,
)
def checkpoint_not_kept(case: Case) -> Iterable[Problem]:
    """The checkpoint is downloaded into the container unless its cache is mounted: 320 GB again for
    each new container. A path that is not mounted has to be in the image.
    """
    model = case.spec.model.id
    if not model or model.startswith((".", "~")):
        return
    if model.startswith("/"):
        if not _mounted(case, model):
            yield Problem(
                model,
                "no mount holds this path; it would have to be in the image",
                subject="--model-path",
                fix="Mount the folder that holds the checkpoint at this very path.",
            )
        return
    caches = [case.env(name) for name in ("HF_HUB_CACHE", "HF_HOME", "HUGGINGFACE_HUB_CACHE")]
    cache = next((path for path in caches if path), HF_CACHE)
    under_home = any(m.target.endswith("/.cache/huggingface") for m in case.spec.mounts)
    if not _mounted(case, cache) and not under_home:
        yield Problem("not mounted", f"{model} is downloaded again for each new container")


@rule(
    "CTR-008",
    "Ports published on the host's network",
    severity=Severity.WARNING,
    subjects=("container.ports", "container.network"),
    source=documented(DOCKER),
    fix="Remove the published ports; the server listens on --port of the host itself.",
    holds_for="containers on the host's network",
    applies=lambda case: case.docker and case.spec.network == "host",
)
def ports_on_host_network(case: Case) -> Iterable[Problem]:
    """On the host's network Docker publishes nothing: it warns and drops the option. The server is
    reached at the port that the engine listens on, whatever is written there.
    """
    ports = _ours_or(case).ports
    if ports:
        yield Problem(", ".join(ports), f"it has no effect; the port is {case.spec.port}")


@rule(
    "CTR-009",
    "Server cannot be reached from outside its container",
    severity=Severity.WARNING,
    subjects=("container.ports", "--host"),
    source=documented(f"{DOCKER}; {SGLANG}: it listens on 127.0.0.1 unless told"),
    fix="--set server.host=0.0.0.0",
    holds_for="containers on a network of their own",
    applies=lambda case: case.docker and case.spec.network != "host",
)
def server_unreachable(case: Case) -> Iterable[Problem]:
    """In a container of its own network 127.0.0.1 is the container. The engine has to listen on
    0.0.0.0 there, and the port it listens on has to be the one that is published.
    """
    if case.spec.network.startswith(("container:", "service:")):
        return
    ports = _ours_or(case).ports
    inner = [port.rpartition(":")[2].partition("/")[0] for port in ports]
    if ports and case.spec.host in ("127.0.0.1", "localhost", "::1"):
        yield Problem(case.spec.host, "it listens inside the container alone", subject="--host")
    elif ports and not any(_holds(text, case.spec.port) for text in inner):
        yield Problem(
            ", ".join(ports),
            f"the engine listens on {case.spec.port}, which is not published",
            fix=f"Publish it: -p {case.spec.port}:{case.spec.port}",
        )


def _holds(text: str, port: int) -> bool:
    """Whether a published port, or a range of them, is or may be this one."""
    first, _, last = text.partition("-")
    if not first.isdigit() or (last and not last.isdigit()):
        return True
    return int(first) <= port <= int(last or first)


@rule(
    "CTR-010",
    "Container asks for no GPU",
    severity=Severity.WARNING,
    subjects=("container.devices",),
    source=documented(DOCKER),
    fix="--set container.devices=all",
    holds_for="containers that Docker runs",
    applies=lambda case: case.docker,
)
def no_gpus(case: Case) -> Iterable[Problem]:
    """Without a request the container sees a GPU only where the NVIDIA runtime is the daemon's
    default; elsewhere the engine finds no CUDA device.
    """
    if case.spec.gpus is None:
        yield Problem("not set", "no GPU, unless nvidia is Docker's default runtime")
