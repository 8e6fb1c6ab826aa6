"""`facekit identify`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from facekit.cli import DONE, FAILED, NO_FACE, numbers, paths
from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.reading import Options

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
    help="Candidates for each face; of several pictures the table has them only if this is given.",
)
@click.option(
    "--verbose", "-v", is_flag=True, help="Show each face with its candidates, of many pictures too."
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
@shared.gallery_option
@shared.picture_options
@shared.format_option()
@click.pass_obj
def identify(
    console: Console,
    /,
    inputs: tuple[str, ...],
    save_face: str | None,
    annotate: Path | None,
    gallery: Path | None,
    options: Options,
    style: str,
    probability: bool,
    verbose: bool,
    **decision: Any,
) -> int:
    """Say who is in each picture.

    INPUT is a picture, a folder (with the folders in it), or - for a picture on standard input. Of one
    picture, each face is shown with the most similar people of the gallery, and the name of the person it
    is, or "unknown" when no score reaches the gallery's threshold; of several, there is a line for each
    picture with the names from left to right.

    \b
    Examples:
      facekit identify party.jpg
      facekit identify holiday/ --annotate named/ --format csv > faces.csv
      curl -s https://example.org/a.jpg | facekit identify -
    """
    from facekit.cli.naming import Naming

    inputs, crops = _without_mistake(inputs, save_face)
    options = replace(options, keep_pictures=annotate is not None)
    pipeline = options.pipeline()
    with shared.open_gallery(
        gallery, console=console, fingerprint=pipeline.fingerprint, shown=style == "table"
    ) as opened:
        if probability:
            decision["curve"] = shared.probability_of(opened, options.embedder)
        detailed = verbose or probability or _is_given("top")
        naming = Naming(console, opened, style, decision, crops, annotate, inputs, detailed=detailed)
        naming.run(inputs, options, pipeline)
    if console.failed:
        return FAILED
    return DONE if naming.faces else NO_FACE


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
