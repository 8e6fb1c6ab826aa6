"""Folders give their pictures, each once, and say what else lies in them; links never give a wrong name."""

import os
from pathlib import Path

import pytest
from fakes import FakeOptions, photo
from PIL import Image

import facekit
from facekit.errors import UsageError
from facekit.evaluation import pictures
from facekit.pictures.folders import Listing, People, list_pictures, people, remarks
from facekit.pictures.left_out import UNNAMED, LeftOut


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def names(folder: Path, *inputs: Path) -> list[str]:
    return [
        os.path.relpath(path, folder)
        for path in list_pictures([str(each) for each in inputs or (folder,)]).pictures
    ]


def counts(listing: Listing | People) -> list[str]:
    """Its remarks, without the first names at the end of what was left out."""
    return [line.rpartition(" (")[0] if "left out: " in line else line for line in listing.remarks()]


def by_person(folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, path in people([str(folder)]).photos:
        found.setdefault(name, []).append(os.path.relpath(path, folder))
    return found


def test_folders_are_searched_below_sorted_and_without_hidden_files(tmp_path: Path) -> None:
    wanted = ["a/z.JPG", "b.png", "b/c/d.webp"]
    touch(tmp_path, *wanted, ".hidden.png", "._b.png", ".cache/e.png", ".Trash-1000/files/f.png")
    touch(tmp_path, ".DS_Store", ".nomedia")
    assert names(tmp_path) == wanted
    assert counts(list_pictures([str(tmp_path)])) == [
        "2 files left out: 2 hidden",
        "2 folders left out: 2 hidden",
    ]


def test_a_folder_of_hidden_pictures_alone_says_why_it_seems_empty(tmp_path: Path) -> None:
    touch(tmp_path, "people/.old/a.png", "people/.b.png")
    hidden = ["1 file left out: 1 hidden", "1 folder left out: 1 hidden"]
    assert counts(list_pictures([str(tmp_path / "people")])) == hidden
    assert counts(people([str(tmp_path / "people")])) == hidden


def test_named_files_are_always_tried_and_keep_their_order(tmp_path: Path) -> None:
    touch(tmp_path, "in.png")
    listing = list_pictures(["z.txt", "-", str(tmp_path), "a.jpg"])
    assert listing.pictures == ("z.txt", "-", str(tmp_path / "in.png"), "a.jpg")


def test_what_is_left_out_is_counted_by_reason(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "a.png",
        "b.PSD",
        "c.psd",
        "sub/d.txt",
        "README",
        "Thumbs.db",
        "gallery.db",
        "gallery.db-wal",
    )
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    listing = list_pictures([str(tmp_path)])
    assert names(tmp_path) == ["a.png"]
    assert counts(listing) == ["5 files left out: 2 .psd, 1 .txt, 1 linked to nowhere, 1 without an ending"]
    assert LeftOut(str(tmp_path / "b.PSD"), ".psd") in listing.left_out


def test_very_many_reasons_stay_one_line() -> None:
    left_out = [LeftOut("x", f".{number:02d}") for number in range(50)]
    assert remarks(left_out) == [
        "50 files left out: 1 .00, 1 .01, 1 .02, 1 .03, 1 .04, 1 .05, 44 of other kinds (x, x, x, …)"
    ]


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
@pytest.mark.parametrize("name", ["photo.jpg_large", "photo", "photo.bak"])
def test_a_picture_is_known_by_its_first_bytes_whatever_its_ending(
    name: str, format: str, tmp_path: Path
) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / name, format)
    (tmp_path / "BM.txt").write_text("BM and P5 are how some pictures begin, and some texts")
    (tmp_path / "raw.x3f").write_bytes(b"II*\0" + b"\0" * 60)
    assert names(tmp_path) == [name]


