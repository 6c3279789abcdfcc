"""The command line: click only. Parse, call, print, exit."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from glm_deploy import __version__
from glm_deploy.errors import DeployError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

# Command -> the module that holds it: only the module of the command that runs is imported.
COMMANDS = {
    "up": "up",
    "preflight": "preflight",
    "render": "render",
    "explain": "explain",
    "profiles": "profiles",
    "flags": "flags",
    "resolve": "resolve",
    "lint": "lint",
    "import": "import_",
    "probe": "probe",
    "status": "deployments",
    "logs": "deployments",
    "down": "deployments",
    "chat": "chat",
}

EPILOG = """\b
Exit codes:
  0    good
  1    findings at or above --fail-on (default: error)
  2    usage or profile
  3    host or Docker unavailable
  4    launch failed, or server not accepted
  5    lock held by another run
  70   bug
  130  interrupted
"""


class Commands(click.Group):
    """The group of all commands, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands, in the order of a rollout."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import the module that holds `name`."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"glm_deploy.cli.{COMMANDS[name]}")
        command = getattr(module, COMMANDS[name] if name == "import" else name)
        return command if isinstance(command, click.Command) else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest command named for a misspelled one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(COMMANDS)}"
            raise click.UsageError(f"there is no command {args[0]}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """As click does, but errors of the output are the caller's to handle."""
        try:
            result = super().main(*args, **kwargs)
            sys.stdout.flush()
        except SystemExit as ended:
            # Without standalone mode click exits for one reason: its reader has gone.
            raise BrokenPipeError from ended
        return result


@click.command(cls=Commands, epilog=EPILOG, context_settings={"max_content_width": 100})
@click.version_option(__version__, message="glm-deploy %(version)s")
def cli() -> None:
    """Serve GLM-5.1 with SGLang on RTX PRO 6000 Blackwell cards.

    A profile goes in; a running, proven server comes out, or one clear sentence says why not.
    """


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit with a documented code, never with a traceback."""
    # Starting makes thousands of objects that stay; looking for garbage after every 700 of them,
    # CPython's default, takes a tenth of a short run.
    gc.set_threshold(100_000)
    sys.exit(run(argv))


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        result = cli.main(args=argv, standalone_mode=False)
    except DeployError as error:
        from glm_deploy.report import show_error

        show_error(error)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever closed our output has seen enough: that is no failure.
        _drop_output()
        return ExitCode.GOOD
    except OSError as error:
        _drop_output()
        click.echo(f"error: {error}\nfix:   Look at the disk and the permissions: df -h", err=True)
        return ExitCode.HOST
    except Exception as error:
        return _bug(error)
    return result if isinstance(result, int) else ExitCode.GOOD


def _drop_output() -> None:
    """Keep Python from complaining at its exit about what can no longer be written."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _bug(error: Exception) -> int:
    if os.environ.get("GLM_DEPLOY_DEBUG"):
        import traceback

        traceback.print_exc()
    click.echo(
        f"error: a bug in glm-deploy {__version__}: {type(error).__name__}: {error}\n"
        "fix:   Run it again with GLM_DEPLOY_DEBUG=1 and report what it prints.",
        err=True,
    )
    return ExitCode.BUG
