"""The default command is the model card's recipe, and nothing beyond it goes without a reason."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from parse_back import from_docker, from_spec
from render_plans import HOME, plan_of, text_of

from glm_deploy.rules import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Callable

# https://huggingface.co/0xSero/GLM-5.1-555B-NVFP4, its command for eight cards.
RECIPE = r"""
docker run --gpus all --ipc=host --shm-size=8g --network=host --ulimit memlock=-1 --ulimit stack=67108864
  -v ~/.cache/huggingface:/root/.cache/huggingface -v jit-cache:/cache/jit
  -e SGLANG_ENABLE_JIT_DEEPGEMM=0 -e SGLANG_ENABLE_DEEP_GEMM=0 -e FLASHINFER_DISABLE_VERSION_CHECK=1
  -e NCCL_IB_DISABLE=1 -e NCCL_P2P_LEVEL=SYS -e NCCL_MIN_NCHANNELS=8
  voipmonitor/sglang:cu130
  python3 -m sglang.launch_server --model-path 0xSero/GLM-5.1-555B-NVFP4 --served-model-name glm-5.1-reap
  --reasoning-parser glm45 --tool-call-parser glm47 --tensor-parallel-size 8
  --quantization compressed-tensors --kv-cache-dtype bf16 --trust-remote-code
  --mem-fraction-static 0.85 --chunked-prefill-size 16384 --attention-backend flashinfer
  --fp4-gemm-backend b12x --moe-runner-backend b12x --host 0.0.0.0 --port 5000
"""  # noqa: E501

LONG = {"-v": "--volume", "-e": "--env"}
# The shell's part: the option names that Docker knows as the same, and the home directory.
WORDS = [LONG.get(w, w.replace("~", HOME, 1)) for w in shlex.split(RECIPE)[1:]]
CARD = from_docker(WORDS)
OURS = from_spec(plan_of().spec)

# Beyond the recipe: flag -> the rule that decides it.
FLAGS_BEYOND = {"--disable-custom-all-reduce": "COM-001"}

# Beyond the recipe: option of docker -> why it is given.
OPTIONS_BEYOND = {
    "--detach": "a server outlives the terminal it was started from",
    "--name": "what `docker logs` and `docker stop` are told",
    "--restart": "bounded: a server that cannot start must not try forever (rule CTR-001)",
    "--stop-timeout": "docker stop kills after 10 s, and SGLang drains its requests on SIGTERM: "
    "https://docs.docker.com/reference/cli/docker/container/stop/",
    "--log-driver": "the one that `docker logs` reads and that can be bounded",
    "--log-opt": "json-file grows without limit by default: "
    "https://docs.docker.com/engine/logging/drivers/json-file/",
    "--health-cmd": "/health is a 1-token generation: sglang/srt/entrypoints/http_server.py",
    "--health-interval": "see --health-cmd",
    "--health-timeout": "/health itself gives up after 20 s: see --health-cmd",
    "--health-start-period": "boot takes 7 to 8 minutes: https://github.com/voipmonitor/rtx6kpro",
    "--health-retries": "see --health-cmd",
    "--label": "finds the deployment later without a state file",
}


def flags(argv: list[str]) -> dict[str, list[str]]:
    """Flag -> its values; argv has the launcher's three words in front."""
    found: dict[str, list[str]] = {}
    for word in argv[3:]:
        if word.startswith("--"):
            found[word] = []
        else:
            found[list(found)[-1]].append(word)
    return found


def test_the_recipe_is_read_whole() -> None:
    assert (len(CARD.env), len(CARD.mounts), len(flags(CARD.argv))) == (6, 2, 15)


def test_every_flag_of_the_recipe_is_there_with_its_value_and_in_its_order() -> None:
    ours = flags(OURS.argv)
    assert OURS.argv[:3] == CARD.argv[:3]
    assert [(f, v) for f, v in ours.items() if f in flags(CARD.argv)] == [*flags(CARD.argv).items()]


def test_a_flag_beyond_the_recipe_is_decided_by_a_rule() -> None:
    beyond = [flag for flag in flags(OURS.argv) if flag not in flags(CARD.argv)]
    origins = {flag: str(plan_of().because(flag)).split(",")[0] for flag in beyond}
    assert origins == {flag: f"rule {rule}" for flag, rule in FLAGS_BEYOND.items()}
    assert all(CATALOGUE[rule].source.text for rule in FLAGS_BEYOND.values())


def test_the_environment_is_the_recipes() -> None:
    assert OURS.env == CARD.env


def test_what_docker_is_asked_for_is_the_recipes() -> None:
    for part in ("image", "gpus", "ipc", "shm_size_bytes", "network", "ulimits", "mounts", "tmpfs"):
        assert getattr(OURS, part) == getattr(CARD, part), part


def test_an_option_beyond_the_recipe_has_its_reason_here(
    argv_of_docker: Callable[..., list[str]],
) -> None:
    def options(words: list[str]) -> set[str]:
        until = words.index("voipmonitor/sglang:cu130")
        return {word.split("=")[0] for word in words[:until] if word.startswith("--")}

    ours = argv_of_docker(text_of(plan_of(), "docker-run"))
    assert options(ours) - options(WORDS) == set(OPTIONS_BEYOND)
    assert options(WORDS) <= options(ours)
