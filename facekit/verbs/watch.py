"""Who is in front of a camera, or in a video?"""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from typing import TYPE_CHECKING

from facekit import identification
from facekit.arguments import path_of, score_of
from facekit.reading import Options
from facekit.verbs.galleries import AnyGallery, in_use

if TYPE_CHECKING:
    from facekit.live.events import Event


def watch(
    source: str | PathLike[str],
    gallery: AnyGallery | None = None,
    *,
    threshold: float | None = None,
    max_fps: float | None = None,
    seconds: float | None = None,
    wait: bool = False,
    options: Options | None = None,
) -> Iterator[Event]:
    """What happens in front of a camera (`"0"`), in a video, at an address or in a folder of frames.

    People appear, are recognized and leave, at a score of at least `threshold` (None: a little more than the
    gallery's, because a track is asked about again and again). Of what is live, the newest frame is looked at
    each time, and with `wait` a camera or an address that is not there is waited for. Raises PictureError for
    a source that cannot be read or breaks off, and at the end for what of it was damaged, DependencyError
    where nothing here reads video.
    """
    from facekit.live import frame_detection, playing, reader, session, sources
    from facekit.live.knowledge import Knowledge

    options = options or Options()
    pipeline = options.pipeline()
    place = sources.parse(path_of(source, "the source"), max_pixels=options.max_pixels)
    with in_use(gallery, pipeline) as opened:
        identification.require_subjects(opened)
        known = Knowledge(opened, score_of(threshold, "the threshold"))
        people = session.Session(
            frame_detection.PipelineDetector(pipeline),
            known.index.search,
            known.limit,
            clock=session.time_of_day if place.live else None,
        )

        def renew() -> None:
            if known.changed():
                people.renew(known.index.search, known.limit)

        frames = reader.Reader(place, most=max_fps, wait=wait)
        yield from playing.follow(frames, people, seconds=seconds, between=renew)
