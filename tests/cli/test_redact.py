"""`facekit redact`: in what it saves nobody can be recognized but those who may be, and no input changes."""

import dataclasses
import json
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run
from fakes import COLORS, FakeOptions, FakePipeline, photo
from PIL import Image

import facekit
from facekit.metadata.inside import inside
from facekit.results import Face, Picture


def visible(path: str | Path) -> list[str]:
    """The colors of the faces that can be seen in a picture."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    names = ("red", "green", "blue", "yellow", "cyan", "magenta")
    return [name for name in names if (np.abs(pixels - COLORS[name]).max(axis=2) < 40).sum() > 400]


def redacted(run: Run, *arguments: str | Path) -> list[dict[str, Any]]:
    result = run("redact", *arguments, "-f", "json")
    assert result.exit_code == 0, result.output
    results: list[dict[str, Any]] = json.loads(result.stdout)["results"]
    return results


@pytest.mark.parametrize("method", ["blur", "pixelate", "cover"])
@pytest.mark.parametrize("shape", ["ellipse", "box"])
def test_all_faces_are_redacted_without_a_gallery(method: str, shape: str, run: Run, photos: Path) -> None:
    before = {path: path.read_bytes() for path in photos.rglob("*.png")}
    results = redacted(run, "photos", "-o", "out", "--method", method, "--shape", shape)
    assert sorted(str(path.relative_to("out")) for path in Path("out").rglob("*.png")) == [
        *("2019/both.png", "2019/stranger.png", "alone.png", "green.png", "none.png")
    ]
    for each in results:
        with Image.open(each["source"]) as old, Image.open(each["output"]) as changed:
            assert old.size == changed.size
            differs = (np.asarray(old.convert("RGB")) != np.asarray(changed.convert("RGB"))).any(axis=2)
        for face in each["faces"]:
            x0, y0, x1, y1 = map(int, face["box"])
            # A face of one color has it in its middle still, as far as no cell reaches over its edge.
            assert differs[y0:y1, x0:x1].mean() > (0.98 if method == "cover" else 0.5)
        assert [face["visible"] for face in each["faces"]] == [False] * len(each["faces"])
    assert {path: path.read_bytes() for path in photos.rglob("*.png")} == before


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("words", "seen"),
    [
        (("--except", "red"), ["red"]),
        (("--except", "red", "--except", "green"), ["red", "green"]),
        (("--only", "red"), ["green"]),
        (("--only", "red", "--leave-unknown"), ["green", "cyan"]),
        (("--except", "red", "--leave-unknown"), ["red", "cyan"]),
        (("--leave-unknown",), ["cyan"]),
    ],
)
def test_who_stays_visible(words: tuple[str, ...], seen: list[str], run: Run) -> None:
    photo(Path("in.png"), "red", "green", "cyan", size=(400, 120), face=50)
    # Neighbors' redactions reach over: the squares stand apart here.
    image = Image.new("RGB", (600, 120), (128, 128, 128))
    for number, name in enumerate(("red", "green", "cyan")):
        image.paste(COLORS[name], (20 + number * 200, 30, 80 + number * 200, 90))
    image.save("in.png")
    [result] = redacted(run, "in.png", "-o", "out", *words, "--method", "cover")
    assert [face["subject"] for face in result["faces"]] == ["red", "green", None]
    assert visible(result["output"]) == seen
    names = ["red", "green", "cyan"]
    assert [name for name, face in zip(names, result["faces"], strict=True) if face["visible"]] == seen


@pytest.mark.usefixtures("people")
def test_a_face_that_may_be_somebody_to_redact_is_redacted(run: Run, photos: Path) -> None:
    assert run("enroll", "--subject", "Ruth", "photos/alone.png").exit_code == 0
    [result] = redacted(run, "photos/alone.png", "-o", "out", "--only", "Ruth", "--leave-unknown")
    assert [(face["subject"], face["visible"]) for face in result["faces"]] == [(None, False)]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("photos",), 2, "-o DIR"),
        (("photos", "-o", "photos"), 2, "is what is read"),
        (("photos", "-o", "photos/out"), 2, "lies inside"),
        (("photos", "-o", "out", "--except", "red", "--only", "green"), 2, "give one of them"),
        (("photos", "-o", "out", "-g", "gallery"), 2, "--leave-unknown"),
        (("photos", "-o", "out", "--except", "rde"), 1, "did you mean 'red'"),
        (("photos", "-o", "out", "--review", "photos/alone.png"), 2, "alone.png"),
        (("photos", "-o", "out", "--method", "smear"), 2, "smear"),
    ],
)
def test_what_makes_no_sense_is_refused(
    arguments: tuple[str, ...], status: int, words: str, run: Run, photos: Path
) -> None:
    result = run("redact", *arguments)
    assert (result.exit_code, words in result.stderr) == (status, True), result.output
    assert not Path("out").exists() or not list(Path("out").rglob("*.png"))


@pytest.mark.parametrize("name", ["out.jpg", "new/out.PNG", "out.mp4"])
def test_an_output_that_is_called_like_a_file_is_refused(name: str, run: Run, photos: Path) -> None:
    for more in ((), ("--dry-run",)):
        result = run("redact", "photos/alone.png", "-o", name, *more)
        assert result.exit_code == 2
        assert f"{name}: is called like a picture or video, and a folder is wanted" in result.stderr
    assert not Path(name).exists()
    Path(name).mkdir(parents=True)
    assert redacted(run, "photos/alone.png", "-o", name)[0]["output"]


def test_a_page_among_the_copies_is_told(run: Run, photos: Path) -> None:
    told = run("redact", "photos/alone.png", "-o", "out", "--review", "out/sheet.html").stderr
    assert "out/sheet.html: lies among the copies in out" in told
    assert "lies among" not in run("redact", "photos", "-o", "out", "--review", "sheet.html").stderr


def test_a_second_run_changes_no_byte_and_no_other_file_is_replaced(run: Run, photos: Path) -> None:
    Path("out").mkdir()
    Path("out/alone.png").write_bytes(b"mine")
    for _ in range(2):
        redacted(run, "photos", "-o", "out")
        names = sorted(path.name for path in Path("out").iterdir() if path.is_file())
        assert names == ["alone.png", "alone~2.png", "green.png", "none.png"]
    assert Path("out/alone.png").read_bytes() == b"mine"
    first = Path("out/alone~2.png").read_bytes()
    redacted(run, "photos", "-o", "out")
    assert Path("out/alone~2.png").read_bytes() == first
    redacted(run, "photos", "-o", "out", "--method", "cover")
    assert Path("out/alone~2.png").read_bytes() != first


def finished_by_hand(path: Path) -> bytes:
    """A copy as a paint program leaves it, which keeps comments."""
    with Image.open(path) as image:
        image.load()
        image.paste((1, 2, 3), (0, 0, 9, 9))
        if path.suffix == ".png":
            from PIL.PngImagePlugin import PngInfo

            texts = PngInfo()
            for name, text in image.info.items():
                texts.add_text(name, text)
            image.save(path, pnginfo=texts)
        else:
            image.save(path, comment=image.info["comment"])
    return path.read_bytes()


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_copy_that_was_finished_by_hand_is_left_as_it_is(suffix: str, run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png", "red")
    photo(tmp_path / "in" / f"b{suffix}", "green")
    redacted(run, "in", "-o", "out")
    mine, other = Path(f"out/b{suffix}"), Path("out/a.png")
    changed, first = finished_by_hand(mine), other.read_bytes()
    result = run("redact", "in", "-o", "out", "--method", "cover", "--review", "sheet.html")
    assert result.exit_code == 0
    assert mine.read_bytes() == changed
    assert other.read_bytes() != first
    assert f"in/b{suffix}: left as it is: out/b{suffix} was changed since facekit wrote it" in result.stdout
    assert "1 copy left alone that somebody changed since (--overwrite" in result.stderr
    assert "1 saved in out" in result.stderr
    page = Path("sheet.html").read_text()
    assert "left as it is" in page
    assert page.count("data:image/jpeg;base64,") == 2  # also of what was left
    [shown] = [figure for figure in page.split("<figure")[1:] if "left as it is" in figure]
    assert shown.startswith(' class="look"')
    assert "data:image" in shown
    [_, left] = redacted(run, "in", "-o", "out")
    assert (left["output"], left["changed_copy"]) == (None, f"out/b{suffix}")
    [_, done] = redacted(run, "in", "-o", "out", "--overwrite")
    assert (done["output"], done["changed_copy"]) == (f"out/b{suffix}", None)
    assert mine.read_bytes() != changed
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.png", f"b{suffix}"]


def test_a_caption_written_into_a_copy_stays(run: Run, photos: Path) -> None:
    redacted(run, "photos/alone.png", "-o", "out")
    path = Path("out/alone.png")
    data = path.read_bytes()
    path.write_bytes(data + b"caption")
    [result] = redacted(run, "photos/alone.png", "-o", "out")
    assert result["changed_copy"] == "out/alone.png"
    assert path.read_bytes() == data + b"caption"


def test_a_copy_that_may_not_be_replaced_stops_no_other(
    run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    redacted(run, "photos", "-o", "out")
    before = {path: path.read_bytes() for path in Path("out").rglob("*.png")}
    allowed = os.access

    def access(path: Any, mode: int, **more: Any) -> bool:
        return not str(path).endswith("alone.png") and allowed(path, mode, **more)

    monkeypatch.setattr(os, "access", access)
    result = run("redact", "photos", "-o", "out", "--method", "cover")
    assert result.exit_code == 1
    assert "photos/alone.png: not saved: out/alone.png: Permission denied" in result.stderr
    changed = {path.name for path, content in before.items() if path.read_bytes() != content}
    assert changed == {"both.png", "stranger.png", "green.png"}


def test_that_a_copy_has_another_name_is_said(run: Run, photos: Path) -> None:
    Path("out").mkdir()
    Path("out/alone.png").write_bytes(b"mine")
    planned = run("redact", "photos/alone.png", "-o", "out", "--dry-run").stderr
    assert "would be saved as out/alone~2.png: the name alone is another's there" in planned
    told = run("redact", "photos/alone.png", "-o", "out").stderr
    assert "saved as out/alone~2.png: the name alone is another's there" in told
    assert "another's" not in run("redact", "photos/green.png", "-o", "out").stderr


def test_copies_are_whole_files(run: Run, photos: Path) -> None:
    """The check sums of a PNG hold, of the text with the mark too."""
    [result] = redacted(run, "photos/alone.png", "-o", "out")
    data, place = Path(result["output"]).read_bytes(), 8
    while place < len(data):
        length = int.from_bytes(data[place : place + 4], "big")
        end = place + 8 + length
        assert zlib.crc32(data[place + 4 : end]) == int.from_bytes(data[end : end + 4], "big")
        place = end + 4
    assert place == len(data)


def test_photos_of_one_name_from_two_places_have_two_copies(run: Run, photos: Path) -> None:
    photo(Path("more/alone.png"), "green")
    redacted(run, "photos/alone.png", "-o", "out")
    redacted(run, "more/alone.png", "-o", "out")
    assert sorted(path.name for path in Path("out").iterdir()) == ["alone.png", "alone~2.png"]


@pytest.mark.usefixtures("people")
def test_a_copy_does_not_tell_which_photo_it_is_of(run: Run, photos: Path) -> None:
    """The gallery knows the photo by its SHA-256, with the person's name."""
    import hashlib

    digest = hashlib.sha256(Path("gallery/red/1.png").read_bytes()).hexdigest()
    [result] = redacted(run, "gallery/red/1.png", "-o", "out")
    assert digest.encode() not in Path(result["output"]).read_bytes()


