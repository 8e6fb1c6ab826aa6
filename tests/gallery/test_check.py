"""`check` tells everything that is wrong with a gallery, and nothing of a sound one."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from gallery_samples import FINGERPRINT, create, people

from facekit.gallery.search import cache
from facekit.gallery.sqlite import indexing
from facekit.gallery.sqlite.check import check
from facekit.gallery.sqlite.gallery import SqliteGallery


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "gallery.db"
    create(path, people(20)).close()
    return path


def change(path, *statements):
    with closing(sqlite3.connect(path)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def kinds(path, **options):
    return sorted({problem.kind for problem in check(path, **options)})


def test_a_sound_gallery_has_no_problem(path):
    assert check(path, fingerprint=FINGERPRINT) == []
    with SqliteGallery.open(path, write=True):
        assert check(path) == []


def test_problems_have_words_for_people_and_programs(path):
    (problem,) = check(path.parent / "missing.db")
    assert problem.to_dict()["kind"] == "file"
    assert "missing.db" in problem.message
    assert kinds(path.parent / "no folder" / "gallery.db") == ["file"]


@pytest.mark.parametrize(
    ("statement", "kind"),
    [
        ("UPDATE templates SET vector = zeroblob(512) WHERE id = 3", "rows"),
        ("UPDATE templates SET subject = 4 WHERE id = 2", "rows"),
        ("UPDATE subjects SET name = 'Eve' WHERE id = 1", "rows"),
        ("DELETE FROM templates WHERE id = 3", "rows"),
        ("DELETE FROM templates WHERE subject = 1", "rows"),
        ("DELETE FROM subjects WHERE id = 1", "integrity"),
        ("INSERT INTO subjects VALUES (999, 'Eve', 'today', x'00')", "rows"),
        ("UPDATE settings SET value = '0.01' WHERE key = 'threshold'", "file"),
        ("PRAGMA user_version = 9", "file"),
    ],
)
def test_changed_rows(path, statement, kind):
    change(path, statement)
    assert kind in kinds(path)


def test_an_index_that_does_not_fit_its_table(path):
    for column, other in (("sha256", "source"), ("source", "sha256")):
        change(
            path,
            "PRAGMA writable_schema = ON",
            f"UPDATE sqlite_master SET sql = replace(sql, '({column})', '({other})') WHERE type = 'index'",
        )
        if column == "sha256":
            change(path, "REINDEX")
    assert "integrity" in kinds(path)


def test_many_problems_are_summed_up(path):
    change(path, "UPDATE templates SET source = 'elsewhere'")
    messages = [problem.message for problem in check(path)]
    assert any("more of this kind" in message for message in messages)
    assert len(messages) < 15


def test_another_embedder(path):
    assert kinds(path, fingerprint="cd" * 32) == ["embedder"]


def test_rights(path):
    path.chmod(0o644)
    assert kinds(path) == ["rights"]


@pytest.mark.parametrize("content", [b"", b"root:x:0:0", b"SQLite format 3\0" + bytes(100), None])
def test_rights_of_what_is_no_gallery_are_no_problem(tmp_path, content):
    """Who follows the advice would break another program, or a whole machine."""
    path = Path("/dev/null") if content is None else tmp_path / "other"
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o644)
    assert "rights" not in kinds(path)


def test_rights_of_a_damaged_gallery(path):
    path.write_bytes(path.read_bytes()[:4096])
    path.chmod(0o644)
    assert "rights" in kinds(path)


def test_what_killed_processes_left(path):
    draft = path.with_name(".gallery.db.00112233445566aa.new")
    shutil.copy(path, draft)
    Path(f"{draft}-wal").touch(0o600)
    path.with_name("gallery.db.index.00112233445566aa").write_bytes(cache.MAGIC + bytes(200))
    for file in path.parent.iterdir():
        file.chmod(0o600)
    assert [problem.kind for problem in check(path)] == ["leftover"] * 3


def test_a_file_of_the_user_in_the_place_of_the_cache(path):
    cache.place(path).write_text("my notes")
    assert kinds(path) == ["leftover"]


def test_a_second_name_of_the_file(path):
    path.with_name("other.db").hardlink_to(path)
    assert kinds(path) == ["links"]


def test_a_damaged_cache_is_a_problem_and_one_of_earlier_content_is_none(path, monkeypatch):
    monkeypatch.setattr(indexing, "IN_MEMORY", 10)
    assert check(path) == []
    with SqliteGallery.open(path, write=True) as gallery:
        gallery.matrix()
        assert check(path) == []
        gallery.add(people(21))
        assert check(path) == []
        gallery.matrix()
        assert check(path) == []
    cache.place(path).write_bytes(b"fkindex1")
    assert kinds(path) == ["cache"]


def test_checking_changes_nothing(path):
    change(path, "DELETE FROM subjects WHERE id = 1")
    before = path.read_bytes()
    check(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["gallery.db"]