def test_folders_of_other_programs_are_not_searched(tmp_path: Path) -> None:
    touch(tmp_path, "Lena/1.png", "Lena/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg", "Lena/.thumbnails/1.png")
    for foreign in ("@eaDir", "#recycle", "lost+found", "__MACOSX", "$RECYCLE.BIN", ".picasaoriginals"):
        touch(tmp_path, f"{foreign}/Tom/wrong.jpg")
    touch(tmp_path, "Lena/._1.png", "Lena/1.png.xmp", "Lena/Picasa.ini", "Lena/gallery.db.photos")
    assert by_person(tmp_path) == {"Lena": ["Lena/1.png"]}
    assert names(tmp_path) == ["Lena/1.png"]
    assert counts(list_pictures([str(tmp_path)])) == [
        "1 file left out: 1 hidden",
        "8 folders left out: 6 of other programs, 2 hidden",
    ]


@pytest.mark.parametrize(
    "foreign",
    [
        *("@eaDir", "@tmp", "@SynoResource", "@appstore", "#recycle", "#snapshot", "@Recycle", "@__thumb"),
        *("@Recently-Snapshot", "~snapshot", "lost+found", "FOUND.000", "System Volume Information"),
        *("$RECYCLE.BIN", "RECYCLER", "__MACOSX", "Network Trash Folder", "Trash-1000", ".Trash-1000"),
        *("Photos Library.photoslibrary", "Lightroom Catalog Previews.lrdata", ".thumbnails", ".stversions"),
    ],
)
def test_what_programs_leave_behind_is_nobody(foreign: str, tmp_path: Path) -> None:
    touch(tmp_path, "Lena/1.png", f"{foreign}/2.png", f"Lena/{foreign}/3.png")
    assert by_person(tmp_path) == {"Lena": ["Lena/1.png"]}
    assert names(tmp_path) == ["Lena/1.png"]


def test_names_that_look_a_little_like_a_programs_are_peoples(tmp_path: Path) -> None:
    people_names = ["@ada", "Anna Tmp", "Recycle", "Snap Shot", "Trash", "Tom Download"]
    touch(tmp_path, *(f"{name}/1.png" for name in people_names))
    assert sorted(by_person(tmp_path)) == sorted(people_names)


def test_linked_folders_are_followed_once(tmp_path: Path) -> None:
    touch(tmp_path, "photos/a.png", "more/b.png", "more/deep/c.png")
    for link in ("photos/2019", "photos/again"):
        (tmp_path / link).symlink_to(tmp_path / "more")
    assert names(tmp_path, tmp_path / "photos") == [
        "photos/2019/b.png",
        "photos/2019/deep/c.png",
        "photos/a.png",
    ]
    assert counts(list_pictures([str(tmp_path / "photos")])) == [
        "1 folder left out: 1 linked to a folder searched already"
    ]


@pytest.mark.parametrize("target", [".", "..", "../..", "loop"])
def test_a_link_to_a_folder_above_is_left_out(target: str, tmp_path: Path) -> None:
    touch(tmp_path, "a/in/1.png", "a/b.png")
    (tmp_path / "a" / "in" / "loop").symlink_to(target)
    assert names(tmp_path) == ["a/b.png", "a/in/1.png"]
    assert names(tmp_path, tmp_path / "a" / "in") == ["a/in/1.png"]
    assert len(list_pictures([str(tmp_path)]).left_out) == 1


def test_a_person_who_links_to_everybody_does_not_name_everybody(tmp_path: Path) -> None:
    touch(tmp_path, "p/Ada/1.png", "p/Ben/2.png", "p/Cem/3.png", "elsewhere/4.png")
    links = {"Ada/all": "..", "Aaa": "Ben", "Ben/friend": "../Cem", "Dora": "..", "Eva": "../elsewhere"}
    for link, target in links.items():
        (tmp_path / "p" / link).symlink_to(target)
    (tmp_path / "elsewhere" / "up").symlink_to(tmp_path)
    assert by_person(tmp_path / "p") == {
        "Ada": ["Ada/1.png"],
        "Ben": ["Ben/2.png"],
        "Cem": ["Cem/3.png"],
        "Eva": ["Eva/4.png"],
    }
    found = people([str(tmp_path / "p")])
    assert found.without == ("Aaa", "Dora")
    assert counts(found) == [
        "Aaa: no picture in this folder",
        "Dora: no picture in this folder",
        "5 folders left out: 3 linked to a folder above, 2 linked to a folder searched already",
    ]