def with_metadata(path: Path) -> Path:
    """A photo as phones and photo programs leave it: with a thumbnail, a place, a caption and a name."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x010E] = "Maker", 6, "Ada at the sea"
    exif[0x013B], exif[0x8298] = "Ada Lovelace", "(c) Ada Lovelace"
    exif.get_ifd(0x8769)[0xA435] = "lens of Ada 4711"
    exif.get_ifd(0x8769)[0x9003] = "2019:07:24 10:00:00"
    exif.get_ifd(0x8769)[0x927C] = b"note of the maker: Ada"
    exif.get_ifd(0x8825)[1] = "N"
    with Image.open(photo(path.with_suffix(".png"), "red")) as image:
        xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/">Ada</x:xmpmeta>'
        image.rotate(90, expand=True).save(path, exif=exif, xmp=xmp, quality=95)
    path.with_suffix(".png").unlink()
    return path


def test_metadata_goes_and_with_the_option_only_what_the_camera_wrote_stays(run: Run, tmp_path: Path) -> None:
    with_metadata(tmp_path / "sea.jpg")
    [bare] = redacted(run, "sea.jpg", "-o", "bare")
    [rich] = redacted(run, "sea.jpg", "-o", "rich", "--keep-metadata")
    with Image.open(bare["output"]) as image:
        assert image.size == (200, 120)  # upright
        assert not image.getexif()
    with Image.open(rich["output"]) as image:
        block = image.getexif()
        assert (block[0x010F], block.get_ifd(0x8769)[0x9003]) == ("Maker", "2019:07:24 10:00:00")
        assert block.get_ifd(0x8825)[1] == "N"
        assert 0x0112 not in block
    for result in (bare, rich):
        assert b"Ada" not in Path(result["output"]).read_bytes()
        assert inside(result["output"]).packets == ()


def test_nothing_is_written_in_a_dry_run(run: Run, photos: Path) -> None:
    before = sorted(Path().rglob("*"))
    results = redacted(run, "photos", "-o", "out", "--review", "sheet.html", "--dry-run")
    assert [each["output"] for each in results] == [None] * 5
    assert len([face for each in results for face in each["faces"]]) == 6
    told = run("redact", "photos", "-o", "out", "--review", "sheet.html", "--dry-run")
    assert "photos/alone.png: 1 face would be redacted" in told.stdout
    assert "6 faces would be redacted in 5 pictures" in told.stderr
    assert "look at every result" not in told.stderr
    assert sorted(Path().rglob("*")) == before


def test_a_dry_run_foretells_what_the_run_does(run: Run, photos: Path) -> None:
    redacted(run, "photos", "-o", "out")
    changed = finished_by_hand(Path("out/alone.png"))
    told = run("redact", "photos", "-o", "out", "--method", "cover", "--dry-run")
    assert "photos/alone.png: would be left as it is: out/alone.png was changed since" in told.stdout
    assert "1 copy would be left alone" in told.stderr
    assert "5 faces would be redacted in 4 pictures" in told.stderr
    assert Path("out/alone.png").read_bytes() == changed
    again = run("redact", "photos", "-o", "out", "--dry-run", "--overwrite")
    assert "photos/alone.png: 1 face would be redacted" in again.stdout


def test_a_dry_run_refuses_what_the_run_refuses(run: Run, photos: Path) -> None:
    Path("sheet.html").write_text("mine")
    for arguments in (("-o", "photos"), ("-o", "photos/out"), ("-o", "out", "--review", "sheet.html")):
        done = run("redact", "photos", *arguments)
        told = run("redact", "photos", *arguments, "--dry-run")
        assert (told.exit_code, told.stderr) == (done.exit_code, done.stderr)
        assert told.exit_code == 2
        assert not Path("out").exists()


def test_the_page_shows_all_results_and_runs_nothing(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "in" / "<b>&.png", "red")
    photo(tmp_path / "in" / "none.png")
    for _ in range(2):
        redacted(run, "in", "-o", "out", "--review", "sheet.html")
    told = run("redact", "in", "-o", "out", "--review", "sheet.html").stderr
    assert "look at every result in sheet.html" in told
    page = Path("sheet.html").read_text()
    assert page.count("<figure") == page.count("data:image/jpeg;base64,") == 2
    assert page.count('<figure class="look"') == 1
    assert "&lt;b&gt;&amp;" in page
    assert "<b>" not in page
    assert "<script" not in page
    assert "http" not in page
    Path("sheet.html").write_text("mine")
    assert run("redact", "in", "-o", "out", "--review", "sheet.html").exit_code == 2
    assert Path("sheet.html").read_text() == "mine"


def test_a_weak_detection_is_to_be_looked_at(run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ellipse may be on the background, and the face visible."""
    found = FakePipeline.faces

    def faces(self: FakePipeline, picture: Picture, **more: Any) -> list[Face]:
        score = 0.69 if picture.source.endswith("green.png") else 0.92
        return [
            dataclasses.replace(face, detection=dataclasses.replace(face.detection, score=score))
            for face in found(self, picture, **more)
        ]

    monkeypatch.setattr(FakePipeline, "faces", faces)
    result = run("redact", "photos/alone.png", "photos/green.png", "-o", "out", "--review", "sheet.html")
    assert "alone.png: 1 face redacted\n" in result.stdout
    assert "green.png: 1 face redacted (1 detected weakly)\n" in result.stdout
    assert "1 of them with a weak detection, which may be no face" in result.stderr
    sure, weak = Path("sheet.html").read_text().split("<figure")[1:]
    assert not sure.startswith(' class="look"')
    assert weak.startswith(' class="look"')
    assert "detected weakly" in weak


