"""The gallery's tables, as numbered steps. The number of steps applied is SQLite's `user_version`.

A step is never edited once released: a change of the tables is another step.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable


def m001_tables(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
    connection.execute(
        """CREATE TABLE subjects (
            id INTEGER PRIMARY KEY,
            name TEXT NOT NULL UNIQUE,
            added TEXT NOT NULL,
            checksum BLOB NOT NULL)"""
    )
    connection.execute(
        """CREATE TABLE templates (
            id INTEGER PRIMARY KEY,
            subject INTEGER NOT NULL REFERENCES subjects (id),
            sha256 TEXT NOT NULL,
            source TEXT NOT NULL,
            box TEXT NOT NULL,
            quality TEXT NOT NULL,
            added TEXT NOT NULL,
            vector BLOB NOT NULL,
            checksum BLOB NOT NULL,
            UNIQUE (subject, sha256))"""
    )
    connection.execute("CREATE INDEX templates_by_picture ON templates (sha256)")
    # What facekit.gallery.tombstones keeps of pictures that were removed or renamed.
    connection.execute(
        """CREATE TABLE tombstones (
            digest TEXT NOT NULL,
            kind TEXT NOT NULL,
            box TEXT NOT NULL,
            PRIMARY KEY (digest, kind, box)) WITHOUT ROWID"""
    )


def m002_facts(connection: sqlite3.Connection) -> None:
    # What facekit.gallery.facts has: people by number, and for a face its picture and its vector.
    connection.execute(
        """CREATE TABLE facts (
            id INTEGER PRIMARY KEY,
            kind TEXT NOT NULL,
            subject INTEGER REFERENCES subjects (id),
            other INTEGER REFERENCES subjects (id),
            sha256 TEXT NOT NULL,
            source TEXT NOT NULL,
            box TEXT NOT NULL,
            added TEXT NOT NULL,
            vector BLOB NOT NULL,
            checksum BLOB NOT NULL)"""
    )


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (m001_tables, m002_facts)


def version(connection: sqlite3.Connection) -> int:
    """The format of an open gallery."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection) -> None:
    """Apply the steps that the gallery has not seen, each in a transaction of its own."""
    while version(connection) < len(MIGRATIONS):
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Read again under the lock: another process may have been first.
            number = version(connection)
            if number < len(MIGRATIONS):
                MIGRATIONS[number](connection)
                connection.execute(f"PRAGMA user_version = {number + 1}")
            connection.execute("COMMIT")
        except BaseException:
            # A full disk may have rolled it back already.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
