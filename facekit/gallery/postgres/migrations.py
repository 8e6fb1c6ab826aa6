"""The gallery's tables, as numbered steps; `format` holds the number of steps applied.

A step is never edited once released: a change of the tables is another step. Text is kept as
facekit.gallery.postgres.text writes it. Of columns that tell of a person no statistics are collected: they
would keep names and vectors after a removal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from psycopg import Connection, sql

# Numbers of two bytes that a row of 8 kB has room for, beside all else.
IN_ROW = 2_000
PERSONAL = (
    *(("subjects", "name"), ("subjects", "added")),
    *(("templates", column) for column in ("sha256", "source", "box", "quality", "added", "vector", "half")),
    *(("tombstones", column) for column in ("digest", "box")),
)
PERSONAL_FACTS = tuple(("facts", column) for column in ("sha256", "source", "box", "added", "vector"))

GRANTED = """SELECT r.rolname, g.privilege_type FROM pg_class c, aclexplode(c.relacl) g
    JOIN pg_roles r ON r.oid = g.grantee
    WHERE c.oid = 'templates'::regclass AND g.grantee <> c.relowner
    AND g.privilege_type IN ('SELECT', 'INSERT')"""


def m001_tables(connection: Connection[Any], dimension: int) -> None:
    connection.execute("CREATE TABLE format (version integer NOT NULL)")
    connection.execute("INSERT INTO format VALUES (0)")
    # What only an administrator changes, and what every change of the gallery renews.
    connection.execute("CREATE TABLE settings (key text PRIMARY KEY, value text NOT NULL)")
    connection.execute("CREATE TABLE state (key text PRIMARY KEY, value text NOT NULL)")
    connection.execute(
        """CREATE TABLE subjects (
            id bigint PRIMARY KEY,
            name text NOT NULL UNIQUE,
            added text NOT NULL,
            checksum bytea NOT NULL)"""
    )
    connection.execute(
        sql.SQL(
            """CREATE TABLE templates (
            id bigint PRIMARY KEY,
            subject bigint NOT NULL REFERENCES subjects (id),
            poor boolean NOT NULL,
            sha256 text NOT NULL,
            source text NOT NULL,
            box text NOT NULL,
            quality text NOT NULL,
            added text NOT NULL,
            checksum bytea NOT NULL,
            vector vector({dimension}) NOT NULL,
            half halfvec({dimension}) NOT NULL GENERATED ALWAYS AS (vector::halfvec({dimension})) STORED,
            UNIQUE (subject, sha256))"""
        ).format(dimension=sql.Literal(dimension))
    )
    connection.execute("CREATE INDEX templates_by_picture ON templates (sha256)")
    if dimension <= IN_ROW:
        # The scan reads every half: it stays in the row, and the vector goes out of it first.
        connection.execute("ALTER TABLE templates ALTER COLUMN half SET STORAGE PLAIN")
    connection.execute(
        """CREATE TABLE tombstones (
            digest text NOT NULL,
            kind text NOT NULL,
            box text NOT NULL,
            PRIMARY KEY (digest, kind, box))"""
    )
    # Numbers of templates that are gone, and with which change, for those who keep an index in memory.
    connection.execute("CREATE TABLE removals (id bigint PRIMARY KEY, change bigint NOT NULL)")
    connection.execute("CREATE INDEX removals_by_change ON removals (change)")
    _without_statistics(connection, PERSONAL)


def m002_facts(connection: Connection[Any], dimension: int) -> None:
    # What facekit.gallery.facts has: people by number, and for a face its picture and its vector, which the
    # server does not search.
    connection.execute(
        """CREATE TABLE facts (
            id bigint PRIMARY KEY,
            kind text NOT NULL,
            subject bigint REFERENCES subjects (id),
            other bigint REFERENCES subjects (id),
            sha256 text NOT NULL,
            source text NOT NULL,
            box text NOT NULL,
            added text NOT NULL,
            vector bytea NOT NULL,
            checksum bytea NOT NULL)"""
    )
    connection.execute("CREATE INDEX facts_by_subject ON facts (subject)")
    connection.execute("CREATE INDEX facts_by_other ON facts (other)")
    _without_statistics(connection, PERSONAL_FACTS)
    # Whoever reads the templates, or adds to them, does the same with facts.
    for role, right in connection.execute(GRANTED).fetchall():
        connection.execute(sql.SQL("GRANT {} ON facts TO {}").format(sql.SQL(right), sql.Identifier(role)))


def _without_statistics(connection: Connection[Any], columns: Sequence[tuple[str, str]]) -> None:
    for table, column in columns:
        connection.execute(
            sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET STATISTICS 0").format(
                sql.Identifier(table), sql.Identifier(column)
            )
        )


MIGRATIONS: tuple[Callable[[Connection[Any], int], None], ...] = (m001_tables, m002_facts)


def version(connection: Connection[Any]) -> int:
    """The format of the gallery in the schema."""
    row = connection.execute("SELECT version FROM format").fetchone()
    return 0 if row is None else int(row[0])


def migrate(connection: Connection[Any], dimension: int, done: int) -> None:
    """Apply the steps after the first `done`, inside a transaction."""
    for step in MIGRATIONS[done:]:
        step(connection, dimension)
    connection.execute("UPDATE format SET version = %s", (len(MIGRATIONS),))