def test_that_faces_are_missed_is_said_plainly(run: Run, photos: Path) -> None:
    result = run("redact", "photos", "-o", "out")
    assert "photos/none.png: no face found" in result.stdout
    assert "6 faces redacted in 5 pictures" in result.stderr
    assert "no face was found in 1 of them" in result.stderr
    assert "a detector misses faces: look at every result" in result.stderr
    assert run("redact", "photos/none.png", "-o", "out").exit_code == 3


def test_a_damaged_photo_is_told_and_not_copied(run: Run, photos: Path) -> None:
    (photos / "broken.png").write_bytes(b"broken")
    result = run("redact", "photos", "-o", "out")
    assert result.exit_code == 1
    assert "photos/broken.png" in result.stderr
    assert len(list(Path("out").rglob("*.png"))) == 5


def test_python_has_the_verb_and_takes_pictures_from_memory(run: Run, photos: Path) -> None:
    pixels = np.asarray(Image.open(photos / "alone.png"))
    [result] = facekit.redact(pixels, output="out", method="cover", options=FakeOptions())
    assert result.output is not None
    assert visible(result.output) == []
    with pytest.raises(facekit.UsageError, match="the method is 'smear'"):
        next(facekit.redact(pixels, output="out", method="smear", options=FakeOptions()))  # type: ignore[arg-type]
