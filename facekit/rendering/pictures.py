"""What is said about any picture, whatever was done with it: its errors, its remarks, how many faces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from facekit.output.view import View
from facekit.pictures.inputs import is_picture
from facekit.pictures.lighting import TOO_BRIGHT, TOO_DARK
from facekit.results import Detection
from facekit.text.counting import counted
from facekit.text.escaping import printable
from facekit.text.tables import WIDTH, cell, width


class OfPicture(Protocol):
    """The result of one picture."""

    @property
    def source(self) -> str: ...

    @property
    def faces(self) -> Sequence[object]: ...

    @property
    def error(self) -> str | None: ...

    @property
    def notes(self) -> tuple[str, ...]: ...

    def to_dict(self) -> dict[str, Any]: ...


PictureKind = TypeVar("PictureKind", bound=OfPicture)


class PictureView(View[PictureKind]):
    """Counts pictures and faces."""

    def __init__(self) -> None:
        self.pictures = self.faces = 0

    def count(self, result: PictureKind) -> None:
        self.pictures += is_picture(result.source, result.error)
        self.faces += len(result.faces)

    def errors(self, result: PictureKind) -> Iterator[str]:
        if result.error:
            yield result.error

    def notes(self, result: PictureKind) -> Iterator[str]:
        yield from (f"{result.source}: {note}" for note in result.notes)

    def summary(self, *, stopped: bool = False) -> Iterator[str]:
        if stopped:
            done = min(self.pictures, self.total)
            yield f"stopped: {self.what_was_done()} {done} of {self.total} pictures"
        elif self.total > 1:
            yield f"{self.what_was_done()} {counted(self.pictures, 'picture')}"

    def what_was_done(self) -> str:
        """The beginning of a sentence that ends with a number of pictures."""
        return f"{counted(self.faces, 'face')} in"

    @property
    def without_face(self) -> bool:
        return not self.faces


def picture_line(source: str, faces: int, notes: Sequence[str] = ()) -> str:
    """`party.jpg: 2 faces`."""
    what = counted(faces, "face") + ("" if faces else light(notes))
    room = WIDTH - len(what) - 2
    return f"{cell(source, min(room, width(printable(source))))}: {what}"


def light(notes: Iterable[str]) -> str:
    """Where no face could be found: by which light."""
    return next((f" ({note})" for note in notes if note in (TOO_DARK, TOO_BRIGHT)), "")


def place(detection: Detection) -> str:
    """Where a face is, and how sure the detector was."""
    x0, y0, x1, y1 = (round(value) for value in detection.box)
    return f"{x0},{y0} – {x1},{y1}  detector {detection.score:.2f}"
