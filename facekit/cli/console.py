"""What goes to standard error: notes, errors, progress. Data goes to standard output, by `emit`."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Sequence
from typing import Any

import click

from facekit.cli import streams


class Console:
    """Messages that keep out of each other's way, and a progress line on a terminal only. No message shows
    the user, the password or the query of an address, least of all of the `addresses` that the user gave.
    """

    def __init__(self, *, quiet: bool = False, addresses: Sequence[str] = ()) -> None:
        self.quiet = quiet
        self._addresses = tuple(addresses)
        self.failed = False
        self._line = ""
        self._drawn = 0.0
        self._began = 0.0

    @property
    def listeners(self) -> dict[str, Any]:
        """What a verb is given, so that its remarks and its progress are told here."""
        return {"on_note": self.note, "on_progress": self.progress}

    def emit(self, line: str) -> None:
        """A line of data. Raises OSError where standard output does not take it."""
        if self._line and sys.stdout.isatty():
            self._clear()
        if self._addresses:
            from facekit.text.redaction import without_address

            for address in self._addresses:
                line = without_address(line, address)
        click.echo(line)

    def note(self, text: str) -> None:
        """A remark, left out with `--quiet`."""
        if not self.quiet:
            self._say(text)

    def error(self, text: str) -> None:
        """What failed: always printed, and remembered for the exit status."""
        self.failed = True
        self._say(text)

    def progress(self, done: int, total: int, what: str = "pictures") -> None:
        """Redraw the progress line, at most ten times a second; nothing where nobody watches."""
        if self.quiet or total < 2 or not is_watched():
            return
        if done <= 1:
            self._began = time.monotonic()
        left = (time.monotonic() - self._began) / done * (total - done) if done > 1 else 0.0
        about = f", {duration(left)} left" if left > 10 else ""
        self._line = f"{done * 100 // total:3d} %  {done} of {total} {what}{about}"
        if done == total:
            self._clear()
            self._line = ""
        elif time.monotonic() - self._drawn > 0.1:
            self._drawn = time.monotonic()
            _draw(f"\r\x1b[K{self._line}")

    def status(self, text: str) -> None:
        """Redraw a line that says how things are, where somebody watches; the empty text ends it."""
        if self.quiet or not is_watched():
            return
        from facekit.text.tables import fit

        self._clear()
        text = self.redacted(text)
        self._line, self._drawn = text, time.monotonic()
        if text:
            _draw(f"\r\x1b[K{fit(text, shutil.get_terminal_size().columns - 1).rstrip()}")

    def _say(self, text: str) -> None:
        from facekit.text.escaping import printable

        self._clear()
        _draw(f"facekit: {printable(self.redacted(text))}\n")

    def redacted(self, text: str) -> str:
        """`text` as it may be shown: see `facekit.text.redaction`."""
        if not self._addresses and "://" not in text:
            return text
        from facekit.text.redaction import redacted

        return redacted(text, self._addresses)

    def _clear(self) -> None:
        if self._line and self._drawn:
            _draw("\r\x1b[K")
            self._drawn = 0.0


def be_quiet(ctx: click.Context) -> None:
    """From now on errors only; the library's warnings, as that a database is tried again, are notes too."""
    import logging

    console: Console = ctx.ensure_object(Console)
    console.quiet = True
    logger = logging.getLogger("facekit")
    before = logger.level
    if before != logging.DEBUG:  # --debug wants all of them
        logger.setLevel(logging.ERROR)
        ctx.find_root().call_on_close(lambda: logger.setLevel(before))


def is_watched() -> bool:
    """Whether somebody sees lines that are drawn over."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _draw(text: str) -> None:
    """Write to standard error; that nobody hears of it is no reason to leave work half done."""
    try:
        click.echo(text, err=True, nl=False)
    except OSError:
        streams.give_up(sys.stderr)


def duration(seconds: float) -> str:
    """`about 40 s`, `about 12 min`, `about 3 h`."""
    if seconds < 90:
        return f"about {max(10, round(seconds, -1)):.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.0f} h"
