"""`facekit watch`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import numbers, paths
from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.faces.reading import Options


@shared.command("watch")
@click.argument("source", type=paths.INPUT)
@click.option("--view", is_flag=True, help="Show it in a window: Q quits, S saves the frame.")
@click.option(
    "--save-video",
    type=paths.FILE,
    metavar="FILE",
    help="Save the video with boxes, names and scores in FILE (.mp4, .mkv, .mov, .webm).",
)
@click.option(
    "--save-faces",
    type=paths.FOLDER,
    metavar="DIR",
    help="Save the best face of everybody who came, as SOURCE-TRACK-NAME.png, in DIR.",
)
@click.option(
    "--save-unknown",
    type=paths.FOLDER,
    metavar="DIR",
    help="Save the best three pictures of everybody unknown, as SOURCE-TRACK-NUMBER.png, in DIR, for facekit "
    "cluster and enroll.",
)
@click.option(
    "--log",
    type=paths.FILE,
    metavar="FILE",
    help="Add the events to FILE as CSV.",
)
@click.option(
    "--threshold",
    type=numbers.SCORE,
    metavar="SCORE",
    help="The score from which a face has a name; by default a little more than the gallery's.",
)
@click.option(
    "--max-fps",
    type=numbers.FloatRange(0, min_open=True),
    metavar="N",
    help="Take no more than N frames of each second.",
)
@click.option(
    "--detect-every",
    type=click.IntRange(1),
    metavar="N",
    help="Search every N-th frame for new faces, instead of about three a second.",
)
@click.option(
    "--seconds",
    type=numbers.FloatRange(0, min_open=True),
    metavar="N",
    help="Stop after N seconds of the source.",
)
@click.option(
    "--wait",
    is_flag=True,
    help="Wait for a camera or an address that is not there, for as long as it takes, at the start too.",
)
@shared.max_pixels_option
@shared.gallery_option
@shared.pipeline_options
@click.pass_obj
def watch(console: Console, /, source: str, max_pixels: int, options: Options, **wanted: Any) -> int:
    """Say who is in front of a camera or in a video.

    SOURCE is the number of a camera (0), a video file, an address (rtsp://…, http://…), or a folder of
    frames. Each event is a line of JSON: somebody appears, is recognized, loses the name again ("unknown"),
    or has left; with the time, the person's track, the score, and the box in the best frame. A track has
    the name of the person whom its best frames, taken together, are most like, and is "unknown" until that
    is sure enough.

    When a camera breaks off, everybody has left at the time when they were last seen. An address is tried
    again after growing pauses; one that never answered four times at most, unless you --wait (--seconds
    end that too). What is damaged in a file is left out and told, and the exit status is 1.

    There is no test that a face is alive: a photo held before the camera passes.

    \b
    Examples:
      facekit watch 0 --view
      facekit watch party.mp4 --save-video named.mp4 > events.jsonl
      facekit watch 0 --save-unknown unknown/
      facekit watch rtsp://camera.local/stream --log visitors.csv --save-faces visitors/
    """
    from facekit.cli import signals
    from facekit.cli.results import Writer
    from facekit.rendering.logged import Watched
    from facekit.verbs.watch import watch
    from facekit.video import sources

    view = Watched(live=sources.parse(source).live)
    wanted |= {"options": replace(options, max_pixels=max_pixels), "on_note": console.note}
    with signals.noted() as stopped:  # in the midst of a frame one would break what is recorded
        status = Writer(console, "jsonl", view).write(watch(source, stop=lambda: bool(stopped()), **wanted))
    if stopped():
        raise signals.interruption(stopped())
    return status
