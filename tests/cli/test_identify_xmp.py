"""`facekit identify --xmp`: names in sidecars, which others read, and in which nothing of theirs is lost."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import Run
from fakes import photo
from PIL import Image

import facekit
from facekit.metadata import sidecars
from facekit.metadata.packet import Packet
from facekit.metadata.regions import applied_to, regions_of

pytestmark = pytest.mark.usefixtures("people")

FOREIGN = b"""<?xml version="1.0" encoding="UTF-8"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- mine -->
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:darktable="http://darktable.sf.net/" darktable:xmp_version="5"/>
 </rdf:RDF>
</x:xmpmeta>
"""


def names(file: Path) -> list[str | None]:
    return [region.name for region in regions_of(Packet(file.read_bytes(), file))]


@pytest.mark.parametrize("option", ["--dry-run", "--in-place", "--unknown", "--no-person-in-image"])
def test_an_option_of_xmp_without_it_is_named_as_it_was_given(option: str, run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red")
    result = run("identify", "a.png", option)
    assert result.exit_code == 2
    assert f"{option}: goes with --xmp only" in result.stderr


def test_names_are_written_once_beside_the_photo_which_stays_as_it_is(run: Run, tmp_path: Path) -> None:
    place = photo(tmp_path / "in" / "a.png", "red", "green", "black")
    before = place.read_bytes()
    first = run("identify", "in", "--xmp", "--dry-run")
    assert "  in/a.png.xmp: adds red, green\n" in first.stdout
    assert "1 sidecar to write" in first.stderr
    assert os.listdir("in") == ["a.png"]
    assert run("identify", "in", "--xmp").exit_code == 0
    sidecar = tmp_path / "in" / "a.png.xmp"
    written, when = sidecar.read_bytes(), sidecar.stat().st_mtime_ns
    assert names(sidecar) == ["red", "green"]
    again = run("identify", "in", "--xmp")
    assert "no sidecar written, 1 photo with nothing to write" in again.stderr
    assert "adds" not in again.stdout
    assert (sidecar.read_bytes(), sidecar.stat().st_mtime_ns) == (written, when)
    assert run("identify", "in", "--xmp", "--unknown").exit_code == 0
    assert names(sidecar) == ["red", "green", None]
    assert place.read_bytes() == before
    assert sorted(os.listdir("in")) == ["a.png", "a.png.xmp"]


def test_json_says_what_was_written(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red", "black")
    line = json.loads(run("identify", "a.png", "--xmp", "-f", "jsonl").stdout)
    assert line["xmp"] == {
        "file": "a.png.xmp",
        "status": "written",
        "added": ["red"],
        "named": [],
        "left": [],
        "listed": ["red"],
        "erased": [],
        "error": None,
        "also": None,
    }
    assert json.loads(run("identify", "a.png", "--xmp", "-f", "jsonl").stdout)["xmp"]["left"] == ["red"]
    assert "xmp" not in json.loads(run("identify", "a.png", "-f", "jsonl").stdout)


def lying(upright: Path, file: Path, orientation: int) -> Image.Image:
    """The picture, saved so that its orientation turns it upright: as it is stored."""
    undone = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    with Image.open(upright) as image:
        stored = image.copy() if undone is None else image.transpose(Image.Transpose(undone))
    exif = Image.Exif()
    exif[0x0112] = orientation
    if file.suffix == ".heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    quality = {".heic": {"quality": 100, "chroma": 444}, ".jpg": {"quality": 100, "subsampling": 0}}
    stored.save(file, exif=exif.tobytes(), **quality.get(file.suffix, {}))
    return stored.convert("RGB")


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "heic"])
def test_regions_lie_where_the_faces_are_stored(run: Run, tmp_path: Path, ending: str) -> None:
    upright = photo(tmp_path / "upright.png", "green", "red", size=(320, 120))
    (tmp_path / "in").mkdir()
    files = {number: tmp_path / "in" / f"{number}.{ending}" for number in range(1, 9)}
    stored = {number: lying(upright, file, number) for number, file in files.items()}
    assert run("identify", "in", "--xmp").exit_code == 0
    for number, file in files.items():
        sidecar = file.with_name(f"{file.name}.xmp")
        packet = Packet(sidecar.read_bytes(), sidecar)
        assert applied_to(packet) == stored[number].size
        areas = {region.name: region.area for region in regions_of(packet)}
        for name, bright in {"green": 1, "red": 0}.items():
            place = (areas[name].x * stored[number].width, areas[name].y * stored[number].height)
            color = stored[number].getpixel((int(place[0]), int(place[1])))
            assert max(range(3), key=color.__getitem__) == bright
    program = shutil.which("exiftool")
    if program is None:
        pytest.skip("exiftool is not installed: what another program reads was not compared")
    command = [
        program,
        "-j",
        "-n",
        "-struct",
        "-RegionInfo",
        "-ImageWidth",
        "-ImageHeight",
        "in",
        "-ext",
        "*",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    told = {Path(each["SourceFile"]).name: each for each in json.loads(done.stdout)}
    for file in files.values():
        sides = told[f"{file.name}.xmp"]["RegionInfo"]["AppliedToDimensions"]
        assert (sides["W"], sides["H"]) == (told[file.name]["ImageWidth"], told[file.name]["ImageHeight"])
        sidecar = file.with_name(f"{file.name}.xmp")
        areas = {region.name: region.area for region in regions_of(Packet(sidecar.read_bytes(), sidecar))}
        regions = told[f"{file.name}.xmp"]["RegionInfo"]["RegionList"]
        assert {region["Name"] for region in regions} == {"green", "red"}
        for region in regions:
            area = areas[region["Name"]]
            values = [region["Area"][side] for side in "XYWH"]
            assert values == pytest.approx([area.x, area.y, area.width, area.height], abs=1e-5)
            assert (region["Area"]["Unit"], region["Type"]) == ("normalized", "Face")


def test_a_sidecar_of_another_program_keeps_all_it_has(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red")
    for name in ("a.png.xmp", "a.xmp"):
        sidecar = tmp_path / name
        sidecar.write_bytes(FOREIGN)
        sidecar.chmod(0o640)
        assert run("identify", "a.png", "--xmp").exit_code == 0
        assert names(sidecar) == ["red"]
        for line in FOREIGN.splitlines():
            assert line.replace(b"/>", b">") in sidecar.read_bytes().replace(b"/>", b">")
        assert sidecar.stat().st_mode & 0o777 == 0o640
        assert sorted(path.name for path in tmp_path.glob("*.xmp")) == [name]
        sidecar.unlink()


@pytest.mark.parametrize("damaged", [b"", FOREIGN[:150], b"<!DOCTYPE a><a/>", b"\x89PNG", FOREIGN[::-1]])
def test_a_damaged_sidecar_is_refused_in_a_line_and_left_alone(
    run: Run, tmp_path: Path, damaged: bytes
) -> None:
    for name in ("a", "b"):
        photo(tmp_path / "in" / f"{name}.png", "red")
    (tmp_path / "in" / "a.png.xmp").write_bytes(damaged)
    result = run("identify", "in", "--xmp")
    assert result.exit_code == 1
    [line] = [line for line in result.stderr.splitlines() if "a.png.xmp" in line]
    assert line.startswith("facekit: in/a.png.xmp: ")
    assert line.endswith("; left alone")
    assert (tmp_path / "in" / "a.png.xmp").read_bytes() == damaged
    assert names(tmp_path / "in" / "b.png.xmp") == ["red"]


def test_names_of_sidecars_are_as_one_wants_them_and_nobody_shares_one(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png", "red")
    assert run("identify", "in", "--xmp", "--sidecar-name", "photo.xmp").exit_code == 0
    assert os.path.exists("in/a.xmp")
    (tmp_path / "in" / "a.CR2").write_bytes(b"raw")
    result = run("identify", "in/a.png", "--xmp", "--sidecar-name", "photo.xmp")
    assert result.exit_code == 1
    assert "in/a.xmp: a.CR2 and a.png would share it: use --sidecar-name photo.jpg.xmp" in result.stderr
    # What is beside a RAW picture by its name is the RAW picture's.
    assert run("identify", "in/a.png", "--xmp").exit_code == 0
    assert names(tmp_path / "in" / "a.png.xmp") == ["red"]


def test_a_link_is_not_written_through_and_a_folder_is_no_sidecar(run: Run, tmp_path: Path) -> None:
    for name in ("a", "b"):
        photo(tmp_path / "in" / f"{name}.png", "red")
    (tmp_path / "other.xmp").write_bytes(FOREIGN)
    (tmp_path / "in" / "a.png.xmp").symlink_to(tmp_path / "other.xmp")
    (tmp_path / "in" / "b.png.xmp").mkdir()
    result = run("identify", "in", "--xmp")
    assert result.exit_code == 1
    assert "in/a.png.xmp: is a link" in result.stderr
    assert "no sidecar written, 2 refused" in result.stderr
    assert "in/b.png.xmp: cannot be read (Is a directory)" in result.stderr
    assert (tmp_path / "other.xmp").read_bytes() == FOREIGN


def test_what_another_program_writes_meanwhile_is_not_lost(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo(tmp_path / "a.png", "red")
    sidecar = tmp_path / "a.png.xmp"
    sidecar.write_bytes(FOREIGN)
    edited = sidecars.planning.edited

    def meanwhile(*arguments: object) -> bytes:
        sidecar.write_bytes(FOREIGN + b"\n")
        return edited(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(sidecars.planning, "edited", meanwhile)
    result = run("identify", "a.png", "--xmp")
    assert result.exit_code == 1
    assert "changed by another program" in result.stderr
    assert sidecar.read_bytes() == FOREIGN + b"\n"
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".facekit")) == []


def test_a_photo_that_was_cropped_since_keeps_its_regions_as_they_are(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red")
    assert run("identify", "a.png", "--xmp").exit_code == 0
    before = (tmp_path / "a.png.xmp").read_bytes()
    photo(tmp_path / "a.png", "green", size=(120, 120))
    result = run("identify", "a.png", "--xmp", "--replace")
    assert result.exit_code == 1
    assert "regions are of a picture of 200×120, and a.png has 120×120" in result.stderr
    assert (tmp_path / "a.png.xmp").read_bytes() == before


def test_a_folder_that_cannot_be_written_to_is_told_for_each_photo(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png", "red")
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "in").chmod(0o500)
    result = run("identify", "in", "--xmp")
    (tmp_path / "in").chmod(0o700)
    assert result.exit_code == 1
    assert "in/a.png.xmp: cannot be written" in result.stderr


@pytest.mark.parametrize(
    "option", ["--unknown", "--replace", "--dry-run", "--no-keywords", "--no-person-in-image"]
)
def test_its_options_are_nothing_without_it(run: Run, tmp_path: Path, option: str) -> None:
    photo(tmp_path / "a.png", "red")
    result = run("identify", "a.png", option)
    assert result.exit_code == 2
    assert "xmp" in result.stderr


def test_a_picture_that_is_no_file_has_no_sidecar(run: Run) -> None:
    assert run("identify", "-", "--xmp", stdin=b"x").exit_code == 2
    with pytest.raises(facekit.UsageError, match="no sidecar"):
        list(facekit.identify(b"x", xmp=True))
    with pytest.raises(facekit.UsageError, match=r"photo\.jpg\.xmp or photo\.xmp"):
        list(facekit.identify("a.png", xmp=True, sidecar_name="a.xmp"))  # type: ignore[arg-type]


def test_a_sidecar_that_names_somebody_else_is_told_of(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red")
    assert run("identify", "a.png", "--xmp").exit_code == 0
    sidecar = tmp_path / "a.png.xmp"
    before = sidecar.read_text().replace(">red<", ">Eve<").replace('"red"', '"Eve"')
    sidecar.write_text(before)
    result = run("identify", "a.png", "--xmp")
    told = " ".join((result.stdout + result.stderr).split())
    assert "named Eve in a.png.xmp, and red by the gallery: left as it is (--replace changes it)" in told
    assert sidecar.read_text() == before
    again = run("identify", "a.png", "--xmp", "--replace")
    assert "by the gallery" not in again.stdout + again.stderr


def test_a_name_is_taken_out_of_the_photos_in_which_nobody_has_it(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png", "red", "green")
    photo(tmp_path / "in" / "b.png", "red")
    assert run("identify", "in", "--xmp").exit_code == 0
    sidecars = [tmp_path / "in" / "a.png.xmp", tmp_path / "in" / "b.png.xmp"]
    assert run("identify", "in", "--xmp", "--erase", "red").stdout.count("erases") == 0
    assert run("gallery", "remove", "red").exit_code == 0
    planned = run("identify", "in", "--xmp", "--erase", "red", "--dry-run")
    assert "  in/a.png.xmp: erases red\n" in planned.stdout
    assert all(b"red" in sidecar.read_bytes() for sidecar in sidecars)
    assert run("identify", "in", "--xmp", "--erase", "red").exit_code == 0
    assert not any(b"red" in sidecar.read_bytes() for sidecar in sidecars)
    assert names(sidecars[0]) == ["green"]
    line = json.loads(run("identify", "in/b.png", "--xmp", "--erase", "red", "-f", "jsonl").stdout)
    assert (line["xmp"]["status"], line["xmp"]["erased"]) == ("unchanged", [])


def test_two_sidecars_of_a_photo_say_the_same(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "a.png", "red")
    adobe, digikam = tmp_path / "a.xmp", tmp_path / "a.png.xmp"
    assert run("identify", "a.png", "--xmp", "--sidecar-name", "photo.xmp").exit_code == 0
    adobe.write_bytes(adobe.read_bytes().replace(b"red", b"Old"))
    digikam.write_bytes(FOREIGN)
    told = run("identify", "a.png", "--xmp")
    assert "named Old in a.xmp, and red by the gallery: left as it is" in told.stderr
    assert names(adobe) == ["Old"]
    assert names(digikam) == []
    result = run("identify", "a.png", "--xmp", "--replace")
    assert "a.xmp: red instead of Old" in result.stdout
    assert "2 sidecars written" in result.stderr
    assert names(adobe) == names(digikam) == ["red"]
    assert b"Old" not in adobe.read_bytes() + digikam.read_bytes()
    before = adobe.read_bytes(), digikam.read_bytes()
    assert "no sidecar written" in run("identify", "a.png", "--xmp", "--replace").stderr
    assert (adobe.read_bytes(), digikam.read_bytes()) == before
    line = json.loads(run("identify", "a.png", "--xmp", "--erase", "red", "-f", "jsonl").stdout)
    assert line["xmp"]["erased"] == []
    run("gallery", "remove", "red")
    line = json.loads(run("identify", "a.png", "--xmp", "--erase", "red", "-f", "jsonl").stdout)
    assert [line["xmp"]["erased"], line["xmp"]["also"]["erased"]] == [["red"], ["red"]]
    assert not any("still has" in note for note in line["notes"])
    assert b"red" not in adobe.read_bytes() + digikam.read_bytes()
