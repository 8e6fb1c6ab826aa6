"""Is a gallery on a server whole? Everything that can be seen from here, in words."""

from __future__ import annotations

from collections.abc import Iterator

from facekit.errors import GalleryError
from facekit.gallery.integrity import first_of_kinds, of_rows, of_state
from facekit.gallery.postgres.gallery import PostgresGallery
from facekit.gallery.postgres.place import ServerPlace
from facekit.gallery.postgres.rows import PostgresTables
from facekit.gallery.problems import Problem


def check(place: ServerPlace, *, fingerprint: str | None = None) -> list[Problem]:
    """All problems of a gallery, none if it is whole; `fingerprint` is the embedder it should fit. Nothing is
    changed.
    """
    return list(first_of_kinds(list(_contents(place, fingerprint))))


def _contents(place: ServerPlace, fingerprint: str | None) -> Iterator[Problem]:
    try:
        with PostgresGallery.open(place) as gallery, gallery.tables() as tables:
            yield from of_state(tables.state, fingerprint)
            yield from of_rows(tables)
            assert isinstance(tables, PostgresTables)
            yield from _poor(tables)
    except GalleryError as error:
        yield Problem("file", str(error))


def _poor(tables: PostgresTables) -> Iterator[Problem]:
    """What the server's scan goes by is derived from what vouches for it."""
    flags = dict(tables.connection.execute("SELECT id, poor FROM templates").fetchall())
    poor_from = tables.state.settings.poor_from
    for row in tables.unchecked():
        try:
            fits = flags.get(row.id) == row.is_poor(poor_from)
        except (ValueError, TypeError, AttributeError, RecursionError):
            continue  # is told of the row itself
        if not fits:
            yield Problem(
                "rows", f"template {row.id} of {row.name!r} is marked as poor, or is not, by mistake"
            )
