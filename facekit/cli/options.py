"""Options that several commands share, each set as one decorator."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from facekit.cli import numbers, paths
from facekit.cli.console import be_quiet
from facekit.detection import KINDS, MIN_FACE
from facekit.errors import FacekitError

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.gallery.base import Gallery
    from facekit.gallery.places import Place

BUILT_IN = [kind for kind in KINDS if "=" not in kind]
OF_FILES = [kind for kind in KINDS if "=" in kind]

Command = TypeVar("Command", bound=Callable[..., Any])


def pipeline_options(command: Command) -> Command:
    """How faces are found and described: the command gets them as one `options`."""

    @functools.wraps(command)
    def with_options(*args: Any, detector: str, embedder: Path | None, min_face: int, **rest: Any) -> Any:
        from facekit.faces import reading

        return command(*args, options=reading.Options(detector, embedder, min_face), **rest)

    made: Command = _with(with_options, _PIPELINE_OPTIONS)
    return made


def picture_options(command: Command) -> Command:
    """How pictures are read: the command gets them as one `options`."""

    @functools.wraps(command)
    def with_options(
        *args: Any,
        detector: str,
        embedder: Path | None,
        min_face: int,
        max_pixels: int,
        truncated: str,
        jobs: int,
        workers: str | None,
        **rest: Any,
    ) -> Any:
        from facekit.faces import reading

        options = reading.Options(
            detector,
            embedder,
            min_face,
            max_pixels,
            jobs,
            accept_truncated=truncated == "accept",
            workers=workers,
        )
        return command(*args, options=options, **rest)

    made: Command = _with(with_options, [*_PIPELINE_OPTIONS, *_READING_OPTIONS])
    return made


_PIPELINE_OPTIONS = [
    click.option(
        "--detector",
        type=paths.NETWORK,
        default="auto",
        show_default=True,
        metavar="NAME",
        help=f"{', '.join(BUILT_IN)}, or one of yours: {', '.join(OF_FILES)}.",
    ),
    click.option(
        "--embedder",
        type=paths.FILE,
        metavar="FILE",
        help="An ArcFace-style ONNX file with its TOML beside it, instead of the shipped network.",
    ),
    click.option(
        "--min-face",
        type=click.IntRange(10),
        default=MIN_FACE,
        show_default=True,
        metavar="PIXELS",
        help="Do not look for smaller faces. In large photos less than 24 takes longer and finds more.",
    ),
]
max_pixels_option = click.option(
    "--max-pixels",
    type=click.IntRange(1),
    default=64_000_000,
    show_default=True,
    metavar="PIXELS",
    help="Refuse pictures that have more pixels.",
)
shard_option = click.option(
    "--shard",
    metavar="N/OF",
    help="Take a part of the pictures: 3/8 is every eighth from the third on. Results of the 8 parts, one of "
    "each in turn, are the results of all, as long as the folders do not change meanwhile.",
)
unordered_option = click.option(
    "--unordered",
    is_flag=True,
    help="With --workers: give results as they are ready instead of in the order of the pictures.",
)
"""These two are of commands whose result for a picture does not depend on the other pictures."""
_READING_OPTIONS = [
    max_pixels_option,
    click.option(
        "--truncated",
        type=click.Choice(["refuse", "accept"]),
        default="refuse",
        show_default=True,
        help="accept: read a JPEG that lacks its last bytes as far as it goes, and say how much is missing.",
    ),
    click.option(
        "--jobs",
        "-j",
        type=click.IntRange(0),
        default=0,
        metavar="N",
        help="Number of processes; by default one for each core if there are enough pictures.",
    ),
    click.option(
        "--workers",
        metavar="N|ray[://HOST:PORT]",
        help="Read, and search galleries of a million templates and more, with N processes of this machine, "
        "or with Ray, here or on a cluster whose machines see the same pictures by the same paths; with Ray, "
        "--jobs is the number of workers.",
    ),
]


def _with(command: Callable[..., Any], options: list[Callable[[Any], Any]]) -> Any:
    wrapped: Any = command
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


gallery_option = click.option(
    "--gallery",
    "-g",
    type=paths.GALLERY,
    metavar="FILE",
    help="The gallery: a file, the folder of a gallery.db, or postgresql://USER@HOST/DATABASE. Without it: "
    "FACEKIT_GALLERY, ./gallery.db, ./gallery/gallery.db, your own "
    "(~/.local/share/facekit/gallery.db), or the shipped one.",
)
users_gallery_option = click.option(
    "--gallery",
    "-g",
    type=paths.GALLERY,
    metavar="FILE",
    help="The gallery: a file, the folder of a gallery.db, or postgresql://USER@HOST/DATABASE. Without it: "
    "FACEKIT_GALLERY, ./gallery.db, ./gallery/gallery.db, or your own (~/.local/share/facekit/gallery.db).",
)
"""Of commands that change a gallery, or take no other than the user's: the shipped one is none of them."""


