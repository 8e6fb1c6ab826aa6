"""`facekit index`: photos are looked through once, and who is removed is gone from there too."""

import errno
import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run
from fakes import FakeOptions, FakePipeline, photo
from PIL import Image

import facekit
from facekit.library import side_file
from facekit.library.entries import Entry
from facekit.library.index import KIND, PhotoIndex

pytestmark = pytest.mark.usefixtures("people")
INDEX = Path("gallery/gallery.db.photos")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the pictures that are looked through from now on."""
    seen: list[str] = []
    faces = FakePipeline.faces

    def noted(pipeline: FakePipeline, picture: facekit.Picture, **more: Any) -> list[facekit.Face]:
        seen.append(Path(picture.source).name)
        return faces(pipeline, picture, **more)

    monkeypatch.setattr(FakePipeline, "faces", noted)
    return seen


def indexed(run: Run, *more: str) -> dict[str, Any]:
    result = run("index", "photos", "-f", "json", *more)
    assert result.exit_code == 0, result.output
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def output(run: Run, *arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


QUESTIONS = [
    ("find", "red", "photos", "-f", "json"),
    ("find", "green", "photos", "--only", "-f", "json"),
    ("find", "--like", "probe.png", "photos", "-f", "json"),
    ("identify", "photos", "-f", "json"),
    ("identify", "photos", "--verbose"),
    ("cluster", "photos", "-f", "json"),
]


def test_answers_are_the_same_with_an_index_and_nothing_is_read(
    run: Run, photos: Path, reads: list[str]
) -> None:
    photo(Path("probe.png"), "cyan", seed=5)
    before = [output(run, *question) for question in QUESTIONS]
    report = indexed(run)
    assert (report["pictures"], report["faces"], report["read"]) == (5, 6, 5)
    reads.clear()
    assert [output(run, *question) for question in QUESTIONS] == before
    assert reads == ["probe.png"]


def test_only_what_was_added_or_changed_is_read(run: Run, photos: Path, reads: list[str]) -> None:
    indexed(run)
    reads.clear()
    photo(photos / "new.png", "red", seed=7)
    photo(photos / "green.png", "blue", seed=8)
    assert indexed(run)["read"] == 2
    assert sorted(reads) == ["green.png", "new.png"]
    assert "green.png" not in output(run, "find", "green", "photos", "--only")
    assert "green.png" in output(run, "find", "blue", "photos")


def test_files_that_moved_are_known_by_their_content(run: Run, photos: Path, reads: list[str]) -> None:
    indexed(run)
    reads.clear()
    (photos / "2019").rename(photos / "summer")
    shutil.copy(photos / "alone.png", photos / "copy.png")
    report = indexed(run)
    assert (report["read"], report["erased"], reads) == (0, 0, [])
    assert "summer/both.png" in output(run, "find", "red", "photos")


def test_files_of_one_size_and_time_that_swap_their_names_are_not_taken_for_each_other(
    run: Run, photos: Path
) -> None:
    """As pictures without compression out of one archive are."""
    first, second, aside = (photos / f"{name}.bmp" for name in ("first", "second", "aside"))
    for path, color in ((first, "red"), (second, "blue")):
        with Image.open(photo(photos / "new.png", color, seed=9)) as image:
            image.save(path)
        os.utime(path, ns=(0, 10**18))
    (photos / "new.png").unlink()
    indexed(run)
    assert "first.bmp" in output(run, "find", "red", "photos")
    first.rename(aside)
    second.rename(first)
    aside.rename(second)
    assert first.stat().st_size == second.stat().st_size
    named = output(run, "find", "red", "photos")
    assert "second.bmp" in named
    assert "first.bmp" not in named
    # Nor is one whose content was changed, with its time put back.
    content = first.read_bytes()
    second.write_bytes(content)
    os.utime(second, ns=(0, 10**18))
    assert "second.bmp" not in output(run, "find", "red", "photos")


def test_what_find_reads_it_learns_and_only_of_folders_that_are_indexed(
    run: Run, photos: Path, reads: list[str]
) -> None:
    indexed(run)
    photo(photos / "new.png", "red", seed=7)
    photo(Path("elsewhere/x.png"), "red", seed=8)
    for expected in (["new.png", "x.png"], ["x.png"]):
        reads.clear()
        output(run, "find", "red", "photos", "elsewhere")
        assert sorted(reads) == expected


def test_a_new_name_is_found_in_old_photos_without_reading_them(
    run: Run, photos: Path, reads: list[str]
) -> None:
    indexed(run)
    photo(Path("cy.png"), "cyan", seed=9)
    run("enroll", "--subject", "Cy", "cy.png", "-g", "gallery")
    reads.clear()
    assert "stranger.png" in output(run, "find", "Cy", "photos")
    assert reads == []


def test_it_is_the_owners_alone_and_has_no_names(run: Run, photos: Path) -> None:
    indexed(run)
    assert stat.S_IMODE(os.stat(INDEX).st_mode) == 0o600
    assert b"green\x00" not in INDEX.read_bytes()
    assert not list(photos.rglob("*.photos"))


def vectors_of(color: str) -> bytes:
    with facekit.open_gallery("gallery") as gallery:
        return bytes(gallery.vectors(color)[0].astype("<f4").tobytes())


def test_who_is_removed_from_the_gallery_is_erased_from_the_index(run: Run, photos: Path) -> None:
    shutil.copy("gallery/red/1.png", photos / "enrolled.png")
    indexed(run)
    vector = vectors_of("red")
    assert vector in INDEX.read_bytes()
    assert run("gallery", "remove", "red").exit_code == 0
    left = b"".join(path.read_bytes() for path in INDEX.parent.glob("gallery.db*"))
    assert vector not in left
    assert indexed(run)["read"] == 0
    assert vector not in INDEX.read_bytes()
    # The others in the same photos are found as before, and identify still sees everybody.
    assert "both.png" in output(run, "find", "green", "photos")
    faces = json.loads(output(run, "identify", "photos/2019/both.png", "-f", "json"))["results"][0]["faces"]
    assert [face["subject"] for face in faces] == [None, "green"]


def test_a_photo_that_is_removed_is_erased_too(run: Run, photos: Path) -> None:
    shutil.copy("gallery/red/1.png", photos / "enrolled.png")
    indexed(run)
    vector = vectors_of("red")
    assert run("gallery", "remove", "red", "--photo", "1.png").exit_code == 0
    assert vector not in INDEX.read_bytes()
    assert "both.png" in output(run, "find", "red", "photos")


def test_photos_that_are_gone_are_erased(run: Run, photos: Path) -> None:
    indexed(run)
    (photos / "2019" / "stranger.png").unlink()
    report = indexed(run)
    assert (report["erased"], report["faces"]) == (1, 4)


def test_a_folder_that_is_not_mounted_erases_nothing(run: Run, photos: Path) -> None:
    indexed(run)
    photos.rename("away")
    assert run("index", "photos").exit_code == 2
    photos.mkdir()
    run("index", "photos")
    photos.rmdir()
    Path("away").rename(photos)
    assert indexed(run)["read"] == 0


def test_only_what_is_gone_is_counted_as_erased(run: Run, photos: Path) -> None:
    indexed(run)
    (photos / "2019").rename(photos / "summer")
    (photos / "alone.png").unlink()
    assert indexed(run)["erased"] == 1
    shutil.copy(photos / "green.png", photos / "copy.png")
    indexed(run)
    (photos / "copy.png").unlink()
    assert indexed(run)["erased"] == 0


def test_nor_does_one_of_several(run: Run, photos: Path) -> None:
    photo(Path("more/1.png"), "red", seed=9)
    indexed(run, "more")
    shutil.move("more", "away")
    Path("more").mkdir()
    next(photos.glob("*.png")).unlink()
    assert indexed(run, "more")["erased"] == 1
    Path("more").rmdir()
    shutil.move("away", "more")
    assert indexed(run, "more")["read"] == 0


def test_nothing_is_kept_beside_what_is_no_gallery(run: Run, photos: Path) -> None:
    probe = next(photos.glob("*.png"))
    result = run("index", "photos", "-g", str(probe))
    assert result.exit_code == 1
    assert str(probe) in result.stderr
    assert not list(photos.rglob("*.photos"))


def test_folders_can_be_forgotten(run: Run, photos: Path) -> None:
    indexed(run)
    assert indexed(run, "--forget", "--dry-run")["erased"] == 5
    assert indexed(run, "--forget")["erased"] == 5
    index = PhotoIndex.open(INDEX)
    assert index is not None
    with index:
        assert (index.folders(), index.files()) == ([], {})


def test_a_folder_that_cannot_be_listed_is_told_and_is_no_picture(
    run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = os.scandir

    def scandir(path: Any = ".") -> Any:
        if str(path).endswith("2019"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    for more in ((), ("--dry-run",)):
        result = run("index", "photos", "-f", "json", *more)
        report = json.loads(result.stdout)
        assert report["pictures"] == 3
    assert run("index", "photos").exit_code == 1


def test_an_index_that_cannot_be_written_is_told_as_such(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x")) as made:
        made.execute("CREATE TABLE t (a)")
    with (
        closing(sqlite3.connect(f"file:{tmp_path / 'x'}?mode=ro", uri=True)) as connection,
        pytest.raises(facekit.GalleryError, match=r"cannot be written there .* make the folder writable"),
        side_file._in_words(KIND, tmp_path / "x"),
    ):
        connection.execute("INSERT INTO t VALUES (1)")


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "x", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (a)")
        connection.execute("PRAGMA max_page_count = 1")
        with (
            pytest.raises(
                facekit.GalleryError, match=r"the disk is full, and the index of photos .* make room"
            ),
            side_file._in_words(KIND, tmp_path / "x"),
        ):
            connection.execute("INSERT INTO t VALUES (zeroblob(100000))")


def test_bytes_that_are_no_text_in_its_tables_are_damage(run: Run, photos: Path) -> None:
    """sqlite3 fails to make a text of its own message then."""
    indexed(run)
    content = INDEX.read_bytes()
    INDEX.write_bytes(content.replace(b"CREATE TABLE files", b"\xff'\"ATE TABLE files"))
    for command in (("find", "red", "photos"), ("gallery", "check"), ("index", "photos")):
        result = run(*command)
        assert (result.exit_code, "the index of photos is damaged" in result.stderr) == (1, True), (
            result.stderr
        )


def test_a_dry_run_writes_nothing(run: Run, photos: Path) -> None:
    assert indexed(run, "--dry-run")["read"] == 5
    assert not INDEX.exists()


def test_another_way_of_looking_reads_again(run: Run, photos: Path, reads: list[str]) -> None:
    indexed(run)
    reads.clear()
    output(run, "find", "red", "photos", "--min-face", "10")
    assert len(reads) == 5


@pytest.mark.parametrize("place", range(40, 6_000, 601))
def test_no_name_comes_from_a_damaged_index(place: int, run: Run, photos: Path) -> None:
    before = output(run, "find", "red", "photos", "-f", "json")
    indexed(run)
    content = bytearray(INDEX.read_bytes())
    content[-place] ^= 0xFF
    INDEX.write_bytes(content)
    result = run("find", "red", "photos", "-f", "json")
    if result.exit_code:
        assert "the index of photos" in result.stderr
        assert "remove this file, and index the photos again" in result.stderr
    else:
        assert result.stdout == before


def test_a_damaged_index_is_a_problem_of_its_gallery(run: Run, photos: Path) -> None:
    indexed(run)
    assert "no damage found" in output(run, "gallery", "check")
    os.chmod(INDEX, 0o644)
    rights = run("gallery", "check")
    assert (rights.exit_code, "gallery.db.photos: others may read it" in rights.stderr) == (1, True)
    os.chmod(INDEX, 0o600)
    whole = INDEX.read_bytes()
    for statement, why in (
        ("UPDATE pictures SET described = replace(described, '0', '1')", "does not fit its checksum"),
        ("UPDATE files SET size = size + 1", "does not fit its checksum"),
        ("DELETE FROM pictures WHERE rowid = 1", "pictures are missing"),
        ("DROP TABLE folders", "its tables are not those"),
    ):
        with closing(sqlite3.connect(INDEX)) as connection, connection:
            connection.execute(statement)
        result = run("gallery", "check")
        assert result.exit_code == 1
        assert "the index of photos is damaged" in result.stderr
        assert why in result.stderr
        # The gallery itself is whole, and its people are looked at all the same.
        assert run("gallery", "check", "--people").exit_code == 1
        INDEX.write_bytes(whole)
    assert run("gallery", "check").exit_code == 0


def test_the_page_of_groups_has_faces_that_the_index_knows(
    run: Run, photos: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = ("cluster", "photos", "--review", "groups.html", "-f", "json")
    before = output(run, *page)
    indexed(run)
    reads.clear()
    monkeypatch.setattr("facekit.faces.alignment.align", lambda pixels, points, **_: pixels[:112, :112])
    assert output(run, *page) == before
    assert reads == []
    assert Path("groups.html").read_text().count("data:image/jpeg;base64,") == 6


def test_files_whose_names_are_no_text_are_indexed_like_others(
    run: Run, photos: Path, reads: list[str]
) -> None:
    name = os.fsdecode(b"bad\xff.png")
    try:
        photo(Path("photos") / os.fsdecode(b"d\xe9") / name, "red", seed=31)
    except OSError as error:
        pytest.skip(f"the file system takes no such name: {error}")
    first = indexed(run)
    reads.clear()
    assert indexed(run) | {"read": first["read"]} == first
    assert "bad\\udcff.png" in output(run, "find", "red", "photos")
    output(run, "cluster", "photos", "--review", "groups.html", "-f", "json")
    assert reads == []
    assert run("gallery", "check", "-g", "gallery").exit_code == 0
    shutil.rmtree(os.fsencode("photos/") + b"d\xe9")
    assert indexed(run)["erased"] == 1
    folder = os.fsdecode(b"in\xff")
    photo(Path(folder) / name, "red")
    for more in ((), ("--forget",)):
        assert run("index", folder, *more).exit_code == 0


def test_a_file_that_is_no_index_is_refused(run: Run, photos: Path) -> None:
    shutil.copy("gallery/gallery.db", INDEX)
    for command in (("index", "photos"), ("find", "red", "photos"), ("gallery", "remove", "red")):
        result = run(*command)
        assert result.exit_code == 1
        assert "the index of photos is damaged" in result.stderr
    assert "red" in output(run, "gallery", "list")


@pytest.mark.parametrize("kind", ["text", "folder", "pipe", "link to nowhere"])
@pytest.mark.parametrize("suffix", ["photos", "thumbnails"])
def test_what_the_user_has_in_its_place_stays_and_stops_nothing(
    kind: str, suffix: str, run: Run, photos: Path
) -> None:
    place = Path(f"gallery/gallery.db.{suffix}")
    if kind == "text":
        place.write_text("mine")
    elif kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("this system has no named pipes")
        os.mkfifo(place)
    else:
        place.symlink_to("nowhere")
    words = f"gallery.db.{suffix}: not made by facekit, or damaged"
    for command in (("rename", "red", "Rita"), ("remove", "Rita")):
        result = run("gallery", *command)
        assert result.exit_code == 0, result.output
        assert words in result.stderr
        assert "rename it" in result.stderr
    assert run("identify", str(photos)).exit_code == 0
    assert words in run("gallery", "check").stderr
    if suffix == "photos":
        assert words in run("index", str(photos)).stderr
    assert os.path.lexists(place)
    assert kind != "text" or place.read_text() == "mine"
    assert "red" not in output(run, "gallery", "list")


def face_with(**changed: Any) -> Callable[[dict[str, Any]], str]:
    return lambda values: json.dumps({**values, "faces": [face | changed for face in values["faces"]]})


@pytest.mark.parametrize(
    "craft",
    [
        *(lambda _: "[" * 100_000, lambda _: "7", lambda _: "{}", lambda _: '{"faces": [7]}'),
        *(face_with(box=None), face_with(box=[1, 2, 3, float("nan")]), face_with(box=[10**400] * 4)),
        *(face_with(points=[[float("inf"), 1]] * 5), face_with(quality=["a"] * 5), face_with(score="1")),
        lambda values: json.dumps(values | {"size": [10**400, 1]}),
    ],
)
@pytest.mark.usefixtures("photos")
def test_a_crafted_index_ends_in_a_line(run: Run, craft: Callable[[dict[str, Any]], str]) -> None:
    indexed(run)
    altered(lambda entry: Entry(entry.sha256, craft(entry.values), entry.vectors))
    for command in (("identify", "photos", "-f", "json"), ("cluster", "photos"), ("gallery", "check")):
        result = run(*command)
        assert (result.exit_code, "the index of photos is damaged" in result.stderr) == (1, True), (
            result.output
        )
    result = run("gallery", "remove", "red")
    assert "internal" not in result.stderr
    assert "the index of photos is damaged" in result.stderr or result.exit_code == 0


@pytest.mark.parametrize("number", [float("nan"), float("inf"), 50.0])
@pytest.mark.usefixtures("photos")
def test_no_vector_of_a_crafted_index_is_compared(run: Run, number: float) -> None:
    indexed(run)
    altered(lambda entry: Entry(entry.sha256, entry.described, np.full_like(entry.vectors, number)))
    for command in (("find", "red", "photos"), ("identify", "photos"), ("gallery", "remove", "red")):
        result = run(*command)
        assert (result.exit_code, "the index of photos is damaged" in result.stderr) == (1, True), (
            result.output
        )


def altered(change: Callable[[Entry], Entry]) -> None:
    """Change all pictures of the index that have a face, and recompute their checksums."""
    index = PhotoIndex.open(INDEX, write=True)
    assert index is not None
    with index, closing(sqlite3.connect(INDEX)) as connection, connection:
        for (look,) in connection.execute("SELECT DISTINCT look FROM pictures").fetchall():
            for entry in list(index.entries(look)):
                if len(entry.vectors):
                    new = change(entry)
                    connection.execute(
                        "UPDATE pictures SET described = ?, vectors = ?, checksum = ? "
                        "WHERE sha256 = ? AND look = ?",
                        (new.described, new.vectors.tobytes(), new.checksum(look), new.sha256, look),
                    )


@pytest.mark.usefixtures("photos")
def test_who_reads_it_stops_no_removal_and_the_next_change_erases(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facekit.library.side_file.ERASING_SECONDS", 0)
    indexed(run)
    with closing(sqlite3.connect(INDEX, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM pictures").fetchone()
        removal = run("gallery", "remove", "red")
        assert removal.exit_code == 0
        assert "gallery.db.photos: still holds bytes of what was erased: the next change" in removal.stderr
        assert "red" not in output(run, "gallery", "list")
    assert "still holds" in run("gallery", "check").stderr
    assert run("gallery", "rename", "blue", "Ben").stderr.count("still holds") == 0
    assert run("gallery", "check").exit_code == 0


def test_interrupted_it_goes_on_from_there(
    run: Run, photos: Path, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facekit.library.readings.BATCH", 1)

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        facekit.index("photos", "gallery", options=FakeOptions(), on_progress=stop)
    reads.clear()
    assert indexed(run)["read"] <= 3


def test_no_index_is_made_for_a_gallery_that_is_not_there(run: Run, photos: Path) -> None:
    before = sorted(Path().rglob("*"))
    result = run("index", "photos", "-g", "typo.db")
    assert result.exit_code == 1
    assert "typo.db: no such gallery" in result.stderr
    assert "facekit gallery create typo.db" in result.stderr
    assert sorted(Path().rglob("*")) == before


def test_only_folders_are_indexed(run: Run, photos: Path) -> None:
    for wrong in ("photos/alone.png", "-", "nothing"):
        assert run("index", wrong).exit_code == 2


@pytest.mark.usefixtures("photos")
def test_an_erasure_that_was_cut_off_is_told_and_finished(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed when the faces are deleted, and their bytes are not gone yet."""

    def killed(index: PhotoIndex) -> None:
        raise KeyboardInterrupt

    indexed(run)
    with monkeypatch.context() as patched:
        patched.setattr(PhotoIndex, "_erase", killed)
        assert run("gallery", "remove", "red").exit_code == 130
    check = run("gallery", "check")
    assert check.exit_code == 1
    assert "gallery.db.photos: still holds bytes of what was erased: run the removal again" in check.output
    assert run("gallery", "remove", "red").exit_code == 0
    assert run("gallery", "check").exit_code == 0
    index = PhotoIndex.open(INDEX)
    assert index is not None
    with index:
        assert index.due is None
