"""The run of `facekit cluster`: keep the faces of all photos, then group, print and save them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from facekit import clustering
from facekit.rendering import grouped
from facekit.rendering.counting import counted

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.gallery.sqlite.gallery import Gallery
    from facekit.reading import Reading


class Groups:
    """Takes the faces of one photo after the other; `usual` is the embedder's threshold, `poor_from` the rate
    from which a face is poor with it."""

    def __init__(
        self,
        console: Console,
        style: str,
        usual: float,
        poor_from: float,
        threshold: float | None,
        gallery: Gallery | None,
        out: Path | None,
        copy: str,
    ) -> None:
        self._console = console
        self._style = style
        self._threshold = clustering.LINK * usual if threshold is None else threshold
        self._poor_from = poor_from
        self._gallery = gallery
        self._out = out
        self._copy = copy
        self._faces: list[clustering.Sighting] = []

    def take(self, reading: Reading) -> None:
        crops = self._out is not None and self._copy == "faces"
        self._faces += clustering.sightings([reading], crops=crops)

    def finish(self) -> None:
        found = clustering.group_faces(self._faces, self._threshold, self._gallery, poor_from=self._poor_from)
        for line in grouped.lines(found, self._style):
            self._console.emit(line)
        if self._out is not None:
            save = grouped.save_faces if self._copy == "faces" else grouped.save_photos
            save(found, self._out)
            of = counted(len(found.groups), "group") if found.groups else "single people"
            self._console.note(
                f"{self._copy} of {of} written to {self._out}"
                if found.groups or found.single
                else f"nothing written to {self._out}"
            )
