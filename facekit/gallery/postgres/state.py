"""The tables of the state: settings, which only the owner of the tables changes, and what every change of the
gallery renews."""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from facekit.gallery.postgres.place import ServerPlace
from facekit.gallery.postgres.text import escaped, unescaped
from facekit.gallery.state import MOST_SETTINGS, State

SELECT = "SELECT key, value FROM settings UNION ALL SELECT key, value FROM state LIMIT %s"


def read_state(connection: Connection[Any], place: ServerPlace) -> State:
    """Raises GalleryError when the seal does not fit, or a value cannot be."""
    rows = connection.execute(SELECT, (MOST_SETTINGS + 1,)).fetchall()
    return State.of_table({key: unescaped(value) for key, value in rows}, place)


def write_state(connection: Connection[Any], state: State, before: State | None = None) -> None:
    """Store what differs from the state `before`. Raises UsageError, and writes nothing, for values that
    could not be read again.
    """
    values = state.sealed()
    old = {} if before is None else before.sealed()
    settings = state.settings.to_dict()
    for key, value in values.items():
        if old.get(key) == value:
            continue
        table = "settings" if key in settings else "state"
        query = "UPDATE {} SET value = %(value)s WHERE key = %(key)s"
        if before is None:
            query = "INSERT INTO {} VALUES (%(key)s, %(value)s)"
        connection.execute(query.format(table), {"key": key, "value": escaped(value)})


def renew_state(connection: Connection[Any], state: State) -> None:
    """Store all of it anew: an earlier format lacks some of the keys."""
    connection.execute("DELETE FROM settings")
    connection.execute("DELETE FROM state")
    write_state(connection, state)
