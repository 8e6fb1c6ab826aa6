"""Facts in the file itself: erased to the last byte, damage noticed, and galleries of before they were."""

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from gallery_samples import create, people, random_vectors, template

from facekit.errors import GalleryError
from facekit.gallery.facts import Denials, Fact
from facekit.gallery.sqlite import migrations
from facekit.gallery.sqlite.check import check
from facekit.gallery.sqlite.gallery import SqliteGallery
from facekit.gallery.state import seal_of

BOX = (10.0, 20.5, 60.0, 80.0)
FACE = template("somebody")


def face(kind: str, subject: str | None = None) -> Fact:
    return Fact(kind, subject, vector=FACE.vector, sha256=FACE.sha256, source="party.jpg", box=BOX)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gallery.db"


def traces(folder: Path) -> list[str]:
    data = FACE.vector.tobytes()
    marks = {data[start : start + 16] for start in range(0, len(data), 16)} | {FACE.sha256.encode()}
    files = {file.name: file.read_bytes() for file in folder.iterdir()}
    return [name for name, content in files.items() if any(mark in content for mark in marks)]


@pytest.mark.parametrize("end", ["taken back", "person removed", "enrolled"])
def test_no_byte_of_a_face_is_left_when_its_fact_is_over(path: Path, end: str) -> None:
    with create(path, people(30)) as gallery:
        gallery.record([face("not_subject", "person 001")])
        assert traces(path.parent)
        if end == "taken back":
            gallery.withdraw([gallery.facts()[0].id])
        elif end == "person removed":
            gallery.remove(["person 001"])
        else:
            gallery.add([template("person 001", 9, vector=FACE.vector, sha256=FACE.sha256)], again=True)
            gallery.remove_photos("person 001", [FACE.sha256], remember=False)
        assert traces(path.parent) == []
    assert check(path) == []


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM facts WHERE kind = 'ignored'",
        "UPDATE facts SET kind = 'ignored', subject = NULL WHERE kind = 'not_subject'",
        "UPDATE facts SET subject = 2 WHERE kind = 'not_subject'",
        "UPDATE facts SET vector = zeroblob(512) WHERE kind = 'ignored'",
        "UPDATE facts SET box = '[1, 2' WHERE kind = 'ignored'",
        "UPDATE facts SET subject = 'x' WHERE kind = 'not_same'",
        "INSERT INTO facts SELECT 999, kind, subject, other, sha256, source, box, added, vector, checksum "
        "FROM facts LIMIT 1",
    ],
)
def test_a_changed_fact_is_noticed(path: Path, statement: str) -> None:
    with create(path, people(3)) as gallery:
        gallery.record(
            [face("not_subject", "person 001"), Fact("not_same", "person 000", "person 002"), face("ignored")]
        )
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)
    assert [problem.kind for problem in check(path) if problem.kind == "rows"]
    with SqliteGallery.open(path, write=True) as gallery:
        for use in (
            gallery.facts,
            lambda: gallery.search(random_vectors(1)),
            lambda: gallery.remove(["person 000"]),
        ):
            with pytest.raises(GalleryError, match="damaged"):
                use()


def test_a_gallery_of_before_there_were_facts_is_read_and_brought_up_to_date(path: Path) -> None:
    with create(path, people(3)):
        pass
    with closing(sqlite3.connect(path)) as connection, connection:
        rows = dict(connection.execute("SELECT key, value FROM settings"))
        before = {key: value for key, value in rows.items() if key not in ("facts", "fact_digest", "seal")}
        connection.execute("DELETE FROM settings")
        connection.executemany(
            "INSERT INTO settings VALUES (?, ?)", {**before, "seal": seal_of(before)}.items()
        )
        connection.execute("DROP TABLE facts")
        connection.execute("PRAGMA user_version = 1")
    assert check(path) == []
    with SqliteGallery.open(path) as gallery:
        assert gallery.facts() == []
        assert len(gallery.search(random_vectors(1))[0]) == 3
        gallery.place.copy(path.with_name("copy.db"))
    with SqliteGallery.open(path, write=True) as gallery:
        assert gallery.version == len(migrations.MIGRATIONS)
        gallery.record([face("not_subject", "person 001")])
    assert check(path) == []


def test_a_face_is_denied_by_what_it_is_more_like() -> None:
    one, aside = np.eye(128, dtype=np.float32)[:2]
    denials = Denials([Fact("not_subject", "Ada", vector=one)])

    def at(likeness: float) -> np.ndarray:
        return np.asarray(likeness * one + np.sqrt(1 - likeness**2) * aside, np.float32)

    assert denials.denies("Ada", one, 1.0)
    assert denials.denies("Ada", at(0.7), 0.69)
    assert not denials.denies("Ada", at(0.7), 0.71)
    assert not denials.denies("Ben", one, 0.0)
    assert not Denials()
