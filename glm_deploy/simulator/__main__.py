"""Runs the simulator: `python -m glm_deploy.simulator`, then what `sglang serve` would be told."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from typing import TYPE_CHECKING

from glm_deploy.sglang import parser
from glm_deploy.sglang.option import ArgvRefused
from glm_deploy.simulator import arguments, boot, log, memory, settings
from glm_deploy.simulator.engine import Engine, Status
from glm_deploy.simulator.failures import EngineFailure
from glm_deploy.simulator.server import Server

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glm_deploy.simulator.arguments import ServerArguments
    from glm_deploy.simulator.settings import Settings

# How often SGLang looks whether it may end or whether requests are still running.
DRAIN_POLL_S = 5.0

REFUSED = 2
DIED = 1


def main(argv: Sequence[str]) -> int:
    """Live a server's life; returns its exit status."""
    try:
        chosen = settings.from_environment(os.environ)
    except settings.SettingsRefused as refusal:
        log.raw(f"glm-deploy simulator: {refusal}\n")
        return REFUSED
    if {"-h", "--help"} & set(argv):
        sys.stdout.write(parser.usage(chosen.catalogue.options))
        return 0
    try:
        server_arguments = arguments.parse(chosen.catalogue, argv)
    except ArgvRefused as refusal:
        usage = parser.usage(chosen.catalogue.options)
        log.raw(f"{usage}{parser.PROG}: error: {refusal}\n")
        return REFUSED
    except ValueError:
        log.raw(traceback.format_exc())
        return DIED
    return _run(server_arguments, chosen)


def _run(server_arguments: ServerArguments, chosen: Settings) -> int:
    stop = threading.Event()
    # Until it serves, a signal ends it at once; as process 1 of a container it would not without.
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(128 + number))
    space = memory.measure(server_arguments)
    try:
        boot.load_model(server_arguments, space, chosen)
    except EngineFailure:
        return DIED
    engine = Engine(server_arguments, space, chosen)
    log.uvicorn(f"Started server process [{os.getpid()}]")
    log.uvicorn("Waiting for application startup.")
    log.uvicorn("Application startup complete.")
    host, port = server_arguments["--host"], server_arguments["--port"]
    try:
        server = Server(host, port, engine)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        log.uvicorn(
            f"[Errno {error.errno}] error while attempting to bind on address "
            f"({host!r}, {port}): {reason}",
            "ERROR",
        )
        return DIED
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: stop.set())
    log.uvicorn(f"Uvicorn running on http://{host}:{port} (Press CTRL+C to quit)")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=_warm_up, args=(engine,), daemon=True).start()
    stop.wait()
    _drain(server, engine)
    return 0


def _warm_up(engine: Engine) -> None:
    if not engine.arguments["--skip-server-warmup"]:
        engine.settings.wait(boot.WARM_UP_S)
    if engine.status is Status.STARTING:
        engine.status = Status.UP
    log.line("The server is fired up and ready to roll!")


def _drain(server: Server, engine: Engine) -> None:
    """Let running requests finish, without limit, while health checks say 503."""
    engine.status = Status.DRAINING
    log.line("SIGTERM received. signum=15 frame=<frame>. Draining requests and shutting down...")
    while True:
        log.line(
            f"Gracefully exiting... Remaining number of requests {server.open_requests}. "
            "Remaining requests remaining_rids=[]."
        )
        if not server.open_requests:
            return
        engine.settings.wait(DRAIN_POLL_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
