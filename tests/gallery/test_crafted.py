"""A file that somebody made to do harm is refused at once: nothing in it runs, and nothing large is read."""

import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gallery_samples import create, people

from facekit.calibration.threshold import Calibration
from facekit.errors import FacekitError, GalleryError
from facekit.gallery.records import subject_checksum, template_checksum
from facekit.gallery.sqlite import copying, rows, schema
from facekit.gallery.sqlite.check import check
from facekit.gallery.sqlite.gallery import SqliteGallery
from facekit.gallery.sqlite.state import read_state, write_state
from facekit.gallery.state import seal_of

ENDLESS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT"
SECONDS = 20.0


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "gallery.db"
    create(path, people(5)).close()
    return path


def change(path, *statements):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def seal(path, **values):
    """Change settings and seal them, as who writes a file on purpose does."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        rows = {**read_state(connection, path).sealed(), **{key: str(value) for key, value in values.items()}}
        del rows["seal"]
        rows["seal"] = seal_of(rows)
        connection.executemany(
            "UPDATE settings SET value = ? WHERE key = ?", [(v, k) for k, v in rows.items()]
        )


def seal_row(path, **values):
    """Change the first template and renew all that vouches for it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        state = read_state(connection, path)
        row = next(rows.unchecked(connection, "WHERE t.id = 2"))
        new = row._replace(**values)
        code = template_checksum(
            state.settings.fingerprint, new.id, new.subject, *new.described(), vector=new.vector
        )
        connection.execute(
            "UPDATE templates SET sha256 = ?, source = ?, box = ?, quality = ?, added = ?, vector = ?, "
            "checksum = ? WHERE id = 2",
            (*new.described(), new.vector, code),
        )
        old, added = (int.from_bytes(each, "little") for each in (row.checksum, code))
        write_state(connection, replace(state, digest=(state.digest - old + added) % (1 << 128)))


CHANGING = {
    "remove": lambda gallery: gallery.remove(["person 003"]),
    "remove a photo": lambda gallery: gallery.remove_photos("person 003", ["photos/0.jpg"]),
    "rename": lambda gallery: gallery.rename("person 003", "Ada"),
    "merge": lambda gallery: gallery.merge("person 003", ["person 004"]),
    "forget removals": lambda gallery: gallery.forget_removals(),
    "add": lambda gallery: gallery.add(people(7)[-1:]),
    "set the threshold": lambda gallery: gallery.set_calibration(Calibration(0.3, "by hand")),
}


def refused(path):
    """Whatever is asked of the gallery first ends soon, in an error that names it, and changes nothing."""
    started = time.monotonic()
    before = path.read_bytes()
    uses = [
        lambda: use(path, lambda gallery: list(gallery.contents())),
        *(lambda action=action: use(path, action, write=True) for action in CHANGING.values()),
        lambda: copying.copy(path, path.with_name(f"copy {time.monotonic_ns()}.db")),
    ]
    for action in uses:
        with pytest.raises(GalleryError) as caught:
            action()
        assert str(path) in str(caught.value)
        assert len(str(caught.value)) < 2000
    assert check(path)
    assert path.read_bytes() == before
    assert time.monotonic() - started < SECONDS


def use(path, action, write=False):
    with SqliteGallery.open(path, write=write) as gallery:
        return action(gallery)


@pytest.mark.parametrize(
    "statements",
    [
        [
            "ALTER TABLE settings RENAME TO old",
            f"CREATE VIEW settings AS {ENDLESS} 'k' || i AS key, 'v' AS value FROM n",
        ],
        [
            "ALTER TABLE templates RENAME TO old",
            f"CREATE VIEW templates AS {ENDLESS} i AS id, i AS subject, zeroblob(900000) AS vector FROM n",
        ],
        [
            "CREATE TRIGGER harm AFTER DELETE ON templates BEGIN "
            "INSERT INTO subjects SELECT NULL, randomblob(9), '', x'' FROM templates a, templates b; END"
        ],
        ["ALTER TABLE subjects ADD COLUMN more AS (zeroblob(999999999)) VIRTUAL"],
        ["CREATE TABLE extra (a)"],
        ["CREATE INDEX extra ON templates (length(hex(zeroblob(99999999))))"],
        ["CREATE VIRTUAL TABLE extra USING fts5 (a)"],
        ["DROP INDEX templates_by_picture"],
    ],
)
def test_other_tables_than_ours(path, statements):
    try:
        change(path, *statements)
    except sqlite3.OperationalError as error:
        pytest.skip(str(error))
    refused(path)


def test_our_tables_under_other_words(path):
    change(
        path,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = replace(sql, 'name TEXT NOT NULL', 'name BLOB NOT NULL')",
    )
    refused(path)


def test_a_schema_of_many_megabytes(path):
    change(
        path,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_master SET sql = sql || ' -- ' || hex(zeroblob(20000000)) WHERE name = 'settings'",
    )
    refused(path)


