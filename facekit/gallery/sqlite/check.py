"""Is a gallery whole? Everything that can be wrong with its files, in words."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

from facekit.arguments import path_of
from facekit.errors import GalleryError
from facekit.gallery.integrity import first_of_kinds, of_rows, of_state
from facekit.gallery.problems import Problem
from facekit.gallery.search import cache
from facekit.gallery.sqlite import connections, database, drafts, indexing, log
from facekit.gallery.sqlite.faults import in_words
from facekit.gallery.sqlite.rows import SqliteTables
from facekit.gallery.sqlite.state import read_state
from facekit.gallery.state import State


def check(path: Path | str, *, fingerprint: str | None = None) -> list[Problem]:
    """All problems of a gallery, none if it is whole; `fingerprint` is the embedder it should fit.
    Nothing is changed.
    """
    path = Path(path_of(path, "the gallery"))
    found = list(_contents(path, fingerprint)) if path.is_file() else []
    if not path.is_file():
        found.append(Problem("file", f"{path}: there is no gallery"))
    return [*first_of_kinds(found), *_surroundings(path)] if path.parent.is_dir() else found


def _contents(path: Path, fingerprint: str | None) -> Iterator[Problem]:
    try:
        if not connections.is_open(path):
            log.require_ours(path)
        with (
            in_words(path),
            closing(database.connect(path, write=False)) as connection,
            database.transaction(connection, "DEFERRED"),
        ):
            yield from _pages(connection)
            state = read_state(connection, path)
            yield from of_state(state, fingerprint)
            yield from _cache(state, path)
            yield from of_rows(SqliteTables(connection, state, path))
    except GalleryError as error:
        yield Problem("file", str(error))


def _pages(connection: sqlite3.Connection) -> Iterator[Problem]:
    for (line,) in connection.execute("PRAGMA integrity_check"):
        if line != "ok":
            yield Problem("integrity", f"SQLite: {line}")
    for table, row, parent, _ in connection.execute("PRAGMA foreign_key_check"):
        yield Problem("integrity", f"row {row} of {table} has no row in {parent}")


def _cache(state: State, path: Path) -> Iterator[Problem]:
    if state.templates > indexing.IN_MEMORY:
        # One of earlier content is as it should be after a change: the next search renews it.
        place = cache.place(path)
        if cache.is_cache(place) and cache.load(path, state.settings.dimension) is None:
            yield Problem("cache", f"{place}: damaged: the next search renews it")


def _is_gallery(file: Path) -> bool:
    """Whether it begins as a gallery, also as a damaged one."""
    if not file.is_file():
        return False
    with suppress(OSError), file.open("rb") as opened:
        start = opened.read(72)
        return start.startswith(drafts.SQLITE) and start[68:] == database.APPLICATION_ID.to_bytes(4, "big")
    return False


def _surroundings(path: Path) -> Iterator[Problem]:
    """The files of the gallery: who may read them, and what killed processes left."""
    place = Path(os.path.realpath(path))
    companions = [Path(f"{place}{suffix}") for suffix in drafts.COMPANIONS]
    for file in (*companions, *cache.files(place)):
        try:
            state = file.stat()
        except OSError:
            continue
        if file == place and not _is_gallery(file):
            continue  # whose rights are no business of facekit's: a device, another program's file
        if state.st_uid == os.geteuid() and stat.S_IMODE(state.st_mode) & 0o077:
            yield Problem("rights", f"{file}: others may read it: chmod 600")
    left = drafts.left_behind(place)
    if place.exists() and place.stat().st_nlink > 1 + len(left):
        yield Problem(
            "links",
            f"{place}: has another name (a hard link), beside which changes are not seen: keep one name",
        )
    for file in (*left, *cache.files(place)):
        if file != cache.place(place):
            yield Problem("leftover", f"{file}: left by a process that was killed: remove it")
    taken = cache.place(place)
    if os.path.lexists(taken) and not cache.is_cache(taken):
        message = f"{taken}: not made by facekit, in the place of its search cache: rename it"
        yield Problem("leftover", message)
