"""What a role of the database may do with a gallery: search it, or enroll as well. Only the owner of its
tables removes, renames, merges and calibrates."""

from __future__ import annotations

import psycopg
from psycopg import sql

from facekit.errors import GalleryError, UsageError
from facekit.gallery.postgres.connections import Connections
from facekit.gallery.postgres.faults import missing
from facekit.gallery.postgres.place import ServerPlace

RIGHTS = ("read", "enroll")
READER = (
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role}",
)
# The settings, threshold among them, are not for who enrolls.
ENROLLER = (
    "GRANT INSERT ON {schema}.subjects, {schema}.templates, {schema}.tombstones, {schema}.facts TO {role}",
    "GRANT UPDATE (value) ON {schema}.state TO {role}",
)
NONE = ("REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}",)


def grant(place: ServerPlace, role: str, rights: str) -> None:
    """Let the role of the database do this, and nothing else that it was allowed before."""
    if rights not in RIGHTS:
        raise UsageError(f"{rights!a} is no kind of right: there are {' and '.join(RIGHTS)}")
    if not role or "\0" in role:
        raise UsageError("the role is the name of one of the database's users")
    names = {"schema": sql.Identifier(place.address.schema), "role": sql.Identifier(role)}
    connections = Connections(place, write=True)
    try:
        with connections.making() as connection:
            if not place.exists():
                raise missing(place)
            for statement in (*NONE, *READER, *(ENROLLER if rights == "enroll" else ())):
                connection.execute(sql.SQL(statement).format(**names))
    except GalleryError as error:
        if isinstance(error.__cause__, psycopg.errors.UndefinedObject):
            raise GalleryError(
                f"{place}: the database has no user {role!r}: make it with CREATE ROLE"
            ) from error
        raise
    finally:
        connections.close()
