"""Where galleries are: a file, a folder, or the address of a server, as `--gallery` and the verbs take them.

A kind of gallery on a server is a module with a function `place_of(address)`, and one line in SERVERS.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from os import PathLike
from typing import TYPE_CHECKING, Protocol, TypeGuard

from facekit import settings
from facekit.arguments import path_of
from facekit.errors import DependencyError, UsageError
from facekit.text import redaction

if TYPE_CHECKING:
    from facekit.gallery.base import Gallery
    from facekit.gallery.facts import Fact
    from facekit.gallery.gallery_settings import GallerySettings
    from facekit.gallery.problems import Problem
    from facekit.gallery.state import State
    from facekit.gallery.tables import Tables
    from facekit.gallery.templates import NewTemplate
    from facekit.gallery.tombstones import Tombstones

# A drive of Windows has one letter before its colon.
_ADDRESS = re.compile(r"(?i)([a-z][a-z0-9+.-]+)://")


class Place(Protocol):
    """Where a gallery is or will be. Equal places are one; `str` shows it in messages, never a password."""

    def __str__(self) -> str: ...

    @property
    def argument(self) -> str:
        """As `--gallery` takes it, in a command that a message shows; without a password."""

    @property
    def is_shipped(self) -> bool:
        """Whether it is the gallery that came with facekit, which is only read."""

    def exists(self) -> bool:
        """Whether something is there, be it one that cannot be opened: opening it tells why."""

    def open(self, *, write: bool = False, fingerprint: str | None = None) -> Gallery:
        """The gallery there. With `fingerprint`, only one made by that embedder.

        Raises GalleryError (what, where, what to do) when it is missing, no gallery, newer than this facekit,
        damaged, or of another embedder. Never creates or overwrites.
        """

    def create(
        self,
        settings: GallerySettings,
        *,
        templates: Sequence[NewTemplate] = (),
        tombstones: Tombstones | None = None,
        facts: Sequence[Fact] = (),
    ) -> Gallery:
        """Make a gallery with these templates (and tombstones and facts, as in `Gallery.add`), open for
        writing. Raises GalleryError when something is there already; after any error nothing is.
        """

    def make(self, state: State, fill: Callable[[Tables], State]) -> Gallery:
        """Make a gallery with what `fill` puts into its empty tables, open for writing; it gives the state
        after that. Raises GalleryError as `create` does.
        """

    def require_writable(self) -> None:
        """Raise GalleryError if the gallery could not be changed or made here. Nothing is made."""

    def copy(self, target: AnyPlace) -> Copied:
        """Copy the gallery to a place at which there is none, also one that others use: one committed state,
        of which every template is checked, or nothing. A folder as `target` means the same name in it.

        Nothing that was removed and is not yet erased comes along. Raises GalleryError.
        """

    def check(self, *, fingerprint: str | None = None) -> list[Problem]:
        """All problems of the gallery, none if it is whole; `fingerprint` is the embedder it should fit.
        Nothing is changed.
        """

    def recall(self) -> str | None:
        """How many of the nearest people a search finds, measured, in a sentence; None where it is exact."""


@dataclass(frozen=True)
class Copied:
    """A copy of a gallery: where it is, what is in it, the sum of the checksums of all rows, which is that of
    the original, and how many searches were seen to have the same answers as before (at another kind of
    place).
    """

    place: Place
    settings: GallerySettings
    subjects: int
    templates: int
    digest: int
    searches: int = 0


@dataclass(frozen=True)
class Server:
    """A kind of gallery by the scheme of its address: the module that knows it, the package that it needs
    and the extra that brings the package.
    """

    module: str
    package: str
    extra: str


_POSTGRES = Server("facekit.gallery.postgres.place", "psycopg", "postgres")
SERVERS: dict[str, Server] = {"postgresql": _POSTGRES, "postgres": _POSTGRES}
"""By scheme, in small letters."""

AnyPlace = Place | str | PathLike[str]


def place_of(place: AnyPlace) -> Place:
    """The place that a user named: a file, a folder (the `gallery.db` in it), or an address.

    Raises UsageError for what is none, or an address of a kind that facekit does not know; DependencyError
    if it lacks the package for that kind.
    """
    if is_place(place):
        return place
    text = path_of(place, "the gallery")
    if address := _ADDRESS.match(text):
        return _server(address[1].lower(), text)
    from facekit.gallery.sqlite.place import FilePlace

    return FilePlace(settings.gallery_file(place if isinstance(place, PathLike) else text))


def is_address(text: str) -> bool:
    """Whether a text is meant as the address of a server, not as a path."""
    return _ADDRESS.match(text) is not None


def open_gallery(place: AnyPlace, *, write: bool = False, fingerprint: str | None = None) -> Gallery:
    """The gallery at a place; see `Place.open` and `place_of`."""
    return place_of(place).open(write=write, fingerprint=fingerprint)


def create_gallery(
    place: AnyPlace,
    settings: GallerySettings,
    *,
    templates: Sequence[NewTemplate] = (),
    tombstones: Tombstones | None = None,
    facts: Sequence[Fact] = (),
) -> Gallery:
    """A new gallery at a place; see `Place.create` and `place_of`."""
    return place_of(place).create(settings, templates=templates, tombstones=tombstones, facts=facts)


def copy_gallery(source: AnyPlace, target: AnyPlace) -> Copied:
    """A copy of a gallery at another place; see `Place.copy` and `place_of`."""
    return place_of(source).copy(target)


def is_place(value: object) -> TypeGuard[Place]:
    """Whether it is a place of any kind. Its class is asked: a text and a `pathlib.Path` are none."""
    return all(hasattr(type(value), name) for name in ("is_shipped", "create", "argument"))


def _server(scheme: str, address: str) -> Place:
    shown = redaction.public(address)
    kind = SERVERS.get(scheme)
    if kind is None:
        known = "".join(f", or an address that begins with {name}://" for name in SERVERS)
        raise UsageError(f"{shown}: there are no galleries at {scheme}://: give a file or a folder{known}")
    if not settings.has_package(kind.package):
        from facekit import extras

        raise DependencyError(
            f"{shown}: galleries at {scheme}:// need the extra {kind.extra!r}: {extras.install(kind.extra)}"
        )
    place: Place = import_module(kind.module).place_of(address)
    return place
