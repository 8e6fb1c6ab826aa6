"""`facekit cluster`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import numbers, paths
from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.faces.reading import Options
    from facekit.gallery.places import Place
    from facekit.pictures.left_out import LeftOut


@shared.command("cluster")
@click.argument("inputs", nargs=-1, required=True, type=paths.INPUT, metavar="INPUT...")
@click.option(
    "--out",
    "-o",
    type=paths.FOLDER,
    metavar="DIR",
    help="Write a folder for each group into DIR, which must be empty or not there yet.",
)
@click.option(
    "--copy",
    type=click.Choice(["faces", "photos"]),
    default="faces",
    show_default=True,
    help="What to put into the folders: aligned faces, or the photos as they are.",
)
@click.option(
    "--threshold",
    type=numbers.SCORE,
    metavar="SCORE",
    help="Link faces from this score on, instead of from 0.85 of the embedder's threshold.",
)
@click.option(
    "--gallery",
    "-g",
    type=paths.GALLERY,
    metavar="FILE",
    help="Give groups the names of this gallery. Without it: FACEKIT_GALLERY, ./gallery.db, "
    "./gallery/gallery.db, or your own (~/.local/share/facekit/gallery.db), if there is one.",
)
@click.option(
    "--review",
    type=paths.FILE,
    metavar="FILE.html",
    help="Write a page that shows the groups, in which you give them names: it saves names.csv, which "
    "facekit enroll --groups takes.",
)
@shared.picture_options
@shared.format_option()
@click.pass_obj
def cluster(
    console: Console,
    /,
    inputs: tuple[str, ...],
    out: Path | None,
    copy: Any,
    threshold: float | None,
    gallery: Place | None,
    review: Path | None,
    options: Options,
    style: str,
) -> int:
    """Group the faces in a folder of photos by person, whether anybody knows them or not.

    Two faces of one photo are never in one group. A group gets a name when a gallery of yours knows the
    person: half of its faces reach the gallery's threshold. A face that is like no other is "single";
    faces so poor that strangers' are alike are grouped with good ones only.
    facekit enroll leaves out the folders that are still called group-01 or single, or that cannot be called
    like the person whom the gallery knows: give them a name first.

    --review writes a page in which you look at the groups, in any browser, and give them names; with the
    JSON of the same run facekit enroll --groups takes what it saves.

    Instead of photos, give the files of all shards that facekit embed -o NAME.npz wrote: the groups are those
    of the photos, which are not read again.

    \b
    Examples:
      facekit cluster holiday/
      facekit cluster part1.npz part2.npz
      facekit cluster holiday/ --copy photos --out people/   then give the folders names, and enroll
      facekit cluster holiday/ --format json
      facekit cluster holiday/ --review groups.html --format json > groups.json
    """
    from facekit.cli.results import Writer
    from facekit.rendering.grouped import Grouped
    from facekit.verbs.cluster import cluster

    left_out: list[LeftOut] = []
    wanted = {"out": out, "copy": copy, "threshold": threshold, "review": review, "options": options}
    found = cluster(inputs, gallery, **wanted, **console.listeners, on_left_out=left_out.extend)
    for problem in found.problems:
        console.error(problem)
    view = Grouped(found, out, copy, review, writes_json=style == "json")
    view.left_out = left_out
    return Writer(console, style, view).write(found.results())
