"""`facekit identify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from facekit.cli import numbers, paths
from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.faces.reading import Options
    from facekit.gallery.places import Place

CROPS = Path("faces")


@shared.command("identify")
@click.argument("inputs", nargs=-1, type=paths.INPUT, metavar="INPUT...")
@click.option(
    "--save-face",
    type=paths.INPUT,
    is_flag=False,
    flag_value=str(CROPS),
    metavar="[DIR]",
    help=f"Save the aligned faces, as PHOTO-NUMBER.png, in DIR (or in {CROPS}/).",
)
@click.option(
    "--annotate",
    type=paths.FOLDER,
    metavar="DIR",
    help="Save each picture with boxes, names and scores, as PHOTO-faces.jpg, in DIR.",
)
@click.option(
    "--top",
    type=click.IntRange(1),
    default=5,
    show_default=True,
    metavar="N",
    help="So many of the most similar people for each face; the table shows them if this is given.",
)
@click.option(
    "--verbose", "-v", is_flag=True, help="Show where each face is, and the people it is most like."
)
@click.option(
    "--threshold",
    type=numbers.SCORE,
    metavar="SCORE",
    help="The score from which a face has a name, instead of the gallery's own.",
)
@click.option("--allow-repeats", is_flag=True, help="Let two faces of one picture be the same person.")
@click.option(
    "--probability",
    is_flag=True,
    help="Also say how likely the best candidate is the person; needs a calibrated gallery.",
)
@click.option(
    "--xmp",
    is_flag=True,
    help="Write who is where into each photo's sidecar (XMP), as digiKam, Lightroom and others read it. "
    "What is there already stays.",
)
@click.option(
    "--sidecar-name",
    type=click.Choice(["photo.jpg.xmp", "photo.xmp"]),
    help="How sidecars are called: photo.jpg.xmp for digiKam and darktable, photo.xmp for Lightroom. Without "
    "it: those that are there, or else photo.jpg.xmp.",
)
@click.option(
    "--keywords/--no-keywords",
    default=True,
    help="With --xmp: also write the names as keywords (dc:subject); written unless switched off.",
)
@click.option(
    "--person-in-image/--no-person-in-image",
    default=True,
    help="With --xmp: also write the names as IPTC's PersonInImage; written unless switched off.",
)
@click.option(
    "--unknown", is_flag=True, help="With --xmp: also write regions, without a name, of unknown people."
)
@click.option(
    "--replace", is_flag=True, help="With --xmp: also give a new name to regions that have another name."
)
@click.option(
    "--erase",
    multiple=True,
    metavar="NAME",
    help="With --xmp: take NAME out of all photos in which that person is not recognized, as after facekit "
    "gallery remove. Can be given several times; look first with --dry-run.",
)
@click.option(
    "--in-place",
    is_flag=True,
    help="With --xmp: write into JPEG photos themselves instead of sidecars, by exiftool, which must be "
    "there. No pixel changes; the file does.",
)
@click.option(
    "--dry-run", is_flag=True, help="Write and save nothing; with --xmp, say what would be written."
)
@shared.gallery_option
@shared.shard_option
@shared.unordered_option
@shared.picture_options
@shared.format_option()
@click.pass_obj
def identify(
    console: Console,
    /,
    inputs: tuple[str, ...],
    gallery: Place | None,
    options: Options,
    style: str,
    verbose: bool,
    save_face: str | None,
    threshold: float | None,
    probability: bool,
    **wanted: Any,
) -> int:
    """Say who is in each picture.

    INPUT is a picture, a folder (with the folders in it), or - for a picture on standard input. There is a
    line for each picture with the names from left to right, and "unknown" for a face whose best score is
    below what a name needs.

    \b
    Examples:
      facekit identify party.jpg
      facekit identify party.jpg --verbose                 each face with the people it is most like
      facekit identify holiday/ --annotate named/ --format csv > faces.csv
      facekit identify holiday/ --xmp --dry-run            what would be written into sidecars
      curl -s https://example.org/a.jpg | facekit identify -
    """
    from facekit.cli.results import Writer
    from facekit.rendering.identified import Identified, name_needs
    from facekit.verbs.identify import identify

    inputs, crops = _without_mistake(inputs, save_face)
    pipeline = options.pipeline()
    wanted |= {"threshold": threshold, "probability": probability, "save_face": crops}
    detailed = verbose or probability or _is_given("top")
    with shared.open_gallery(gallery, console=console, fingerprint=pipeline.fingerprint) as opened:
        needs = name_needs(
            opened.threshold, opened.settings.calibration.description, threshold, exact=detailed
        )
        in_place = wanted["in_place"]
        view = Identified(needs, detailed=detailed, probability=probability, in_place=in_place)
        writer = Writer(console, style, view, verbose=verbose)
        wanted |= {"options": options, "pipeline": pipeline, **writer.listeners}
        return writer.write(identify(inputs, opened, **wanted))


def _is_given(option: str) -> bool:
    return click.get_current_context().get_parameter_source(option) is not ParameterSource.DEFAULT


def _without_mistake(inputs: tuple[str, ...], save_face: str | None) -> tuple[tuple[str, ...], Path | None]:
    """`--save-face photo.jpg` means the photo: a folder for faces is never a file or standard input."""
    if save_face is not None and (save_face == "-" or Path(save_face).is_file()):
        inputs, save_face = (save_face, *inputs), str(CROPS)
    if not inputs:
        hint = f" (was {save_face} meant? put it before --save-face)" if save_face else ""
        raise click.UsageError(f"Missing argument 'INPUT...'.{hint}")
    return inputs, None if save_face is None else Path(save_face)