def test_a_folder_is_searched_once_though_it_is_given_twice(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "a/deep/2.png", "b/.keep")
    listing = list_pictures([str(tmp_path / name) for name in ("a", "a/deep", "b", "a")])
    assert [Path(path).name for path in listing.pictures] == ["1.png", "2.png"]
    assert listing.empty == (str(tmp_path / "b"),)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_in_the_place_of_the_mark_of_a_nameless_folder_is_not_waited_for(tmp_path: Path) -> None:
    touch(tmp_path, "Ada/1.png")
    os.mkfifo(tmp_path / "Ada" / UNNAMED)
    assert by_person(tmp_path) == {"Ada": ["Ada/1.png"]}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_only_regular_files_are_pictures(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero.jpg").symlink_to("/dev/zero")
    assert names(tmp_path) == []
    assert counts(list_pictures([str(tmp_path)])) == ["3 files left out: 3 not regular"]


def test_a_folder_that_vanishes_is_told_and_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a/1.png", "b/2.png")
    scandir = os.scandir

    def vanishing(path: str) -> object:
        if path.endswith("b"):
            raise FileNotFoundError(2, "gone", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", vanishing)
    assert names(tmp_path) == ["a/1.png", "b"]


def test_pictures_beside_the_folders_are_told(tmp_path: Path) -> None:
    touch(tmp_path, "Ada/1.png", "dora.jpg", "emil.png", "gallery.db", "notes.txt")
    assert counts(people([str(tmp_path)])) == ["2 files left out: 2 beside the folders"]


def test_a_folder_of_people_that_cannot_be_listed_is_the_users_mistake(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="none: cannot be listed"):
        people([str(tmp_path / "none")])


def test_enrolling_reports_what_was_left_out_and_who_is_missing(tmp_path: Path) -> None:
    photo(tmp_path / "red" / "1.png", "red")
    touch(tmp_path, "dora.jpg", "Bob/raw.psd")
    (tmp_path / "Cleo").mkdir()
    (tmp_path / "Cleo" / "1.png").write_text("damaged")
    report = facekit.enroll(tmp_path, options=FakeOptions())
    assert report.subjects == ["red"]
    assert report.without == ("Bob",)
    assert report.missing == ["Cleo"]
    assert [each.reason for each in report.left_out] == ["beside the folders", ".psd"]


def test_measuring_and_enrolling_see_the_same_people(tmp_path: Path) -> None:
    photo(tmp_path / "red" / "1.png", "red")
    photo(tmp_path / "#recycle" / "2.png", "red")
    photo(tmp_path / "loose.png", "red")
    told: list[str] = []
    assert pictures.people(tmp_path, note=told.append)[1] == ["red"]
    assert len(told) == 2


def test_a_gallery_that_is_a_link_to_itself_is_no_gallery(tmp_path: Path) -> None:
    loop = tmp_path / "loop.db"
    loop.symlink_to(loop)
    with pytest.raises(facekit.GalleryError, match="a link to nowhere"):
        facekit.open_gallery(loop)
    with pytest.raises(facekit.FacekitError, match=r"loop\.db"):
        facekit.open_gallery(loop, write=True)


def test_folders_whose_names_look_the_same_are_one_persons(tmp_path: Path) -> None:
    composed, decomposed = "Jos\u00e9", "Jose\u0301"
    for name in ("Ada/1.png", f"{composed}/1.png", f"{decomposed}/2.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    (tmp_path / "Eve").mkdir()
    (tmp_path / f"{composed} ").mkdir()
    found = people([str(tmp_path)])
    files = {subject: [Path(path).name for path in paths] for subject, paths in found.by_subject().items()}
    assert files == {"Ada": ["1.png"], composed: ["2.png", "1.png"]}
    assert found.without == ("Eve",)
