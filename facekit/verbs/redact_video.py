"""Faces in videos, made unrecognizable: every frame is looked at first, and written then."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facekit import extras
from facekit.errors import PictureError, UsageError
from facekit.people.visibility import WEAK, Redaction, VideoVisibility, Visibility
from facekit.rendering.copy_marks import CopyOrigin, seal
from facekit.rendering.covering import Cover, redacted
from facekit.rendering.redacted_files import ChangedCopyError, other_name
from facekit.rendering.trees import one_place
from facekit.video import backends, frame_detection, session, sources, streams, writer
from facekit.video.face_paths import Survey
from facekit.video.knowledge import Knowledge
from facekit.video.reader import Reader
from facekit.video.writer import VideoFile

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.gallery.base import Gallery
    from facekit.rendering.redacted_files import RedactedTree
    from facekit.results import Box, Pixels
    from facekit.video.frame_detection import FrameDetector
    from facekit.video.frames import Frame

_SHOWN = 8
"""So many frames of a video are shown for review."""
_DESCRIBED = 0.3
"""Seconds after which it is asked again who somebody is: whoever comes into a place has no other's name for
long."""


@dataclass(frozen=True)
class VideoRedactor:
    """How videos are redacted. Without a `tree`, and in its dry run, nothing is written."""

    rule: Visibility
    cover: Cover
    pipeline: Pipeline
    gallery: Gallery | None
    threshold: float | None
    tree: RedactedTree | None
    max_pixels: int
    keep_metadata: bool

    def redact(self, source: str) -> tuple[Redaction, list[Pixels]]:
        """What became of a video, and some frames as they were written."""
        if backends.pyav() is None:
            return Redaction(
                source, error=f"{source}: redacting videos needs PyAV: {extras.install('video')}"
            ), []
        try:
            path = None if self.tree is None else self.tree.place(source, _ending(source), writer.comment_of)
            survey, problems = self._survey(source)
            boxes, visible = survey.hidden(self.rule.shows)
            found = VideoVisibility(
                len(boxes),
                survey.times[-1],
                sum(map(bool, boxes)),
                sum(map(bool, visible)),
                tuple(sorted(name for name in set().union(*visible) if name is not None)),
                survey.weak(self.rule.shows, WEAK),
            )
            result = Redaction(source, video=found, error="; ".join(problems) or None, size=survey.size)
            if self.tree is None or path is None or self.tree.dry_run:
                notes = other_name(source, path, done=False) if path else ()
                return replace(result, notes=notes), []
            return self._written(result, boxes, path)
        except ChangedCopyError as changed:
            return Redaction(source, changed_copy=str(changed.path)), []
        except (PictureError, UsageError) as error:
            return Redaction(source, error=str(error)), []

    def some_frames(self, source: str) -> list[Pixels]:
        """Frames from all of a video; of a damaged one, of what there is."""
        frames: list[Frame] = []
        step = 1
        with suppress(PictureError):
            for frame in _frames(self._reader(source)):
                frames += [frame] * (frame.number % step == 0)
                if len(frames) > 2 * _SHOWN:
                    frames, step = frames[::2], 2 * step
        return [frames[place].pixels for place in _spread(len(frames))]

    def _survey(self, source: str) -> tuple[Survey, list[str]]:
        """What is in each frame, and what was wrong with the video."""
        detector = frame_detection.PipelineDetector(self.pipeline)
        survey = Survey(detector, None if self.gallery is None else self._session)
        reader = self._reader(source)
        for frame in _frames(reader):
            survey.take(frame)
        if not survey.times:
            raise PictureError(f"{source}: no frame in it can be read")
        survey.finish()
        return survey, reader.problems

    def _session(self, detector: FrameDetector) -> session.Session:
        assert self.gallery is not None
        knowledge = Knowledge(self.gallery, self.threshold)
        schedule = session.Schedule(frames=1, again=_DESCRIBED)
        limits = knowledge.limit, knowledge.cohort
        return session.Session(detector, knowledge.index.search, *limits, schedule=schedule)

    def _reader(self, source: str) -> Reader:
        return Reader(sources.parse(source, max_pixels=self.max_pixels))

    def _written(
        self, result: Redaction, boxes: Sequence[Sequence[Box]], path: Path
    ) -> tuple[Redaction, list[Pixels]]:
        source = result.source
        reader = self._reader(source)
        with one_place():
            file = VideoFile(
                path,
                comment=CopyOrigin.of(source).mark,
                sound=Path(source),
                metadata=streams.camera_metadata(source) if self.keep_metadata else {},
                seal=seal,
            )
        shown = set(_spread(len(boxes)))
        changed = PictureError(f"{source}: was changed while it was read")
        pictures, written = [], 0
        try:
            for frame in _frames(reader):
                if frame.number >= len(boxes):
                    raise changed
                file.rate = reader.rate
                pixels = redacted(frame.pixels, boxes[frame.number], self.cover)
                file.add(pixels, frame.time)
                pictures += [pixels] if frame.number in shown else []
                written += 1
            if written < len(boxes):
                raise changed
            file.close()
        except backends.errors() as error:
            file.abandon()
            raise PictureError(f"{source}: its copy cannot be written as {path.suffix}: {error}") from None
        except BaseException:
            file.abandon()
            raise
        return replace(result, output=str(path), notes=(*other_name(source, path), *file.remarks)), pictures


def _spread(frames: int) -> list[int]:
    """The numbers of the frames that are shown of so many."""
    numbers: list[int] = np.linspace(0, frames - 1, min(_SHOWN, frames)).round().astype(int).tolist()
    return numbers


def _frames(reader: Reader) -> Iterator[Frame]:
    try:
        while (frame := reader.next()) is not None:
            yield frame
    finally:
        reader.stop()


def _ending(source: str) -> str:
    """Of the copy: the same kind of file, as far as it can be written."""
    ending = os.path.splitext(source)[1].lower()
    return ending if ending in writer.CONTAINERS else ".mp4" if ending == ".m4v" else ".mkv"