_QUIET: dict[str, Any] = {
    "is_flag": True,
    "expose_value": False,
    "callback": lambda ctx, _, value: be_quiet(ctx) if value else None,
    "help": "Print errors only, no notes, progress or summary.",
}
_DEBUG: dict[str, Any] = {"is_flag": True, "expose_value": False, "help": "Show where an error came from."}
quiet_option = click.option("--quiet", "-q", **_QUIET)
debug_option = click.option("--debug", **_DEBUG)


seed_option = click.option(
    "--seed",
    type=numbers.SEED,
    default=1,
    show_default=True,
    help="Random seed; the same one gives the same result.",
)


dry_run_option = click.option("--dry-run", is_flag=True, help="Change nothing; print what would be done.")


rehearsal_option = click.option(
    "--dry-run",
    is_flag=True,
    callback=lambda ctx, _, value: _say_at_the_end(ctx, value),
    help="Change nothing: try it on a copy of the gallery, and print what would be done.",
)


def enrollment_options(command: Command) -> Command:
    """What is enrolled although something speaks against it, and what is refused."""
    made: Command = _with(
        command,
        [
            click.option(
                "--accept-mixed",
                is_flag=True,
                help="Enroll a folder although half of its faces or more are not of one person.",
            ),
            click.option(
                "--accept-poor",
                is_flag=True,
                help="Enroll also pictures so poor that strangers would be taken for the person; they name "
                "nobody alone.",
            ),
            click.option(
                "--strict", is_flag=True, help="Refuse pictures of poor quality or doubtful identity."
            ),
        ],
    )
    return made


def threads_option(default: int) -> Callable[[Command], Command]:
    """Of a training."""
    return click.option(
        "--threads",
        type=click.IntRange(1),
        default=default,
        show_default=True,
        help="Processor threads to compute with.",
    )


def format_option(default: str = "table", *, without: Sequence[str] = ()) -> Callable[[Command], Command]:
    """`--format`, as the parameter `style`."""
    from facekit.output import FORMATS

    return click.option(
        "--format",
        "-f",
        "style",
        type=click.Choice([name for name in FORMATS if name not in without]),
        default=default,
        show_default=True,
        help="How results are printed. json is one document, jsonl an object a line.",
    )


def command(name: str, **attributes: Any) -> Callable[[Callable[..., Any]], click.Command]:
    """A command that also takes `--quiet` and `--debug` after its name, with its short help."""
    from facekit.cli import COMMANDS

    def decorate(function: Callable[..., Any]) -> click.Command:
        attributes.setdefault("short_help", COMMANDS.get(name))
        made: click.Command = click.command(name, cls=click.Command, **attributes)(function)
        made.params += [click.Option(["--quiet", "-q"], **_QUIET), click.Option(["--debug"], **_DEBUG)]
        return made

    return decorate


def complete_subject(ctx: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
    """Enrolled names that begin like what was typed; none where the gallery cannot be opened, and none that
    would be taken for an option."""
    from facekit.errors import FacekitError

    try:
        with open_gallery(ctx.params.get("gallery")) as gallery:
            names = [subject.name for subject in gallery.subjects()]
    except FacekitError:
        return []
    is_value = isinstance(parameter, click.Option)
    return [
        CompletionItem(name)
        for name in names
        if name.startswith(typed) and name.isprintable() and (is_value or not name.startswith("-"))
    ]


def open_gallery(
    place: Place | None,
    *,
    console: Console | None = None,
    write: bool = False,
    fingerprint: str | None = None,
) -> Gallery:
    """The gallery to use; the console says which, where the user named none."""
    from facekit.verbs import galleries

    gallery = galleries.open_gallery(place, write=write, fingerprint=fingerprint)
    if console:
        galleries.tell_gallery(place, gallery.place, console.note)
    return gallery


def tell_gallery(console: Console, named: Place | None, used: Place) -> None:
    """Say which gallery is used, where the user named none."""
    from facekit.verbs import galleries

    galleries.tell_gallery(named, used, console.note)


def _say_at_the_end(ctx: click.Context, dry_run: bool) -> bool:
    """In a dry run, say that nothing of what was told happened."""
    console: Console = ctx.obj

    def say() -> None:
        if not isinstance(sys.exception(), (FacekitError, click.ClickException)):  # which is said by itself
            console.note("a dry run: nothing was changed")

    if dry_run and not ctx.resilient_parsing:
        ctx.call_on_close(say)
    return dry_run
