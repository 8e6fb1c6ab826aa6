"""What a file may ask of SQLite before it is believed to be a gallery: our own tables, of sensible size.

A crafted file can have views, triggers, generated columns or virtual tables in the place of tables. They
run whenever the tables are read; so the file's schema must be what the migrations make, to the letter.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache
from pathlib import Path

from facekit.gallery.damage import damaged
from facekit.gallery.sqlite import migrations

# A vector is at most 64 KiB, a curve of probabilities or a list of pictures far less.
LONGEST_VALUE = 1_000_000
LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: LONGEST_VALUE,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_COLUMN: 100,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 10,
    sqlite3.SQLITE_LIMIT_ATTACHED: 1,  # VACUUM attaches what it writes
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
}
# Steps of SQLite's machine that a transaction may take for each byte of the file, and in any case. A row of
# a kilobyte takes 30 to be read, and less than 300 in the integrity check and in VACUUM.
STEPS_A_BYTE = 2
STEPS = 50_000_000
STEPS_AT_ONCE = 100_000
SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"


def limit(connection: sqlite3.Connection) -> None:
    """Set the limits of a connection, before anything is read: also the schema is text from the file."""
    for category, value in LIMITS.items():
        connection.setlimit(category, value)


def limit_steps(connection: sqlite3.Connection) -> None:
    """Let the next statements end in SQLITE_INTERRUPT when they take longer than the file's size explains."""
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    left = (STEPS + STEPS_A_BYTE * pages * size) // STEPS_AT_ONCE

    def step() -> bool:
        nonlocal left
        left -= 1
        return bool(left < 0)

    connection.set_progress_handler(step, STEPS_AT_ONCE)


def require(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Raise GalleryError unless the tables are those of a gallery of this format."""
    wanted = expected(version)
    # Not all of a schema that somebody made long.
    if tuple(connection.execute(SCHEMA).fetchmany(len(wanted) + 1)) != wanted:
        raise damaged(path, "its tables are not those of a gallery")


@cache
def expected(version: int) -> tuple[tuple[str, str, str, str | None], ...]:
    """The schema that the first `version` migrations make."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for step in migrations.MIGRATIONS[:version]:
            step(connection)
        return tuple(connection.execute(SCHEMA).fetchall())
