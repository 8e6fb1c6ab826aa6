"""What a format asks about one kind of result. JSON needs nothing of it: a result has its `to_dict`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar


class Result(Protocol):
    """Whatever a verb gives."""

    def to_dict(self) -> dict[str, Any]: ...


Kind = TypeVar("Kind", bound=Result)


class View(Generic[Kind]):
    """How one kind of result is shown to people, and as rows; and what is said of it beside the results."""

    columns: Sequence[str] = ()
    """The titles of the rows."""

    alone = False
    """Whether there is one result only, which is a JSON document by itself."""

    notes_first = False
    """Whether what is said of a result has to be known before it is read."""

    total = 0
    """How many pictures there are; known before the first result."""

    left_out: Sequence[Result] = ()
    """The files and folders that were not read."""

    def heading(self) -> Iterable[str]:
        """Lines before the first result."""
        return ()

    def text(self, result: Kind) -> Iterable[str]:
        """The lines of one result."""
        return ()

    def ending(self) -> Iterable[str]:
        """Lines after the last result."""
        return ()

    def rows(self, result: Kind) -> Iterable[Sequence[object]]:
        """The result as rows of the `columns`."""
        return ()

    def count(self, result: Kind) -> None:
        """Take the result into the summary."""

    def errors(self, result: Kind) -> Iterable[str]:
        """What failed, for standard error: the exit status is 1 then."""
        return ()

    def notes(self, result: Kind) -> Iterable[str]:
        """Remarks on the result, for standard error."""
        return ()

    def summary(self, *, stopped: bool = False) -> Iterable[str]:
        """What is said at the end, on standard error; `stopped`: when the user interrupted."""
        return ()

    def failed(self, error_printed: bool) -> bool:
        """Whether the exit status is 1; `error_printed`: whether there was an error."""
        return error_printed

    @property
    def without_face(self) -> bool:
        """Whether no input had a face: the exit status is 3 then."""
        return False


class Format(Generic[Kind]):
    """Writes results, one after the other, as lines."""

    def __init__(self, view: View[Kind]) -> None:
        self.view = view

    def begin(self) -> Iterator[str]:
        """What stands before the first result."""
        yield from ()

    def one(self, result: Kind) -> Iterator[str]:
        """One result."""
        raise NotImplementedError

    def end(self) -> Iterator[str]:
        """What stands after the last result."""
        yield from ()
