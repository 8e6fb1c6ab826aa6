"""The run of the commands that look at pictures without naming anybody: read, hand on, count."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from facekit import folders
from facekit.cli import DONE, FAILED, NO_FACE
from facekit.reading import Options, Reading, read_faces
from facekit.rendering.counting import counted

if TYPE_CHECKING:
    from facekit.cli.console import Console


class Taker(Protocol):
    """What is done with each reading, and when all are done."""

    def take(self, reading: Reading) -> None: ...

    def finish(self) -> None: ...


def pictures_in(console: Console, inputs: Sequence[str]) -> list[str]:
    """The pictures that the inputs stand for, in their order; told are a folder without any, and what was
    left out."""
    found = folders.find(inputs)
    for folder in found.empty:
        console.error(f"no pictures in {folder}")
    for remark in found.remarks():
        console.note(remark)
    return list(found.pictures)


def report(console: Console, inputs: Sequence[str], options: Options, taker: Taker) -> int:
    """Read all pictures and hand them on in order; the exit status."""
    sources = pictures_in(console, inputs)
    if not sources:
        return FAILED
    pictures = faces = 0
    try:
        for reading in read_faces(sources, options):
            pictures += 1
            faces += len(reading.faces)
            taker.take(reading)
            if reading.error:
                console.error(reading.error)
            for note in reading.notes:
                console.note(f"{reading.source}: {note}")
            console.progress(pictures, len(sources))
    except KeyboardInterrupt:
        console.note(f"stopped: {counted(faces, 'face')} in {pictures} of {len(sources)} pictures")
        raise
    taker.finish()
    if len(sources) > 1:
        console.note(f"{counted(faces, 'face')} in {pictures} pictures")
    if console.failed:
        return FAILED
    return DONE if faces else NO_FACE
