"""A gallery keeps what it was given, and refuses what it cannot trust."""

import os
import sqlite3
import stat
import unicodedata
from contextlib import closing

import numpy as np
import pytest
from gallery_samples import DIMENSION, FINGERPRINT, create, names, people, random_vectors, template
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facekit.calibration import Calibration
from facekit.errors import GalleryError, UsageError
from facekit.gallery import NewTemplate, Subject
from facekit.gallery.sqlite import migrations
from facekit.gallery.sqlite.gallery import SqliteGallery
from facekit.gallery.subject_names import subject_name

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20).filter(str.strip)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "gallery.db"


def test_settings_are_kept(path):
    create(path, calibration=Calibration(0.123456789012345, "by hand")).close()
    with SqliteGallery.open(path) as gallery:
        kept = gallery.settings
        assert (kept.fingerprint, kept.dimension, kept.embedder) == (FINGERPRINT, DIMENSION, "small")
        assert gallery.threshold == 0.123456789012345
        assert kept.calibration.description == "by hand"
        assert gallery.version == len(migrations.MIGRATIONS)
        assert len(gallery) == 0


def test_templates_are_kept_with_all_they_came_with(path):
    given_template = template("Ann", added="2020-01-02T03:04:05+00:00")
    create(path, [given_template]).close()
    with SqliteGallery.open(path) as gallery:
        assert gallery.subjects() == [Subject("Ann", 1, "2020-01-02T03:04:05+00:00")]
        (info,) = gallery.templates("Ann")
        assert (info.subject, info.source, info.sha256) == ("Ann", "photos/0.jpg", given_template.sha256)
        assert (info.box, info.quality) == (given_template.box, given_template.quality)
        (stored,) = gallery.contents()
        assert stored.vector.tobytes() == given_template.vector.tobytes()


def test_adding_again_changes_nothing(path):
    with create(path) as gallery:
        first = gallery.add(people(3))
        assert (first.added, first.present, len(first.subjects)) == (6, 0, 3)
        before = gallery.templates()
        again = gallery.add(people(3))
        assert (again.added, again.present, again.subjects) == (0, 6, ())
        assert gallery.templates() == before


def test_one_picture_may_show_two_subjects(path):
    beside = (70.0, 20.5, 120.0, 80.0)
    both = [template("Bob"), template("Ann", sha256=template("Bob").sha256, box=beside)]
    with create(path, both) as gallery:
        digest = template("Bob").sha256
        known = gallery.known([digest, "0" * 64])
        assert {each: [(info.subject, info.box) for info in infos] for each, infos in known.items()} == {
            digest: [("Ann", beside), ("Bob", template("Bob").box)]
        }


def test_known_takes_any_number_of_pictures(path):
    with create(path, people(5)) as gallery:
        wanted = [f"{number:064x}" for number in range(3000)] + [item.sha256 for item in people(5)]
        assert len(gallery.known(wanted)) == 10


def test_a_batch_is_stored_whole_or_not_at_all(path):
    with create(path, people(1)) as gallery:
        with pytest.raises(GalleryError, match="unit"):
            gallery.add([template("Ann"), template("Bob", vector=np.full(DIMENSION, np.nan, np.float32))])
        assert [subject.name for subject in gallery.subjects()] == ["person 000"]


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, 1.0])
def test_only_unit_vectors_are_stored_and_searched(path, value):
    vector = np.full(DIMENSION, value, np.float32)
    with create(path, people(2)) as gallery:
        with pytest.raises(GalleryError, match="only unit vectors"):
            gallery.add([template("Ann", vector=vector)])
        with pytest.raises(GalleryError, match="only unit vectors"):
            gallery.search(vector[None])


def test_vectors_of_another_dimension_are_refused(path):
    with create(path) as gallery, pytest.raises(GalleryError, match="128 numbers"):
        gallery.search(random_vectors(1, dimension=64))


def test_an_empty_gallery_knows_nobody(path):
    with create(path) as gallery:
        assert gallery.search(random_vectors(2)) == [[], []]
        assert gallery.subjects() == []


STRANGE = [
    "../../etc/passwd",
    "\x1b[31mred\x07",
    "=cmd|' /C calc'!A0",
    "n" * 300,
    "a\0b\0",
    "김철수",
    "عمر",
    "🙂",
]


