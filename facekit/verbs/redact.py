"""Faces in photos and videos, made unrecognizable."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from os import PathLike
from typing import TYPE_CHECKING, Literal

from facekit.arguments import score_of, texts_of
from facekit.errors import PictureError, UsageError
from facekit.faces.reading import Options, Reading
from facekit.people import identification
from facekit.people.visibility import FaceVisibility, Redaction, Visibility
from facekit.pictures import camera_exif, folders, images
from facekit.pictures.inputs import Inputs, listed
from facekit.pictures.left_out import VIDEO_SUFFIXES
from facekit.pictures.remote import refuse
from facekit.text.subject_names import subject_name
from facekit.verbs.galleries import AnyGallery, in_use
from facekit.verbs.listeners import OnLeftOut, OnNote, OnProgress, no_note, no_progress, nothing_left_out
from facekit.verbs.pictures import folder_of, paths_among, readings

if TYPE_CHECKING:
    from pathlib import Path

    from facekit.faces.pipeline import Pipeline
    from facekit.gallery.base import Gallery
    from facekit.rendering.covering import Cover
    from facekit.rendering.redacted_files import RedactedTree
    from facekit.rendering.redaction_sheet import RedactionSheet
    from facekit.results import Pixels


def redact(
    inputs: Inputs,
    gallery: AnyGallery | None = None,
    *,
    output: str | PathLike[str] | None = None,
    method: Literal["blur", "pixelate", "cover"] = "blur",
    shape: Literal["ellipse", "box"] = "ellipse",
    except_: str | Sequence[str] = (),
    only: str | Sequence[str] = (),
    leave_unknown: bool = False,
    threshold: float | None = None,
    keep_metadata: bool = False,
    review: str | PathLike[str] | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
    options: Options | None = None,
    pipeline: Pipeline | None = None,
    on_note: OnNote = no_note,
    on_progress: OnProgress = no_progress,
    on_left_out: OnLeftOut = nothing_left_out,
) -> Iterator[Redaction]:
    """Copies of the pictures and videos of the inputs (files, folders, `-`) in the folder `output`, with the
    faces made unrecognizable: by the `method`, in the `shape` around each face.

    All faces are redacted; with `except_` all but those people's; with `only` theirs, and those of unknown
    people, unless `leave_unknown`. Who somebody is says the gallery, at its threshold unless another is
    given. A face that was not found is not redacted: `review` is a page (HTML) with all results, to be looked
    through. The copies have no metadata; with `keep_metadata` that of the camera: when, where and how, but no
    thumbnail and nobody's name. A copy that somebody changed since it was written is left as it is, unless
    `overwrite`. With `dry_run` nothing is written. An input that cannot be read is a result
    with an `error`; the others go on."""
    inputs, options = listed(inputs), Options.of(options)
    refuse(inputs, "redact copies")
    rule = Visibility(_names(except_, "except"), _names(only, "only"), leave_unknown)
    limit = score_of(threshold, "the threshold")
    cover = _cover(method, shape)
    out, page = folder_of(output, "output"), folder_of(review, "review")
    if out is None and not dry_run:
        raise UsageError("say in which folder the redacted copies are saved: -o DIR")
    if gallery is not None and not rule.needs_names:
        raise UsageError(
            "a gallery goes with --except, --only or --leave-unknown: without them all are redacted"
        )
    if out is not None and page is not None and page.resolve().is_relative_to(out.resolve()):
        on_note(f"{page}: lies among the copies in {out}: take it out before you give these away")
    pipeline = options.pipeline_or(pipeline)
    with ExitStack() as stack:
        opened: Gallery | None = None
        if rule.needs_names:
            opened = stack.enter_context(in_use(gallery, pipeline, on_note))
            identification.require_subjects(opened, options.embedder)
            identification.require_names(opened, rule.names)
        people = _People(rule, opened, limit)
        saved = _Saved(cover, keep_metadata=keep_metadata, overwrite=overwrite)
        saved.open(out, page, paths_among(inputs), dry_run=dry_run)
        stack.push(saved.finish)
        listing, films = _divided(folders.list_pictures(inputs))
        with_pixels = dataclasses.replace(options, keep_pictures=not dry_run)
        for reading in readings(
            inputs,
            with_pixels,
            pipeline,
            listing=listing,
            on_note=on_note,
            on_progress=lambda done, total: on_progress(done, total + len(films)),
            on_left_out=on_left_out,
        ):
            yield saved.picture(reading, people.faces(reading))
        for done, film in enumerate(films, len(listing.pictures)):
            on_progress(done, len(listing.pictures) + len(films))
            yield saved.video(film, people, pipeline, options.max_pixels)
        if films:
            on_progress(len(listing.pictures) + len(films), len(listing.pictures) + len(films))


@dataclasses.dataclass(frozen=True)
class _People:
    """Who is redacted, by the gallery's names, if it matters."""

    rule: Visibility
    gallery: Gallery | None
    threshold: float | None

    def faces(self, reading: Reading) -> tuple[FaceVisibility, ...]:
        if self.gallery is None:
            detections = [face.detection for face in reading.faces]
            return tuple(FaceVisibility(detection.box, detection.score) for detection in detections)
        named = identification.name_faces(self.gallery, reading.faces, threshold=self.threshold)
        return tuple(FaceVisibility.of(face, self.rule) for face in named)


