"""What was redacted in each picture and video, as text and as rows of CSV."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from facekit.people.visibility import Redaction
from facekit.pictures.left_out import VIDEO_SUFFIXES
from facekit.rendering.pictures import PictureView, light
from facekit.text.counting import counted
from facekit.text.escaping import isolated, printable
from facekit.text.tables import WIDTH, cell, width


class Redacted(PictureView[Redaction]):
    """A line for each picture and video; `out` is where they are saved, None in a dry run, and `review` the
    page that shows them, if there is one."""

    columns = (
        *("source", "face", "x0", "y0", "x1", "y1", "detector_score", "subject", "visible"),
        *("frames", "redacted_frames", "visible_frames", "output", "notes", "error"),
    )

    def __init__(self, out: Path | None, review: Path | None = None) -> None:
        super().__init__()
        self._out, self._review = out, review
        self._hidden = self._saved = self._left = self._faceless = self._videos = self._weak = 0
        self._no_pictures = 0

    def count(self, result: Redaction) -> None:
        super().count(result)
        is_video = os.path.splitext(result.source)[1].lower() in VIDEO_SUFFIXES
        self._no_pictures += is_video or result.changed_copy is not None
        if result.changed_copy is not None:
            self._left += 1
            return
        self._hidden += len(result.hidden)
        self._saved += result.output is not None
        self._weak += bool(result.weak)
        self._faceless += not result.error and _is_faceless(result)
        if result.video:
            self._videos += 1
            self.faces += result.video.redacted_frames + result.video.visible_frames

    def text(self, result: Redaction) -> Iterator[str]:
        if result.error and result.output is None:
            return
        words = in_words(result, done=self._out is not None)
        room = max(20, WIDTH - width(words) - 2)
        yield f"{cell(result.source, min(room, width(printable(result.source))))}: {words}"

    def rows(self, result: Redaction) -> Iterator[Sequence[object]]:
        video = result.video
        frames = [video.frames, video.redacted_frames, video.visible_frames] if video else [None] * 3
        end = [*frames, result.output, "; ".join(result.notes) or None, result.error]
        if not result.faces:
            yield [result.source, *[None] * 8, *end]
        for number, face in enumerate(result.faces, 1):
            values = face.to_dict()
            box, score = values["box"], values["detector_score"]
            yield [result.source, number, *box, score, face.subject, face.visible, *end]

    def summary(self, *, stopped: bool = False) -> Iterator[str]:
        if not self.pictures and not stopped:
            return  # nothing was there, which is told
        pictures = self.pictures - self._no_pictures
        done = "redacted" if self._out is not None else "would be redacted"
        parts = [f"{counted(self._hidden, 'face')} {done} in {counted(pictures, 'picture')}"]
        parts = parts * bool(pictures or stopped)
        parts += [f"{counted(self._videos, 'video')} looked through"] * bool(self._videos)
        if parts:
            yield ("stopped: " if stopped else "") + ", ".join(parts)
        if self._faceless:
            yield f"no face was found in {self._faceless} of them"
        if self._weak:
            yield (
                f"{self._weak} of them with a weak detection, which may be no face while the face is "
                "visible: look there first"
            )
        if self._out is not None and self._saved:
            yield f"{self._saved} saved in {self._out}"
        if self._left:
            left = "left" if self._out is not None else "would be left"
            yield (
                f"{counted(self._left, 'copy', 'copies')} {left} alone that somebody changed since "
                "(--overwrite replaces them)"
            )
        if self.pictures and self._out is not None:
            where = (
                "before you give it away (--review sheet.html)" if not self._review else f"in {self._review}"
            )
            yield f"a detector misses faces: look at every result {where}"

    @property
    def without_face(self) -> bool:
        return super().without_face and not self._left


def in_words(result: Redaction, *, done: bool = True) -> str:
    """`2 faces redacted, 1 visible (Ada)`; `2 faces would be redacted` before it is `done`."""
    hidden = "redacted" if done else "would be redacted"
    if result.changed_copy is not None:
        left = "left" if done else "would be left"
        return f"{left} as it is: {printable(result.changed_copy)} was changed since facekit wrote it"
    video = result.video
    visible = [isolated(face.subject or "unknown") for face in result.faces if face.visible]
    if video is not None:
        redacted = f"faces {hidden} in {video.redacted_frames} of {counted(video.frames, 'frame')}"
        redacted += f" ({video.weak} detected weakly)" * bool(video.weak)
        names = ", ".join(isolated(name) for name in video.visible) or "unknown"
        return (
            f"{redacted}, visible in {video.visible_frames} ({names})" if video.visible_frames else redacted
        )
    if _is_faceless(result):
        return f"no face found{light(result.notes)}"
    redacted = f"{counted(len(result.hidden), 'face')} {hidden}"
    redacted += f" ({result.weak} detected weakly)" * bool(result.weak)
    return f"{redacted}, {len(visible)} visible ({', '.join(visible)})" if visible else redacted


def _is_faceless(result: Redaction) -> bool:
    video = result.video
    return not result.faces and not (video and (video.redacted_frames or video.visible_frames))
