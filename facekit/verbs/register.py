"""Enroll a person in front of a camera, or from a video."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from facekit.arguments import path_of, whole_number
from facekit.errors import PictureError
from facekit.gallery.subject_names import subject_name
from facekit.reading import Options
from facekit.verbs.galleries import AnyGallery, place_to_write, to_write

if TYPE_CHECKING:
    from facekit.enrollment import EnrollReport


def register(
    name: str,
    source: str | PathLike[str],
    gallery: AnyGallery | None = None,
    *,
    frames: int = 3,
    accept_poor: bool = False,
    options: Options | None = None,
) -> EnrollReport:
    """Enroll a person from a camera, a video, an address or a folder of frames: the `frames` sharpest from
    the front, left, right, above and below. A live source is left when all are there. Frames so poor that
    strangers would be taken for the person are left out, unless with `accept_poor`.

    Without `gallery`: `FACEKIT_GALLERY`, `./gallery.db` or `./gallery/gallery.db`, else the user's own.
    Raises as `watch` does.
    """
    from facekit.enrollment import EnrollReport
    from facekit.live import frame_detection, reader, registering, sources

    frames = whole_number(frames, "frames", least=1)
    options = options or Options()
    pipeline = options.pipeline()
    name, place = subject_name(name), place_to_write(gallery)
    place.require_writable()
    others = registering.other_subjects(place, name, pipeline)
    camera = sources.parse(path_of(source, "the source"), folder_rate=1.0, max_pixels=options.max_pixels)
    frame_detector = frame_detection.PipelineDetector(pipeline, posing=True)
    registration = registering.Registration(
        frame_detector, frames=frames, others=others, live=camera.live, accept_poor=accept_poor
    )
    coming = reader.Reader(camera)
    try:
        while (frame := coming.next()) is not None and not (coming.live and registration.complete):
            registration.step(frame)
    finally:
        coming.stop()
    kept = registration.kept()
    if not kept:
        raise PictureError(f"{coming.source.shown}: no frame to enroll ({registration.refusal()})")
    if reason := registration.disagreement():
        raise PictureError(f"{camera.shown}: {reason}: nobody was enrolled; show one person alone")
    with to_write(gallery, pipeline) as opened:
        return EnrollReport(tuple(registering.enroll(opened, name, kept, coming.source.name, accept_poor)))