@pytest.mark.parametrize(
    ("key", "size"),
    [
        *((key, 300_000) for key in ("calibration", "embedder", "created", "probability", "fingerprint")),
        ("calibration", 30_000_000),
    ],
)
def test_a_setting_that_is_huge(path, key, size):
    seal(path, **{key: "x" * size})
    refused(path)


@pytest.mark.parametrize(
    "values",
    [
        {"dimension": 10**9},
        {"dimension": 0},
        {"templates": 10**15},
        {"templates": -1},
        {"tombstones": 10**12},
        {"digest": "9" * 5000},
        {"threshold": float("nan")},
        {"threshold": "high"},
        {"tail": float("inf")},
        {"last": "1_0"},
        {"changes": "\u0661"},
        {"last": 2**63 - 1},
        {"calibrated_templates": 2**63},
        {"calibrated_templates": -1},
        {"threshold": -1e300},
        {"threshold": 1.001},
        {"tail": -5.0},
        {"poor_from": 2.0},
        {"tombstone_keys": "zz"},
        {"tombstone_keys": "00 11"},
    ],
)
def test_a_setting_that_cannot_be(path, values):
    seal(path, **values)
    refused(path)


def test_too_many_and_unknown_settings(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        whole = {key for key, _ in connection.execute("SELECT * FROM settings")}
        assert len(whole) < 50
        connection.execute(f"INSERT INTO settings {ENDLESS} 'k' || i, 'v' FROM n LIMIT 100000")
    refused(path)


@pytest.mark.parametrize(
    "values",
    [
        {"box": "[1, 2"},
        {"box": "{}"},
        {"box": "[" * 100_000},
        {"quality": "7"},
        {"source": b"bytes"},
        {"added": 7},
        {"vector": np.full(128, np.nan, "<f4").tobytes()},
        {"vector": np.zeros(128, "<f4").tobytes()},
        {"source": "x" * 3_000_000},
    ],
)
def test_a_template_that_cannot_be(path, values):
    seal_row(path, **values)
    refused(path)


def test_more_rows_than_were_stored_are_not_all_read(path):
    """As many as a tree of pages can pretend to have."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP INDEX templates_by_picture")
        connection.execute(
            f"INSERT INTO templates {ENDLESS} i + 1000, 1, 's' || i, '', '', '', '', x'', x'' FROM n "
            "LIMIT 50000"
        )
        connection.execute("CREATE INDEX templates_by_picture ON templates (sha256)")
    refused(path)


def test_a_statement_that_takes_too_long_for_its_file_is_ended(path, monkeypatch):
    monkeypatch.setattr(schema, "STEPS", schema.STEPS_AT_ONCE)
    monkeypatch.setattr(schema, "STEPS_A_BYTE", 0)
    with (
        SqliteGallery.open(path) as gallery,
        pytest.raises(GalleryError, match="longer than its size"),
        gallery._connections.reading() as connection,
    ):
        connection.execute(f"{ENDLESS} sum(i) FROM n").fetchone()


def test_names_of_any_length_are_refused_in_the_same_way(tmp_path):
    with create(tmp_path / "gallery.db", people(2)) as gallery:
        for name in ("x" * 301, "x" * 3_000_000):
            for action in (
                lambda name=name: gallery.add([replace(people(1)[0], subject=name)]),
                lambda name=name: gallery.rename("person 000", name),
                lambda name=name: gallery.merge(name, ["person 000"]),
                lambda name=name: gallery.remove([name]),
            ):
                with pytest.raises(FacekitError, match="at most 300"):
                    action()
        gallery.rename("person 000", "x" * 300)
    assert Path(gallery.path).stat().st_size < 200_000


@pytest.mark.parametrize(
    "name",
    [
        *("person 000 ", "person  000", "\u2003person 000", " ", "person\n000", "person\0000"),
        *("person\u0301 000", "Ame\u0301lie", "\u212bsa", "\u1100\u1161"),
    ],
)
def test_a_name_that_is_not_as_names_are_stored(path, name):
    """It looks like another's, and no name that a user types reaches it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        state = read_state(connection, path)
        number, added, old = connection.execute(
            "SELECT id, added, checksum FROM subjects WHERE name = 'person 001'"
        ).fetchone()
        new = subject_checksum(number, name, added)
        connection.execute("UPDATE subjects SET name = ?, checksum = ? WHERE id = ?", (name, new, number))
        old_sum, new_sum = (int.from_bytes(each, "little") for each in (old, new))
        write_state(connection, replace(state, digest=(state.digest - old_sum + new_sum) % (1 << 128)))
    refused(path)


@pytest.mark.parametrize("column", ["box", "quality"])
def test_a_deep_text_is_refused_however_deep_python_would_go(path, column):
    """Where a package, as PyTorch's compiler does, has raised the limit, json itself ends the process."""
    seal_row(path, **{column: "[" * 100_000})
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        refused(path)
    finally:
        sys.setrecursionlimit(before)
