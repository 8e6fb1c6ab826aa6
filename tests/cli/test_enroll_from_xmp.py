"""`facekit enroll --from-xmp`: people whom other programs have marked in photos."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Run
from fakes import photo
from PIL import Image

import facekit
from facekit.metadata.areas import Area, stored_size
from facekit.metadata.editing import EMPTY, Editor, NewRegion
from facekit.metadata.packet import Packet
from facekit.people import marked_faces

LEFT, RIGHT = (10, 20, 60, 70), (70, 20, 120, 70)
"""The boxes of the first and the second face of a photo of the fakes."""
SIZE = (200, 120)


def packet(
    *people: tuple[str, tuple[int, int, int, int]], size: tuple[int, int] = SIZE, orientation: int = 1
) -> bytes:
    """Marks at boxes of the upright picture."""
    editor = Editor(Packet(EMPTY, "a.xmp"))
    regions = [NewRegion(name, Area.of_box(box, size).stored(orientation)) for name, box in people]
    editor.add_regions(regions, stored_size(size, orientation))
    return editor.result()


def marked(
    path: Path, colors: tuple[str, ...], *people: tuple[str, tuple[int, int, int, int]], seed: int = 0
) -> Path:
    """A photo with squares of these colors, and a sidecar."""
    photo(path, *colors, seed=seed)
    path.with_name(f"{path.name}.xmp").write_bytes(packet(*people))
    return path


def subjects(run: Run) -> dict[str, int]:
    lines = run("gallery", "list", "-g", "g.db", "-f", "jsonl").stdout.splitlines()
    return {each["subject"]: each["templates"] for each in map(json.loads, lines)}


def test_each_marked_face_is_its_persons_and_nobody_else_is_enrolled(run: Run, tmp_path: Path) -> None:
    marked(tmp_path / "in" / "party.png", ("red", "green", "blue"), ("Ada", LEFT), ("Ben", RIGHT))
    marked(tmp_path / "in" / "sub" / "ada.png", ("red",), ("Ada", LEFT), seed=1)
    photo(tmp_path / "in" / "none.png", "magenta")
    result = run("enroll", "--from-xmp", "in", "-g", "g.db")
    assert result.exit_code == 0, result.output
    assert subjects(run) == {"Ada": 2, "Ben": 1}
    assert "3 marked faces in 2 photos of 3" in result.stderr
    assert "3 enrolled of 2 people" in result.stderr
    assert [line.split()[:2] for line in result.stdout.splitlines()[1:]] == [["Ada", "2"], ["Ben", "1"]]
    photo(tmp_path / "probe.png", "green", "red", seed=4)
    assert "probe.png: Ben, Ada\n" in run("identify", "probe.png", "-g", "g.db").stdout
    again = run("enroll", "--from-xmp", "in", "-g", "g.db")
    assert "nothing enrolled, 3 already there" in again.stderr


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "HEIF"])
def test_marks_inside_photos_are_read_however_these_lie(
    run: Run, tmp_path: Path, format: str, orientation: int
) -> None:
    size = (320, 120)
    upright = photo(tmp_path / "upright.png", "red", "green", size=size)
    undone = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    if format == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    with Image.open(upright) as image:
        lying = image if undone is None else image.transpose(Image.Transpose(undone))
        data = packet(("Ada", LEFT), ("Ben", RIGHT), size=size, orientation=orientation)
        saved: dict[str, object] = {"xmp": data, "exif": exif.tobytes()}
        if format == "PNG":
            from PIL import PngImagePlugin

            saved["pnginfo"] = PngImagePlugin.PngInfo()
            saved["pnginfo"].add_itxt("XML:com.adobe.xmp", data.decode())  # type: ignore[attr-defined]
            del saved["xmp"]
        if format == "TIFF":
            saved["tiffinfo"] = {700: data, 0x0112: orientation}
            del saved["xmp"], saved["exif"]
        if format in ("JPEG", "HEIF"):
            saved["quality"] = 100
        (tmp_path / "in").mkdir()
        lying.save(tmp_path / "in" / f"a.{format.casefold()}", format, **saved)
    upright.unlink()
    result = run("enroll", "--from-xmp", "in", "-g", "g.db")
    assert result.exit_code == 0, result.output
    probe = photo(tmp_path / "probe.png", "green", "red", seed=1)
    assert "probe.png: Ben, Ada\n" in run("identify", str(probe), "-g", "g.db").stdout.replace(
        f"{tmp_path}/", ""
    )


def test_a_folder_that_is_not_there_is_what_is_blamed(run: Run) -> None:
    told = run("enroll", "--from-xmp", "nope", "-g", "g.db")
    assert (told.exit_code, "nope: no such file or folder" in told.stderr) == (2, True)


def test_picasas_file_is_read_and_a_sidecar_goes_before_it(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png", "red", "green")
    digits = "".join(
        f"{round(side / whole * 65535):04x}" for side, whole in zip(LEFT, (200, 120) * 2, strict=True)
    )
    other = "".join(
        f"{round(side / whole * 65535):04x}" for side, whole in zip(RIGHT, (200, 120) * 2, strict=True)
    )
    (tmp_path / "in" / ".picasa.ini").write_text(
        f"[Contacts2]\n1f=Ada;;\n2f=Ben;;\n[a.png]\nfaces=rect64({digits}),1f;rect64({other}),2f\n"
    )
    assert run("enroll", "--from-xmp", "in", "-g", "g.db").exit_code == 0
    assert subjects(run) == {"Ada": 1, "Ben": 1}
    (tmp_path / "in" / "a.png.xmp").write_bytes(packet(("Eve", LEFT)))
    result = run("enroll", "--from-xmp", "in", "-g", "h.db")
    assert "the same face is Eve in in/a.png.xmp and Ada in in/.picasa.ini: took Eve" in result.stderr
    assert "2 enrolled of 2 people" in result.stderr


def test_where_no_face_was_found_only_one_that_agrees_with_the_person_is_taken(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = (140, 30, 180, 70)
    marked(tmp_path / "in" / "a.png", ("red",), ("Ada", LEFT))
    marked(tmp_path / "in" / "b.png", ("green",), ("Ada", place), seed=1)  # gray: the back of a head
    marked(tmp_path / "in" / "c.png", ("green",), ("Ben", place), seed=2)
    result = run("enroll", "--from-xmp", "in", "-g", "g.db")
    assert result.exit_code == 0
    assert subjects(run) == {"Ada": 1}
    assert "Ada in in/b.png: no face there; not enrolled" in result.stderr
    assert "2 refused: no face there" in result.stderr
    # A small square of Ada's color, which is not found by itself.
    with Image.open(tmp_path / "in" / "b.png") as image:
        image.paste((255, 0, 0), (157, 47, 164, 54))
        image.save(tmp_path / "in" / "b.png")
    assert run("enroll", "--from-xmp", "in", "-g", "g.db").exit_code == 0
    assert subjects(run) == {"Ada": 2}


def test_a_face_with_two_names_is_nobodys(run: Run, tmp_path: Path) -> None:
    near = tuple(side + 2 for side in LEFT)
    place = marked(tmp_path / "in" / "a.png", ("red",), ("Ada", LEFT))
    place.with_name("a.png.xmp").write_bytes(packet(("Ada", LEFT), ("Eve", (0, 10, 70, 80))))
    marked(tmp_path / "in" / "b.png", ("red",), ("Ada", near), seed=1)  # type: ignore[arg-type]
    result = run("enroll", "--from-xmp", "in", "-g", "g.db")
    assert result.exit_code == 1
    assert "Ada in in/a.png: the same face is marked with two names; not enrolled" in result.stderr
    assert subjects(run) == {"Ada": 1}


def test_marks_of_a_picture_that_was_cropped_since_choose_nothing(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png", "red", size=(120, 120))
    (tmp_path / "in" / "a.png.xmp").write_bytes(packet(("Ada", LEFT)))
    result = run("enroll", "--from-xmp", "in", "-g", "g.db")
    assert result.exit_code == 1
    assert "marked in a picture of other proportions" in result.stderr
    assert "nothing enrolled, 1 refused" in result.stderr


def test_a_damaged_sidecar_is_told_and_the_others_are_read(run: Run, tmp_path: Path) -> None:
    marked(tmp_path / "in" / "a.png", ("red",), ("Ada", LEFT))
    marked(tmp_path / "in" / "b.png", ("red",), ("Ada", LEFT), seed=1).with_name("b.png.xmp").write_bytes(
        b"<a>"
    )
    marked(tmp_path / "in" / "c.png", ("red",), ("x" * 2000, LEFT), seed=2)
    result = run("enroll", "--from-xmp", "in", "-g", "g.db")
    assert subjects(run) == {"Ada": 1}
    assert "in/b.png.xmp: is no XML" in result.stderr
    assert "in/c.png.xmp: the name 'xxx" in result.stderr


def test_poor_pictures_and_what_looks_like_somebody_else_are_told(run: Run, tmp_path: Path) -> None:
    marked(tmp_path / "in" / "a.png", ("red",), ("Ada", LEFT))
    photo(tmp_path / "in" / "b.png", "green", poor=True)
    (tmp_path / "in" / "b.png.xmp").write_bytes(packet(("Ben", LEFT)))
    marked(tmp_path / "in" / "c.png", ("red",), ("Cy", LEFT), seed=1)
    result = run("enroll", "--from-xmp", "in", "-g", "g.db")
    assert "Ben in in/b.png: " in result.stderr
    assert "1 enrolled that may be of somebody else" in result.stderr
    assert "Ben" not in subjects(run)


def test_people_are_judged_with_all_their_pictures_however_many_there_are(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marked_faces, "CHUNK", 2)
    for number in range(5):
        marked(
            tmp_path / "in" / f"{number}.png", ("red", "green"), ("Ada", LEFT), ("Ben", RIGHT), seed=number
        )
    result = run("enroll", "--from-xmp", "in", "-g", "g.db")
    assert subjects(run) == {"Ada": 5, "Ben": 5}
    assert len(result.stdout.splitlines()) == 3


def test_a_sidecar_is_of_a_raw_picture_beside_too_and_of_no_two_photos(run: Run, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 1)):
        photo(tmp_path / "in" / f"{name}.png", "red", seed=seed)
        (tmp_path / "in" / f"{name}.xmp").write_bytes(packet(("Ada", LEFT)))
    (tmp_path / "in" / "a.CR2").write_bytes(b"raw")
    photo(tmp_path / "in" / "b.gif", "green")
    result = run("enroll", "--from-xmp", "in", "-g", "g.db")
    assert "in/b.xmp: may be of b.png or of b.gif; its names are not read" in result.stderr
    assert subjects(run) == {"Ada": 1}


def test_what_was_stored_before_an_interruption_stays(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marked_faces, "CHUNK", 1)
    for number in range(3):
        marked(tmp_path / "in" / f"{number}.png", ("red",), ("Ada", LEFT), seed=number)
    looked = marked_faces.MarkReader.marks_of

    def interrupted(self: marked_faces.MarkReader, source: str) -> list[marked_faces.Mark]:
        if source.endswith("2.png"):
            raise KeyboardInterrupt
        return looked(self, source)

    monkeypatch.setattr(marked_faces.MarkReader, "marks_of", interrupted)
    result = run("enroll", "--from-xmp", "in", "-g", "g.db")
    assert result.exit_code == 130
    assert "stopped after 2 of 3 pictures; run it again to go on" in result.stderr
    assert subjects(run) == {"Ada": 2}


def test_without_any_mark_no_gallery_is_made(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png", "red")
    result = run("enroll", "--from-xmp", "in", "-g", "g.db")
    assert result.exit_code == 2
    assert "in: 1 picture, and nobody is marked by name" in result.stderr
    assert not (tmp_path / "g.db").exists()
    assert run("enroll", "--from-xmp", "in", "--subject", "Ada", "-g", "g.db").exit_code == 2
    with pytest.raises(facekit.UsageError, match="no sidecar"):
        facekit.enroll(b"x", from_xmp=True)


def test_what_facekit_wrote_it_reads(run: Run, tmp_path: Path) -> None:
    for color in ("red", "green"):
        photo(tmp_path / "people" / color / "1.png", color)
    assert run("enroll", "people", "-g", "g.db").exit_code == 0
    photo(tmp_path / "in" / "a.png", "red", "green", "blue", seed=3)
    assert run("identify", "in", "--xmp", "--unknown", "-g", "g.db").exit_code == 0
    assert run("enroll", "--from-xmp", "in", "-g", "h.db").exit_code == 0
    lines = run("gallery", "list", "-g", "h.db", "-f", "jsonl").stdout.splitlines()
    assert [json.loads(line)["subject"] for line in lines] == ["green", "red"]