def test_strange_names_are_data(path):
    create(path, [template(name) for name in STRANGE]).close()
    with SqliteGallery.open(path) as gallery:
        assert {subject.name for subject in gallery.subjects()} == set(STRANGE)
        for name in STRANGE:
            assert names(gallery.search(template(name).vector[None], 1)) == [[name]]
            assert len(gallery.templates(name)) == 1


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXT, min_size=1, max_size=8))
def test_names_in_any_script_round_trip(tmp_path_factory, given_names):
    path = tmp_path_factory.mktemp("names") / "gallery.db"
    create(path, [template(name) for name in given_names]).close()
    expected = {subject_name(name) for name in given_names}
    with SqliteGallery.open(path, write=True) as gallery:
        assert {subject.name for subject in gallery.subjects()} == expected
        for name in given_names:
            assert gallery.templates(name)
        gallery.remove(given_names)
        assert len(gallery) == 0


def test_one_name_in_two_normal_forms_is_one_subject(path):
    with create(path, [template("Zoë"), template(unicodedata.normalize("NFD", "Zoë"), 1)]) as gallery:
        assert gallery.subjects()[0].templates == 2
        gallery.rename(unicodedata.normalize("NFD", "Zoë"), "Zoe")
        assert [subject.name for subject in gallery.subjects()] == ["Zoe"]


@pytest.mark.parametrize("name", ["", "caf\udce9"])
def test_names_that_are_no_text_are_refused(path, name):
    with create(path) as gallery, pytest.raises(UsageError):
        gallery.add([template(name, sha256="0" * 64)])


def test_file_names_that_are_no_text_are_kept_readable(path):
    with create(path, [template("Ann", source="caf\udce9.jpg")]) as gallery:
        assert gallery.templates()[0].source == r"caf\udce9.jpg"


def test_remove_rename_merge(path):
    with create(path, people(4)) as gallery:
        assert gallery.remove(["person 000"]) == 2
        gallery.rename("person 001", "Ann")
        assert gallery.merge("Ann", ["person 002"]) == 2
        assert [(subject.name, subject.templates) for subject in gallery.subjects()] == [
            ("Ann", 4),
            ("person 003", 2),
        ]
        assert names(gallery.search(template("person 002").vector[None], 1)) == [["Ann"]]
        assert names(gallery.search(template("person 000").vector[None], 5)) != [["person 000"]]


def test_merge_keeps_a_shared_picture_once(path):
    shared = template("Bob", sha256=template("Ann").sha256, box=(70.0, 20.5, 120.0, 80.0))
    with create(path, [template("Ann"), shared]) as gallery:
        assert gallery.merge("Ann", ["Bob"]) == 0
        assert gallery.subjects()[0].templates == 1


def test_unknown_and_taken_names_change_nothing(path):
    with create(path, people(2)) as gallery:
        before = gallery.templates()
        for change in (
            lambda: gallery.remove(["person 000", "nobody"]),
            lambda: gallery.rename("nobody", "Ann"),
            lambda: gallery.rename("nobody", "nobody"),
            lambda: gallery.merge("nobody", ["person 000"]),
            lambda: gallery.rename("person 000", "person 001"),
            lambda: gallery.merge("person 000", ["person 001", "nobody"]),
            lambda: gallery.templates("nobody"),
        ):
            with pytest.raises(GalleryError, match="in the gallery"):
                change()
        assert gallery.templates() == before


def test_nobody_is_merged_with_themselves(path):
    with create(path, people(2)) as gallery:
        before = gallery.templates()
        for others in (["person 000"], ["person 001", "person 000"]):
            with pytest.raises(UsageError, match="itself"):
                gallery.merge("person 000", others)
        assert gallery.templates() == before


def test_the_threshold_is_changed_with_its_reason(path):
    with create(path) as gallery:
        gallery.set_calibration(Calibration(0.31, "FPIR 0.001"))
        assert gallery.threshold == 0.31
        with pytest.raises(UsageError):
            gallery.set_calibration(Calibration(float("nan")))
    with SqliteGallery.open(path) as gallery:
        assert (gallery.threshold, gallery.settings.calibration.description) == (0.31, "FPIR 0.001")


def test_a_reader_sees_what_others_store(path):
    with create(path, people(1)) as writer, SqliteGallery.open(path) as reader:
        probe = template("Ann").vector[None]
        assert names(reader.search(probe, 1)) == [["person 000"]]
        writer.add([template("Ann")])
        assert names(reader.search(probe, 1)) == [["Ann"]]
        writer.remove(["Ann"])
        assert names(reader.search(probe, 1)) == [["person 000"]]


def test_a_snapshot_stays_as_it_was(path):
    with create(path, people(2)) as writer, SqliteGallery.open(path) as reader, reader.snapshot():
        assert len(reader) == 4
        writer.add([template("Ann")])
        assert len(reader) == len(list(reader.contents())) == 4


