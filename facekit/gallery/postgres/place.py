"""The place of a gallery in a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from facekit.gallery.places import AnyPlace, Copied
from facekit.gallery.postgres.address import Address, parsed

if TYPE_CHECKING:
    from facekit.gallery.facts import Fact
    from facekit.gallery.gallery_settings import GallerySettings
    from facekit.gallery.postgres.gallery import PostgresGallery
    from facekit.gallery.problems import Problem
    from facekit.gallery.state import State
    from facekit.gallery.tables import Tables
    from facekit.gallery.templates import NewTemplate
    from facekit.gallery.tombstones import Tombstones


def place_of(address: str) -> ServerPlace:
    """The place of this address. Raises UsageError for what is none."""
    return ServerPlace(parsed(address))


@dataclass(frozen=True)
class ServerPlace:
    """A gallery in a schema of a database. See facekit.gallery.places.Place."""

    address: Address

    def __str__(self) -> str:
        return self.address.public_text

    @property
    def argument(self) -> str:
        return self.address.public_text

    @property
    def is_shipped(self) -> bool:
        return False

    def exists(self) -> bool:
        """Whether a gallery is there, or nobody can tell: opening it says why."""
        import psycopg

        from facekit.gallery.postgres.connections import connect, has_gallery

        try:
            with connect(self) as connection:
                return has_gallery(connection, self)
        except psycopg.Error:
            return True

    def open(self, *, write: bool = False, fingerprint: str | None = None) -> PostgresGallery:
        from facekit.gallery.postgres.gallery import PostgresGallery

        return PostgresGallery.open(self, write=write, fingerprint=fingerprint)

    def create(
        self,
        settings: GallerySettings,
        *,
        templates: Sequence[NewTemplate] = (),
        tombstones: Tombstones | None = None,
        facts: Sequence[Fact] = (),
    ) -> PostgresGallery:
        """Its schema is made too, if it is not there."""
        from facekit.gallery.postgres.gallery import PostgresGallery

        return PostgresGallery.create(self, settings, templates=templates, tombstones=tombstones, facts=facts)

    def make(self, state: State, fill: Callable[[Tables], State]) -> PostgresGallery:
        from facekit.gallery.postgres.gallery import PostgresGallery

        return PostgresGallery.made(self, state, fill)

    def require_writable(self) -> None:
        if self.exists():
            self.open(write=True).close()

    def copy(self, target: AnyPlace) -> Copied:
        from facekit.gallery.transcript import copy

        return copy(self, target)

    def recall(self) -> str | None:
        if self.address.index is None:
            return None
        from facekit.gallery.postgres import approximate

        with self.open() as gallery:
            return str(approximate.measured(gallery)) if len(gallery) else None

    def check(self, *, fingerprint: str | None = None) -> list[Problem]:
        from facekit.gallery.postgres.check import check

        return check(self, fingerprint=fingerprint)
