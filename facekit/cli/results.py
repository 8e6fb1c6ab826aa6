"""Results of a verb to standard output in the format that is wanted, and what is said of them beside."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Self

from facekit import output
from facekit.cli import DONE, FAILED, NO_FACE
from facekit.output.view import Kind

if TYPE_CHECKING:
    from types import TracebackType

    from facekit.cli.console import Console
    from facekit.output.view import Format, View
    from facekit.pictures.left_out import LeftOut


class Writer(Generic[Kind]):
    """Writes results as they come; without a `style` nothing of them goes to standard output.

    Either `write` takes them all, or `one` each within the context. At its end comes the summary, also when
    the user interrupts.
    """

    def __init__(
        self, console: Console, style: str | None, view: View[Kind], *, verbose: bool = False
    ) -> None:
        self._console = console
        self._verbose = verbose
        self._view = view
        self._format: Format[Any] | None = None if style is None else output.opened(style, view)
        self._begun = False

    @property
    def listeners(self) -> dict[str, Any]:
        """What a verb is given, so that its remarks and its progress are told."""
        return {
            "on_note": self._console.note,
            "on_progress": self.progress,
            "on_left_out": self.leave_out,
        }

    def leave_out(self, left_out: Sequence[LeftOut]) -> None:
        """What a verb did not read: for the document, and in lines where everything is to be told."""
        self._view.left_out = left_out
        if self._verbose:
            for item in left_out:
                self._console.note(f"left out: {item.path} ({item.reason})")

    def progress(self, done: int, total: int) -> None:
        """What a verb reports: with the first call it has all that it needs, and the output begins."""
        self._view.total = total
        self._begin()
        self._console.progress(done, total)

    def write(self, results: Iterable[Kind]) -> int:
        """Write all results; the exit status."""
        with self:
            try:
                for result in results:
                    self.one(result)
            finally:
                if isinstance(results, Generator):  # what it has open is put away now, not when Python ends
                    results.close()
        return self.status

    def one(self, result: Kind) -> None:
        """Write a result."""
        self._begin()
        self._view.count(result)
        if self._view.notes_first:
            self._notes(result)
        if self._format:
            self._emit(self._format.one(result))
        for error in self._view.errors(result):
            self._console.error(error)
        if not self._view.notes_first:
            self._notes(result)

    def _notes(self, result: Kind) -> None:
        for note in self._view.notes(result):
            self._console.note(note)

    @property
    def status(self) -> int:
        """The exit status."""
        if self._view.failed(self._console.failed):
            return FAILED
        return NO_FACE if self._view.without_face else DONE

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stopped = kind is not None and issubclass(kind, KeyboardInterrupt)
        if kind is None:
            self._begin()
        if kind is None or (stopped and self._begun):
            self._end(stopped=stopped)

    def _begin(self) -> None:
        if self._format and not self._begun:
            self._emit(self._format.begin())
        self._begun = True

    def _end(self, *, stopped: bool) -> None:
        if self._format:
            self._emit(self._format.end())
        for line in self._view.summary(stopped=stopped):
            self._console.note(line)

    def _emit(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._console.emit(line)