class _Saved:
    """Redacts what was read, and saves it; in a dry run it tells what would become of it."""

    def __init__(self, cover: Cover, *, keep_metadata: bool, overwrite: bool) -> None:
        self._cover, self._keep_metadata, self._overwrite = cover, keep_metadata, overwrite
        self._tree: RedactedTree | None = None
        self._sheet: RedactionSheet | None = None

    def open(self, out: Path | None, page: Path | None, inputs: Sequence[str], *, dry_run: bool) -> None:
        from facekit.rendering.redacted_files import RedactedTree
        from facekit.rendering.redaction_sheet import RedactionSheet, require_sheet

        if page is not None:
            require_sheet(page, inputs)
        if out is not None:
            self._tree = RedactedTree(out, inputs, overwrite=self._overwrite, dry_run=dry_run)
        if page is not None and not dry_run:
            self._sheet = RedactionSheet(page, inputs)

    def finish(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Close the page; after Ctrl-C too, with what there is."""
        if self._sheet is None:
            return
        if error is None or isinstance(error, KeyboardInterrupt | GeneratorExit):
            self._sheet.close()
        else:
            self._sheet.abandon(error)

    def picture(self, reading: Reading, faces: tuple[FaceVisibility, ...]) -> Redaction:
        """Redact a picture and save it; what became of it."""
        result = Redaction(reading.source, faces, error=reading.error, notes=reading.notes, size=reading.size)
        if self._tree is None or reading.error:
            return result
        from facekit.rendering.redacted_files import ChangedCopyError, other_name

        try:
            path = self._tree.planned(reading.source)
            if reading.picture is None:
                notes = (*result.notes, *other_name(reading.source, path, done=False))
                return dataclasses.replace(result, notes=notes)
            from facekit.rendering.covering import redacted

            pixels = redacted(reading.picture.pixels, [face.box for face in result.hidden], self._cover)
            path = self._tree.save(reading.source, pixels, self._exif(reading))
        except ChangedCopyError as changed:
            result = dataclasses.replace(result, changed_copy=str(changed.path))
            self._show(result, self._changed_picture(changed.path, reading.size))
        except UsageError as error:
            return dataclasses.replace(result, error=f"{reading.source}: not saved: {error}")
        else:
            notes = (*result.notes, *other_name(reading.source, path))
            result = dataclasses.replace(result, output=str(path), notes=notes)
            self._show(result, [pixels])
        return result

    def _changed_picture(self, path: Path, size: tuple[int, int]) -> list[Pixels]:
        """A copy as somebody left it, to be looked at like the others."""
        if self._sheet is None:
            return []
        try:
            return [images.read(path, max_pixels=max(images.MAX_PIXELS, math.prod(size))).pixels]
        except PictureError:  # the page says what was left, and has no picture of it
            return []

    def video(self, source: str, people: _People, pipeline: Pipeline, max_pixels: int) -> Redaction:
        """Redact a video and save it; what became of it."""
        from facekit.verbs.redact_video import VideoRedactor

        redactor = VideoRedactor(
            people.rule,
            self._cover,
            pipeline,
            people.gallery,
            people.threshold,
            self._tree,
            max_pixels,
            self._keep_metadata,
        )
        result, pictures = redactor.redact(source)
        if result.changed_copy and self._sheet is not None:
            pictures = redactor.some_frames(result.changed_copy)
        if result.output or result.changed_copy:
            self._show(result, pictures)
        return result

    def _show(self, result: Redaction, pictures: Sequence[Pixels]) -> None:
        if self._sheet is not None:
            self._sheet.add(result, pictures)

    def _exif(self, reading: Reading) -> bytes:
        if not self._keep_metadata or reading.in_memory or reading.source == "-":
            return b""
        try:
            return camera_exif.camera_exif(images.content(reading.source), reading.source)
        except PictureError:  # gone meanwhile
            return b""


def _divided(listing: folders.Listing) -> tuple[folders.Listing, list[str]]:
    """The pictures with what was left out, and the videos, whether they were named or lie in folders."""
    named = [source for source in listing.pictures if isinstance(source, str) and _is_video(source)]
    inside = [item for item in listing.left_out if not item.folder and item.reason in VIDEO_SUFFIXES]
    films = [*named, *sorted(item.path for item in inside)]
    return (
        dataclasses.replace(
            listing,
            pictures=tuple(source for source in listing.pictures if source not in named),
            left_out=tuple(item for item in listing.left_out if item not in inside),
            empty=tuple(
                folder
                for folder in listing.empty
                if not any(film.startswith(os.path.join(folder, "")) for film in films)
            ),
        ),
        films,
    )


def _is_video(source: str) -> bool:
    return os.path.splitext(source)[1].lower() in VIDEO_SUFFIXES


def _names(names: str | Sequence[str], what: str) -> frozenset[str]:
    return frozenset(map(subject_name, texts_of(names, what)))


def _cover(method: str, shape: str) -> Cover:
    from facekit.rendering.covering import METHODS, SHAPES, Cover

    for value, allowed, what in ((method, METHODS, "method"), (shape, SHAPES, "shape")):
        if value not in allowed:
            raise UsageError(f"the {what} is {value!r:.60}: give {', '.join(allowed)}")
    return Cover(method, shape)  # type: ignore[arg-type]
