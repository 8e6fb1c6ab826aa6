"""Which faces are of one person, whether anybody knows them or not?"""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Literal

from facekit.arguments import score_of
from facekit.errors import UsageError
from facekit.faces import vector_files
from facekit.faces.cropping import with_crops
from facekit.faces.reading import Options, Reading
from facekit.gallery.sharded_search import by_workers
from facekit.library.index import PhotoIndex
from facekit.library.readings import IndexedReader, look_of
from facekit.people import clustering
from facekit.pictures.inputs import Inputs, is_picture, listed
from facekit.pictures.remote import refuse
from facekit.text.counting import counted
from facekit.verbs.galleries import AnyGallery, in_use, users_gallery
from facekit.verbs.listeners import OnLeftOut, OnNote, OnProgress, no_note, no_progress, nothing_left_out
from facekit.verbs.pictures import folder_of, paths_among, place_of, readings

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.gallery.base import Gallery
    from facekit.people.clustering import Grouping, Sighting

Copy = Literal["faces", "photos"]
"""What a folder for each group holds: aligned faces, or the photos as they are."""


def cluster(
    inputs: Inputs,
    gallery: AnyGallery | None = None,
    *,
    out: str | PathLike[str] | None = None,
    copy: Copy = "faces",
    threshold: float | None = None,
    review: str | PathLike[str] | None = None,
    options: Options | None = None,
    pipeline: Pipeline | None = None,
    on_note: OnNote = no_note,
    on_progress: OnProgress = no_progress,
    on_left_out: OnLeftOut = nothing_left_out,
) -> Grouping:
    """The faces of all pictures of the inputs (pictures, folders), grouped by person; or those in files of
    vectors, as `embed` writes them with `output="part1.npz"`: of all shards, the pictures are not read again.

    Faces with a score of at least `threshold` are linked; None takes 0.85 of the embedder's own. A group of
    somebody who is in the `gallery` has a name; without one, the user's own is asked, if there is one. With
    `out`, a folder for each group is written into that folder, which must be empty or not there yet. With
    `review`, a page (HTML) is written in which somebody who looks at the groups gives them names, and that
    saves them as a table for `enroll` with `groups`. A picture that cannot be read has no faces, and is among
    the `problems`. What the index of the gallery knows is not read again.
    """
    from facekit.rendering import grouped
    from facekit.rendering.review_page import review_page, write_page

    inputs, options = listed(inputs), Options.of(options)
    folder, limit = folder_of(out, "out"), score_of(threshold, "the threshold")
    page = None if review is None else place_of(review, "review")
    if copy not in ("faces", "photos"):
        raise UsageError(f"copy is {copy!r}: give 'faces' or 'photos'")
    if folder and copy == "photos":
        refuse(inputs, "cluster copies")
    files = vector_files.among(inputs)
    if files and page:
        raise UsageError(f"{files[0]}: has vectors, no faces to be shown: give the photos")
    if files and folder and copy == "faces":
        raise UsageError(f"{files[0]}: has vectors, no faces to be copied: copy the photos (--copy photos)")
    with ExitStack() as stack:
        if folder:
            stack.enter_context(grouped.empty_folder(folder, paths_among(inputs)))
        shown = page and stack.enter_context(review_page(page, paths_among(inputs)))
        pipeline = options.pipeline_or(pipeline)
        opened = _known_people(stack, gallery, pipeline, on_note)
        reading = _Reading(on_note, on_left_out, crops=bool(page) or (folder is not None and copy == "faces"))
        if files:
            reading.take(vector_files.Collection(files, pipeline.fingerprint))
        else:
            place = None if opened is None else opened.place
            index = stack.enter_context(PhotoIndex.for_gallery(place))
            reader = None if index is None else IndexedReader(index, look_of(options, pipeline), whole=True)
            reading.read(inputs, options, pipeline, reader, on_progress)
        if opened is not None:
            stack.enter_context(by_workers(opened, options))
        grouping = cluster_faces(reading.faces, opened, threshold=limit, pipeline=pipeline)
        if folder:
            save = grouped.save_faces if copy == "faces" else grouped.save_photos
            save(grouping, folder)
        if shown:
            write_page(shown, grouping, opened.names() if opened else ())
        return replace(grouping, problems=tuple(reading.problems), pictures=reading.pictures)


def cluster_faces(
    faces: Sequence[Sighting], gallery: Gallery | None, *, threshold: float | None, pipeline: Pipeline
) -> Grouping:
    """`cluster` for faces that are there already: those of one `source` are of one photo."""
    limit = clustering.LINK * pipeline.spec.threshold if threshold is None else threshold
    return clustering.group_faces(faces, limit, gallery, poor_from=pipeline.spec.poor_from)


def _known_people(
    stack: ExitStack, gallery: AnyGallery | None, pipeline: Pipeline, on_note: OnNote
) -> Gallery | None:
    if gallery is not None:
        return stack.enter_context(in_use(gallery, pipeline, on_note))
    own = users_gallery(fingerprint=pipeline.fingerprint, on_note=on_note)
    return None if own is None else stack.enter_context(own)


class _Reading:
    """Takes the faces of one picture after the other."""

    def __init__(self, on_note: OnNote, on_left_out: OnLeftOut, *, crops: bool) -> None:
        self.faces: list[clustering.Sighting] = []
        self.problems: list[str] = []
        self.total = self._done = self._no_pictures = 0
        self._on_note, self._on_left_out, self._crops = on_note, on_left_out, crops

    def take(self, collection: vector_files.Collection) -> None:
        """Those of files of vectors."""
        self.total = collection.pictures
        for reading in collection.readings():
            self._add(reading)

    def _add(self, reading: Reading, options: Options | None = None) -> None:
        if self._crops and options is not None and reading.faces and not reading.faces[0].crop.size:
            reading = with_crops(reading, options)  # the index has none
        self.faces += clustering.sightings([reading], crops=self._crops)
        self.problems += [reading.error] if reading.error else []
        # Folders without a picture are none of those that are to be read.
        if not is_picture(reading.source, reading.error):
            self._no_pictures += not os.path.isdir(reading.source)

    @property
    def pictures(self) -> int:
        """How many there are, without paths at which nothing is."""
        return self.total - self._no_pictures

    def read(
        self,
        inputs: Inputs,
        options: Options,
        pipeline: Pipeline,
        reader: IndexedReader | None,
        on_progress: OnProgress,
    ) -> None:
        def progress(done: int, total: int) -> None:
            self._done, self.total = done, total
            on_progress(done, total)

        try:
            for reading in readings(
                inputs,
                options,
                pipeline,
                reader=reader,
                on_note=self._on_note,
                on_progress=progress,
                on_left_out=self._on_left_out,
            ):
                self._add(reading, options)
                for note in reading.notes:
                    self._on_note(f"{reading.source}: {note}")
        except KeyboardInterrupt:
            faces = counted(len(self.faces), "face")
            self._on_note(f"stopped: {faces} in {self._done} of {self.total} pictures")
            raise
