"""`facekit find`: the photos with somebody, best first, and no others."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from fakes import FakeOptions, photo
from PIL import Image

import facekit

pytestmark = pytest.mark.usefixtures("people")


def found(run: Run, *arguments: str | Path) -> list[dict[str, Any]]:
    result = run("find", *arguments, "-f", "json")
    assert result.exit_code == 0, result.output
    results: list[dict[str, Any]] = json.loads(result.stdout)["results"]
    return results


def names(run: Run, *arguments: str | Path) -> list[str]:
    return sorted(Path(each["source"]).name for each in found(run, *arguments))


def test_the_photos_of_a_person_best_first(run: Run, photos: Path) -> None:
    results = found(run, "red", "photos")
    assert sorted(Path(each["source"]).name for each in results) == ["alone.png", "both.png", "stranger.png"]
    scores = [each["score"] for each in results]
    assert scores == sorted(scores, reverse=True)
    both = next(each for each in results if each["source"].endswith("both.png"))
    assert (both["face"], both["box"], both["people"], both["unknown"]) == (
        1,
        [10.0, 20.0, 60.0, 70.0],
        ["red", "green"],
        0,
    )


def test_it_finds_what_identify_names(run: Run, photos: Path) -> None:
    named = [
        result.source
        for result in facekit.identify(photos, options=FakeOptions())
        if "red" in [face.subject for face in result.faces]
    ]
    assert sorted(each["source"] for each in found(run, "red", str(photos))) == sorted(named)


def test_in_whose_company(run: Run, photos: Path) -> None:
    assert names(run, "red", "photos", "--with", "green") == ["both.png"]
    assert names(run, "red", "photos", "--without", "green") == ["alone.png", "stranger.png"]
    assert names(run, "red", "photos", "--only") == ["alone.png"]
    assert names(run, "red", "photos", "--with", "green", "--only") == ["both.png"]


def test_who_gives_two_names_is_told_how_both_are_found(run: Run, photos: Path) -> None:
    result = run("find", "red", "green", "photos")
    assert result.exit_code == 2
    assert "photos with both people are found by --with 'green'" in result.stderr
    Path("green").mkdir()
    assert "--with" not in run("find", "red", "green", "photos").stderr


def test_all_who_are_in_a_photo_stand_from_left_to_right(run: Run) -> None:
    photo(Path("in/a.png"), "green", "blue", "red")
    [result] = found(run, "red", "in")
    assert result["people"] == ["green", "blue", "red"]


def test_the_face_of_another_photo(run: Run, photos: Path) -> None:
    photo(Path("probe.png"), "cyan", seed=5)
    [result] = found(run, "--like", "probe.png", "photos")
    assert (Path(result["source"]).name, result["face"], result["subject"]) == ("stranger.png", 2, None)
    assert names(run, "--like", "probe.png", "photos", "--with", "red") == ["stranger.png"]
    assert names(run, "--like", "photos/alone.png", "photos", "--only") == ["alone.png"]


@pytest.mark.parametrize(
    ("period", "wanted"),
    [
        (("--after", "2019"), ["alone.jpg", "later.jpg"]),
        (("--after", "2019-07-25"), ["later.jpg"]),
        (("--before", "2019-07-25"), ["alone.jpg"]),
        (("--after", "2019-07-24", "--before", "2019-08"), ["alone.jpg"]),
        (("--before", "2019-07-24"), []),
    ],
)
def test_when_they_were_taken(period: tuple[str, ...], wanted: list[str], run: Run, tmp_path: Path) -> None:
    for name, day in (("alone.jpg", "2019:07:24 10:00:00"), ("later.jpg", "2020:01:02 10:00:00")):
        exif = Image.Exif()
        exif.get_ifd(0x8769)[0x9003] = day
        with Image.open(photo(tmp_path / "x.png", "red", seed=len(name))) as image:
            (tmp_path / "dated").mkdir(exist_ok=True)
            image.save(tmp_path / "dated" / name, exif=exif, quality=95)
    photo(tmp_path / "dated" / "undated.png", "red")
    result = run("find", "red", "dated", *period, "-f", "json")
    assert sorted(Path(each["source"]).name for each in json.loads(result.stdout)["results"]) == wanted
    assert "1 photo left out: without a date" in result.stderr


@pytest.mark.parametrize("option", ["--copy", "--link"])
def test_photos_are_gathered_in_a_folder_and_once_only(option: str, run: Run, photos: Path) -> None:
    photo(photos / "2020" / "alone.png", "red", seed=6)
    for _ in range(2):
        results = found(run, "red", "photos", option, "album")
        assert sorted(path.name for path in Path("album").iterdir()) == [
            *("alone.png", "alone~2.png", "both.png", "stranger.png"),
        ]
        for each in results:
            assert Path(each["copy"]).read_bytes() == Path(each["source"]).read_bytes()
            assert Path(each["copy"]).is_symlink() is (option == "--link")


def test_nothing_is_written_over_or_into_what_is_read(run: Run, photos: Path) -> None:
    Path("album").mkdir()
    Path("album/alone.png").write_bytes(b"mine")
    found(run, "red", "photos", "--copy", "album")
    assert Path("album/alone.png").read_bytes() == b"mine"
    inside = run("find", "red", "photos", "--copy", "photos/album")
    assert inside.exit_code == 2
    assert not (photos / "album").exists()
    found(run, "red", "photos", "--copy", "other", "--dry-run")
    assert not Path("other").exists()


def test_who_is_not_enrolled_is_told_with_who_may_be_meant(run: Run, photos: Path) -> None:
    for arguments in (("rde", "photos"), ("red", "photos", "--with", "gren")):
        result = run("find", *arguments)
        assert result.exit_code == 1
        assert "is not in the gallery: did you mean" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("red",),
        ("red", "photos", "--copy", "a", "--link", "b"),
        ("red", "photos", "--after", "yesterday"),
        ("red", "photos", "--after", "2020", "--before", "2019"),
        ("red", "-", "--copy", "a"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...], run: Run, photos: Path) -> None:
    assert run("find", *arguments).exit_code == 2


def test_a_damaged_photo_is_told_and_the_others_go_on(run: Run, photos: Path) -> None:
    (photos / "broken.png").write_bytes(b"broken")
    result = run("find", "red", "photos")
    assert result.exit_code == 1
    assert "photos/broken.png" in result.stderr
    assert "3 photos found in 6 pictures" in result.stderr


def test_an_ambiguous_face_is_not_found(run: Run, photos: Path) -> None:
    run("enroll", "--subject", "Ruth", "photos/alone.png")
    assert "alone.png" not in names(run, "red", "photos")


def test_of_nobody_there_is_nothing(run: Run, photos: Path) -> None:
    result = run("find", "blue", "photos")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no photo found in 5 pictures" in result.stderr
