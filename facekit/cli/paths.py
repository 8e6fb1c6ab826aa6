"""Paths on the command line: `~` is the home folder wherever it stands, and a gallery may be a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from facekit import settings
from facekit.gallery.places import Place, is_address, place_of
from facekit.text import redaction


class PathType(click.Path):
    """`click.Path` that gives a `Path`, with `~` expanded: the shell has not, in `--option=~/x`."""

    def __init__(self, *, exists: bool = False, file_okay: bool = True, dir_okay: bool = True) -> None:
        super().__init__(exists=exists, file_okay=file_okay, dir_okay=dir_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str):
            if is_address(value) and not os.path.lexists(value):
                self.fail(f"{redaction.public(value)} is an address, where a path is wanted", param, ctx)
            value = settings.expanded(value)
            if not value:
                self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


class InputType(click.ParamType[str]):
    """A picture or folder to read, as text. What is there under its literal name is meant by it: `*` of a
    shell gives names that begin with `~` as they are."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if os.path.lexists(value) else settings.expanded(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:
        return click.Path().shell_complete(ctx, param, incomplete)


class NetworkType(click.ParamType[str]):
    """A detector by its name, or `KIND=FILE` with the file of its network."""

    name = "detector"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        kind, sign, file = str(value).partition("=")
        return f"{kind}{sign}{settings.expanded(file)}"


class GalleryType(click.ParamType[Place]):
    """The place of a gallery: a file, the folder of a `gallery.db`, or an address."""

    name = "gallery"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Place:
        return place_of(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:
        return click.Path().shell_complete(ctx, param, incomplete)


class PathOrAddressType(PathType):
    """The place of a gallery if it is an address; else a path, of which the command says what it means."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and is_address(value):
            return place_of(value)
        return super().convert(value, param, ctx)


FILE = PathType(dir_okay=False)
FOLDER = PathType(file_okay=False)
EXISTING = PathType(exists=True)
EXISTING_FILE = PathType(exists=True, dir_okay=False)
EXISTING_FOLDER = PathType(exists=True, file_okay=False)
INPUT = InputType()
NETWORK = NetworkType()
GALLERY = GalleryType()
PATH_OR_ADDRESS = PathOrAddressType()
