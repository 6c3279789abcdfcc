"""How long `glm-deploy render` takes as a whole process, against Compose on the file it renders.

Times are wall-clock seconds from spawn to exit. The commands take turns, so that whatever else the
machine does meets all of them; only ratios of one run mean anything. Run by `make bench`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles

CHECKOUT = Path(__file__).parents[2]
TARGET = 2.0  # render / `docker compose config -q`
WARM_UP = 3
RUNS = 25

RENDER = "glm-deploy render"
COMPOSE = "docker compose config -q"
PASS = "python -c pass"


def find_compose() -> tuple[list[str], dict[str, str]] | None:
    """Compose v2 of the testbench, else of this machine: argv and environment, `None` if absent."""
    bench = CHECKOUT / ".cache" / "testbench" / "docker-config"
    plain = dict(os.environ)
    for argv, env in (
        (["docker", "compose"], {**plain, "DOCKER_CONFIG": str(bench)}),
        (["docker", "compose"], plain),
        (["docker-compose"], plain),
    ):
        if shutil.which(argv[0]) and _runs([*argv, "version"], env):
            return argv, env
    return None


def _runs(argv: list[str], env: dict[str, str]) -> bool:
    return subprocess.run(argv, env=env, capture_output=True).returncode == 0


def seconds(argv: list[str], env: dict[str, str]) -> float:
    """How long the command takes; it has to succeed."""
    start = time.perf_counter()
    done = subprocess.run(argv, env=env, stdin=subprocess.DEVNULL, capture_output=True)
    took = time.perf_counter() - start
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(argv)} failed:\n{done.stderr.decode(errors='replace')}")
    return took


def measure(commands: dict[str, tuple[list[str], dict[str, str]]]) -> dict[str, list[float]]:
    """The times of each command, run in turns."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(WARM_UP + RUNS):
        for name, (argv, env) in commands.items():
            took = seconds(argv, env)
            if turn >= WARM_UP:
                times[name].append(took)
    return times


def report(times: dict[str, list[float]]) -> None:
    """Print medians, spread, ratios, and whether the target is met."""
    print(f"{RUNS} interleaved runs after {WARM_UP} to warm up")
    for name, taken in times.items():
        low, _, high = quantiles(taken, n=4)
        middle = f"median {median(taken) * 1000:6.1f} ms"
        print(f"  {name:26} {middle}   quartiles {low * 1000:.1f} to {high * 1000:.1f} ms")
    render = median(times[RENDER])
    print(f"render / {PASS}: {render / median(times[PASS]):.2f}")
    if COMPOSE not in times:
        print(f"render / {COMPOSE}: not measured, there is no Docker Compose here;")
        print("  tests/testbench/compose.sh fetches one (root on Debian)")
        return
    ratio = render / median(times[COMPOSE])
    verdict = "met" if ratio <= TARGET else "NOT met"
    print(f"render / {COMPOSE}: {ratio:.2f}   target at most {TARGET}: {verdict}")


def main() -> None:
    """Render once, then time everything on what came out."""
    tool = Path(sys.executable).with_name("glm-deploy")
    if not tool.exists():
        raise SystemExit(f"there is no {tool}; make bench installs it")
    compose = find_compose()
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "compose.yaml")
        # PYTHONDONTWRITEBYTECODE would have every module compiled anew, as no installed tool is.
        ours = ("GLM_DEPLOY_", "PYTHON")
        env = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        commands = {
            RENDER: ([str(tool), "render", "--output", file], env),
            PASS: ([sys.executable, "-c", "pass"], env),
        }
        seconds(*commands[RENDER])
        if compose:
            argv, compose_env = compose
            commands[COMPOSE] = ([*argv, "--file", file, "config", "--quiet"], compose_env)
        report(measure(commands))


if __name__ == "__main__":
    main()