def test_a_reader_cannot_write(path):
    create(path).close()
    with SqliteGallery.open(path) as gallery, pytest.raises(GalleryError, match="opened for reading"):
        gallery.add(people(1))


def test_all_files_are_private(path):
    old = os.umask(0)
    try:
        with create(path, people(2)):
            files = sorted(path.parent.iterdir())
            assert len(files) > 1
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    finally:
        os.umask(old)


def test_closing_leaves_one_file(path):
    create(path, people(2)).close()
    SqliteGallery.open(path).close()
    assert [file.name for file in path.parent.iterdir()] == ["gallery.db"]


def test_nothing_is_overwritten(path):
    path.write_bytes(b"a photo")
    with pytest.raises(GalleryError, match="not overwritten"):
        create(path)
    assert path.read_bytes() == b"a photo"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_missing_is_told(tmp_path):
    with pytest.raises(GalleryError, match="No such file"):
        create(tmp_path / "missing" / "gallery.db")


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no gallery"),
        (b"", "empty"),
        (b"\x89PNG" * 500, "damaged"),
        (b"SQLite format 3\0", "damaged"),
    ],
)
def test_what_is_no_gallery_is_refused_and_left_alone(path, content, reason, write):
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(GalleryError, match=reason) as raised:
        SqliteGallery.open(path, write=write)
    assert str(path) in str(raised.value)
    assert (path.read_bytes() if path.exists() else None) == content


def test_a_folder_and_another_database_are_refused(path):
    with pytest.raises(GalleryError, match="not a file"):
        SqliteGallery.open(path.parent)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE settings (key, value)")
    with pytest.raises(GalleryError, match="not a facekit gallery"):
        SqliteGallery.open(path)


def test_a_newer_format_is_refused(path):
    create(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(GalleryError, match="update facekit"):
        SqliteGallery.open(path)


def test_another_embedder_is_refused(path):
    create(path).close()
    with pytest.raises(GalleryError, match="--embedder"):
        SqliteGallery.open(path, fingerprint="cd" * 32)
    SqliteGallery.open(path, fingerprint=FINGERPRINT).close()


def test_an_older_format_is_brought_up_to_date_by_the_first_who_writes(path, monkeypatch):
    create(path, people(2)).close()

    def add_note(connection):
        connection.execute("ALTER TABLE subjects ADD COLUMN note TEXT")

    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, add_note))
    before = path.read_bytes()
    with SqliteGallery.open(path) as gallery:
        assert len(gallery.subjects()) == 2
    assert path.read_bytes() == before
    with SqliteGallery.open(path, write=True) as gallery:
        assert gallery.version == len(migrations.MIGRATIONS)
        assert len(gallery.subjects()) == 2


def test_a_failed_migration_leaves_the_gallery_as_it_was(path, monkeypatch):
    create(path, people(2)).close()

    def breaks(connection):
        connection.execute("DROP TABLE templates")
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, breaks))
        with pytest.raises(OSError, match="killed"):
            SqliteGallery.open(path, write=True)
    with SqliteGallery.open(path) as gallery:
        assert len(gallery) == 4


def test_the_threshold_is_carried_to_more_people_and_never_lowered(path):
    with create(path, people(4)) as gallery:
        for subjects, raised in ((0, 0.0), (8, 0.0), (4, 0.0), (2, 0.05 * np.log(2))):
            gallery.set_calibration(Calibration(0.4, "x", subjects, tail=0.05))
            assert gallery.threshold == pytest.approx(0.4 + raised)
            assert gallery.settings.calibration.threshold == 0.4


def test_a_new_template_needs_no_quality():
    assert NewTemplate("Ann", random_vectors(1)[0], "0" * 64, "a.jpg", (0, 0, 1, 1)).quality == {}


def test_the_vectors_of_a_subject_are_all_of_its_own(tmp_path):
    with create(tmp_path / "gallery.db", people(3)) as gallery:
        assert gallery.vectors("person 001") == pytest.approx(
            np.stack([template("person 001", number).vector for number in range(2)])
        )
        assert gallery.vectors("nobody").shape == (0, DIMENSION)


def test_an_open_gallery_is_only_for_its_embedder(tmp_path):
    with create(tmp_path / "gallery.db", people(1)) as gallery:
        gallery.require(FINGERPRINT)
        with pytest.raises(GalleryError, match="made with the embedder 'small'"):
            gallery.require("cd" * 32)


def test_a_link_to_nowhere_is_told_as_one(path):
    path.symlink_to(path.parent / "gone.db")
    for act in (lambda: create(path), lambda: SqliteGallery.open(path)):
        with pytest.raises(GalleryError, match="is a link to nowhere"):
            act()
    assert path.is_symlink()
