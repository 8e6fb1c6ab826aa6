"""The command line: `facekit COMMAND …`.

A command's module is imported only when the command is used, so that help, completion and a
mistyped option answer at once.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import importlib
import io
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import click

from facekit import __version__
from facekit.cli import signals, streams
from facekit.cli.console import Console, be_quiet
from facekit.errors import DependencyError, FacekitError, NoFaceError, UsageError

DONE, FAILED, USAGE, NO_FACE, DIFFERENT, INTERRUPTED = 0, 1, 2, 3, 4, 130

COMPLETION = "_FACEKIT_COMPLETE"
"""The variable by which a shell asks for its completion script, and for what could come next."""

COMMANDS = {
    "identify": "Say who is in each picture.",
    "enroll": "Add people to a gallery from their pictures.",
    "sync": "Make a gallery what its folders are.",
    "watch": "Say who is in front of a camera or in a video.",
    "register": "Enroll a person in front of a camera or in a video.",
    "verify": "Say whether two pictures show the same person.",
    "find": "Find the photos with a person.",
    "index": "Keep the faces of folders, so that photos are looked through once.",
    "redact": "Make faces in photos and videos unrecognizable.",
    "cluster": "Group unknown faces by person.",
    "serve": "Answer programs over HTTP, and people in a browser.",
    "gallery": "Look after the people in a gallery.",
    "detect": "Find the faces in pictures.",
    "align": "Cut aligned faces out of a folder of pictures.",
    "embed": "Write the vectors of all faces to a file.",
    "evaluate": "Measure error rates on your own pictures.",
    "calibrate": "Set a gallery's threshold from data.",
    "plot": "Draw scores, training runs and galleries, or write a report.",
    "train": "Train an embedder on your own pictures.",
    "export": "Make an embedder file of a trained run.",
    "train-landmarks": "Train the landmark predictor.",
    "train-refiner": "Train the refiner of landmarks.",
    "train-detector": "Train the network that finds faces.",
    "weights": "List or check the network files.",
    "doctor": "Look whether everything is in order, and say what to do.",
    "info": "Print what to paste into a bug report.",
}
"""Short helps by command: the group's help shows them without importing the commands."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used, and the one place where an exception
    becomes a message and an exit status.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        place = name.replace("-", "_")
        command: click.Command = getattr(importlib.import_module(f"facekit.cli.{place}"), place)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # click looks for similar names among commands that are loaded, and none is yet.
        if args and args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            from facekit.text.escaping import shell_command
            from facekit.text.suggestions import did_you_mean

            meant = did_you_mean(args[0], list(COMMANDS))
            if not meant and os.path.exists(args[0]):
                meant = f" To say who is in it: {shell_command(['facekit', 'identify', args[0]])}"
            ctx.fail(f"No such command {args[0]!r}.{meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> NoReturn:
        extra["standalone_mode"] = False
        streams.survive_any_text()
        words = sys.argv[1:] if args is None else args
        console = Console(addresses=_addresses(words))
        if COMPLETION in os.environ:
            importlib.import_module("facekit.cli.completion")
        try:
            with _traces(console) if "--debug" in words else contextlib.nullcontext():
                status = super().main(args, *rest, obj=console, **extra)
            sys.stdout.flush()
        except Exception as error:
            if "--debug" in words:
                raise
            status = _told(error, console)
        sys.exit(status if isinstance(status, int) else DONE)


def _addresses(words: Sequence[str]) -> list[str]:
    """What may be an address with a password in it, of the words of the command line."""
    if not any(":" in word for word in words):
        return []
    from facekit.text.redaction import is_address

    return [word for word in words if is_address(word)]


@contextlib.contextmanager
def _traces(console: Console) -> Iterator[None]:
    """Print where an unexpected error came from that stopped one picture only."""
    import logging

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            with contextlib.suppress(OSError):
                click.echo(console.redacted(record.getMessage()), err=True)

    logger, handler, level = logging.getLogger("facekit"), Handler(), logging.getLogger("facekit").level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def _told(error: Exception, console: Console) -> int:
    """Say what went wrong on standard error, in a line; the exit status of it."""
    if isinstance(error, click.exceptions.Abort):
        return signals.status(error.__cause__)
    if isinstance(error, ImportError | DependencyError) and (cause := signals.behind(error)):
        return signals.status(cause)
    if isinstance(error, OSError) and isinstance(error.__context__, KeyboardInterrupt):
        streams.give_up(sys.stderr)  # the terminal is gone, and click wanted to end the line of ^C on it
        return signals.status(error.__context__)
    if isinstance(error, click.ClickException):
        shown = io.StringIO()
        error.show(shown)
        with contextlib.suppress(OSError):
            click.echo(console.redacted(shown.getvalue()), err=True, nl=False)
        return error.exit_code
    if isinstance(error, BrokenPipeError):  # whoever read our output has had enough
        streams.give_up(sys.stdout)
        return FAILED
    if isinstance(error, FacekitError):
        console.error(str(error))
        if isinstance(error, NoFaceError):
            return NO_FACE
        return USAGE if isinstance(error, UsageError) else FAILED
    if isinstance(error, OSError) and error.strerror:
        of_output = streams.is_of_output(error)
        if of_output:
            streams.give_up(sys.stdout)
        place = streams.OUTPUT if of_output else error.filename
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT) and not of_output
        remedy = ": make room and run again" if is_full else ""
        console.error(f"{place}: {error.strerror}{remedy}" if place else f"{error.strerror}{remedy}")
        return FAILED
    if isinstance(error, MemoryError):
        console.error("there is not enough memory for this")
        return FAILED
    console.error(f"internal error ({type(error).__name__}: {error}); run with --debug to see where")
    return FAILED


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, "--version", message="facekit %(version)s")
@click.option("--quiet", "-q", is_flag=True, help="Print errors only, no notes, progress or summary.")
@click.option("--debug", is_flag=True, help="Show where an error came from.")
@click.pass_context
def group(ctx: click.Context, quiet: bool, debug: bool) -> None:
    """Who is in this photo? Face identification on an ordinary computer.

    \b
    Examples:
      facekit enroll people/         a sub-folder with pictures for each person
      facekit identify photo.jpg     who is it?
    """
    ctx.ensure_object(Console)
    if quiet:
        be_quiet(ctx)


def main() -> NoReturn:
    """The `facekit` command."""
    streams.open_closed()
    # NumPy's matrix library starts threads that keep a core busy for a while whenever they wait for work;
    # this is 2¹⁶ cycles instead of 2²⁶.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "16")
    try:
        signals.end_in_order()
        group.main(prog_name="facekit")
    except SystemExit as end:
        streams.flush()
        if threading.active_count() > 1:  # a picture is being looked through: nobody needs it any more
            os._exit(end.code if isinstance(end.code, int) else FAILED)
        # Python would look through everything it has loaded before it lets go of it all.
        gc.freeze()
        raise
    except Exception as error:  # with --debug: Python's own report would show addresses whole
        import traceback

        report = "".join(traceback.format_exception(error))
        with contextlib.suppress(OSError):
            click.echo(Console(addresses=_addresses(sys.argv[1:])).redacted(report), err=True, nl=False)
        sys.exit(FAILED)
    except KeyboardInterrupt as error:  # a second one, while the first was dealt with
        os._exit(signals.status(error))
