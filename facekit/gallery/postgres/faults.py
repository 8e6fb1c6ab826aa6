"""PostgreSQL's errors in words: what happened, where, what to do. No message has a password in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

from facekit import hints
from facekit.errors import GalleryError
from facekit.gallery.damage import damaged

if TYPE_CHECKING:
    from facekit.gallery.postgres.place import ServerPlace

IN_USE = ("55P03", "40P01", "40001", "57014")
NO_GALLERY = ("42P01", "3F000")
NO_VECTOR = ("42704", "58P01", "0A000")


@contextmanager
def in_words(place: ServerPlace) -> Iterator[None]:
    """Turn PostgreSQL's errors into GalleryError."""
    try:
        yield
    except psycopg.Error as error:
        raise explained(place, error) from error


def explained(place: ServerPlace, error: psycopg.Error) -> GalleryError:
    code = error.sqlstate or ""
    reason = reason_of(place, error)
    if code in IN_USE:
        return GalleryError(
            f"{place}: another process is using the gallery, and nothing was changed: try again when it is "
            "done"
        )
    if code == "42501":
        return GalleryError(
            f"{place}: this user of the database may not do that ({reason}): its owner can allow it with "
            f"{hints.grant(place)}"
        )
    if code == "25006":
        return GalleryError(f"{place}: the database can only be read ({reason}): give its primary server")
    if code.startswith("53"):
        return GalleryError(
            f"{place}: the server has no room, and nothing of this was stored ({reason}): make room there "
            "and run again"
        )
    if code in NO_GALLERY:
        return missing(place)
    if is_lost(error):
        return GalleryError(
            f"{place}: the connection to the database was lost ({reason}): what was not yet reported is not "
            "stored; run again when the server is back"
        )
    if code == "22000" or code.startswith(("22", "XX", "58")):
        return damaged(place, reason)
    return GalleryError(f"{place}: the database refused: {reason}")


def unreachable(place: ServerPlace, error: psycopg.Error) -> GalleryError:
    """Why there is no connection."""
    reason = reason_of(place, error)
    if "password" in reason or "authentication" in reason:
        return GalleryError(
            f"{place}: the database does not let this user in ({reason}): put the password into ~/.pgpass or "
            "PGPASSWORD, or into the address"
        )
    if "does not exist" in reason:
        return GalleryError(f"{place}: {reason}: give one that is there, or have it made for you")
    return GalleryError(
        f"{place}: the database cannot be reached ({reason}): check the address, and that the server runs"
    )


def missing(place: ServerPlace) -> GalleryError:
    return GalleryError(f"{place}: there is no gallery: make one with {hints.create_gallery(place)}")


def unknown_outcome(place: ServerPlace, error: psycopg.Error) -> GalleryError:
    return GalleryError(
        f"{place}: the connection was lost while the change was being stored ({reason_of(place, error)}), so "
        "that nobody knows whether it was: run again, nothing is stored twice"
    )


def no_vector(place: ServerPlace, error: psycopg.Error | None = None) -> GalleryError:
    reason = f" ({reason_of(place, error)})" if error else ""
    return GalleryError(
        f"{place}: the database has no extension vector{reason}: who runs the server installs pgvector and "
        "runs CREATE EXTENSION vector"
    )


def is_lost(error: psycopg.Error) -> bool:
    """Whether the connection is gone, rather than one statement refused."""
    code = error.sqlstate or ""
    return isinstance(error, psycopg.OperationalError) and (not code or code.startswith(("08", "57P")))


def reason_of(place: ServerPlace, error: psycopg.Error) -> str:
    """What PostgreSQL said, in one line."""
    text = error.diag.message_primary or str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()] or [type(error).__name__]
    fatal = next((line for line in lines if "FATAL:" in line), lines[0])
    line = re.sub(r"^.*FATAL:\s*", "", fatal).rstrip(".,;: ")
    secret = place.address.password
    return line.replace(secret, "…") if secret else line
