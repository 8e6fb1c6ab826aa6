"""`facekit serve`: the verbs over HTTP, and a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import COMMANDS, DONE, numbers, paths
from facekit.cli import options as shared

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.faces.reading import Options
    from facekit.gallery.places import Place

_keys = click.option(
    "--keys",
    type=paths.FILE,
    metavar="FILE",
    help="The file of keys, instead of serve-keys.json beside your own gallery.",
)


@click.group("serve", invoke_without_command=True, short_help=COMMANDS["serve"])
@click.option(
    "--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="The address to listen at."
)
@click.option(
    "--port",
    "-p",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    metavar="N",
    help="The port; 0 takes a free one.",
)
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    metavar="N",
    help="Number of processes. Each needs the memory of the networks, some 200 MB.",
)
@click.option("--read-only", is_flag=True, help="Change nothing in the gallery.")
@_keys
@click.option(
    "--require-key", is_flag=True, help="Ask for a key also of programs on this machine, as behind a proxy."
)
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    help="A further name by which the server is called, as behind a proxy. Can be given several times.",
)
@click.option("--allow-embed", is_flag=True, help="Give out vectors of faces, which are biometric data.")
@click.option(
    "--thumbnails",
    is_flag=True,
    help="Keep a small picture of each face that is enrolled, in GALLERY.thumbnails, for the page.",
)
@click.option(
    "--watch",
    type=paths.INPUT,
    metavar="SOURCE",
    help="Watch a camera or a video, as facekit watch does, and tell at /v1/events who comes and goes.",
)
@click.option(
    "--max-bytes",
    type=click.IntRange(1),
    default=32_000_000,
    show_default=True,
    metavar="BYTES",
    help="Refuse requests that are larger.",
)
@click.option(
    "--max-pictures",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    metavar="N",
    help="Refuse requests with more pictures.",
)
@click.option(
    "--at-once",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Work on so many requests at a time in each process; by default one for each core.",
)
@click.option(
    "--queue",
    type=click.IntRange(0),
    default=32,
    show_default=True,
    metavar="N",
    help="Let so many more wait; others are told to come back.",
)
@click.option(
    "--seconds",
    type=numbers.FloatRange(0, min_open=True),
    default=60,
    show_default=True,
    metavar="N",
    help="Give a request up after so long.",
)
@click.option(
    "--rate",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Let a key have so many requests a minute; by default as many as it likes.",
)
@shared.max_pixels_option
@shared.users_gallery_option
@shared.pipeline_options
@shared.quiet_option
@shared.debug_option
@click.pass_context
def serve(
    ctx: click.Context, /, options: Options, max_pixels: int, gallery: Place | None, **wanted: Any
) -> None:
    """Answer programs over HTTP, and people in a browser, until Ctrl-C or SIGTERM.

    The page is at http://127.0.0.1:8000, the routes at /v1, their description at /v1/openapi.json. Only this
    machine reaches the server, and needs no key. To listen further, make keys first: facekit serve key add.

    \b
    Examples:
      facekit serve --gallery people.db
      facekit serve --host 0.0.0.0 --workers 2 --read-only
    """
    from dataclasses import replace

    from facekit.serving.server import serve

    if ctx.invoked_subcommand is None:
        options = replace(options, max_pixels=max_pixels)
        serve(gallery, options=options, on_note=ctx.obj.note, **wanted)


@serve.group("key", short_help="Make, list and remove keys.")
def key() -> None:
    """Make, list and remove keys. A key is sent as Authorization: Bearer KEY."""


@shared.command("add", short_help="Make a key, and print it once.")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["read", "enroll", "admin"]),
    default="read",
    show_default=True,
    help="read asks who is in pictures; enroll adds people too; admin also renames, merges and removes them.",
)
@_keys
@click.pass_obj
def add(console: Console, /, name: str, role: Any, keys: Path | None) -> int:
    """Make a key called NAME, and print it. Only its hash is stored: it cannot be printed again."""
    from facekit.serving.keys import serve_key_add

    made = serve_key_add(name, role=role, keys=keys)
    console.emit(made.token)
    console.note("keep it now: it cannot be shown again")
    return DONE


@shared.command("list", short_help="List the keys.")
@_keys
@shared.format_option()
@click.pass_obj
def list_(console: Console, /, keys: Path | None, style: str) -> int:
    """List the keys by their names, with what they may do and since when."""
    from facekit.cli.results import Writer
    from facekit.rendering.keyed import keyed
    from facekit.serving.keys import serve_key_list

    return Writer(console, style, keyed()).write(serve_key_list(keys=keys))


@shared.command("remove", short_help="Remove a key.")
@click.argument("name")
@_keys
@click.pass_obj
def remove(console: Console, /, name: str, keys: Path | None) -> int:
    """Remove the key called NAME. Servers that run refuse it from now on."""
    from facekit.serving.keys import serve_key_remove

    serve_key_remove(name, keys=keys)
    console.note(f"{name} is removed")
    return DONE


for _command in (add, list_, remove):
    key.add_command(_command)
