"""`facekit identify --xmp --in-place`: nothing but XMP is changed, or the photo is left alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from fakes import photo
from PIL import Image

from facekit.metadata import in_place
from facekit.metadata.inside import inside
from facekit.metadata.packet import Packet
from facekit.metadata.regions import regions_of

pytestmark = pytest.mark.usefixtures("people")
needs_exiftool = pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")

KEYWORD = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/">
  <dc:subject><rdf:Bag><rdf:li>garden</rdf:li></rdf:Bag></dc:subject>
 </rdf:Description></rdf:RDF></x:xmpmeta>"""


def jpeg(file: Path, *colors: str, **saved: object) -> Path:
    with Image.open(photo(file.with_suffix(".png"), *colors, size=(320, 120))) as image:
        image.save(file, quality=95, **saved)
    file.with_suffix(".png").unlink()
    return file


def packet(file: Path) -> Packet:
    [found] = inside(str(file)).packets
    return found


@needs_exiftool
@pytest.mark.parametrize("xmp", [None, KEYWORD])
def test_names_are_inside_and_nothing_else_is_changed(run: Run, tmp_path: Path, xmp: bytes | None) -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x0112] = "a garden", 1
    saved = {"exif": exif.tobytes(), "comment": b"mine"} | ({"xmp": xmp} if xmp else {})
    file = jpeg(tmp_path / "in" / "-a.jpg", "red", "green", **saved)
    file.chmod(0o640)
    before = file.read_bytes()
    pixels = np.asarray(Image.open(file))
    told = run("identify", "in", "--xmp", "--in-place", "--dry-run")
    assert "in/-a.jpg: adds red, green" in told.stdout
    assert "1 photo to change" in told.stderr
    assert "sidecar" not in told.output
    assert file.read_bytes() == before
    assert run("identify", "in", "--xmp", "--in-place").exit_code == 0
    assert [region.name for region in regions_of(packet(file))] == ["red", "green"]
    assert (b"garden" in packet(file).data) == bool(xmp)
    with Image.open(file) as image:
        assert image.info["comment"] == b"mine"
        assert image.getexif()[0x010E] == "a garden"
        assert np.array_equal(np.asarray(image), pixels)
    assert before[before.index(b"\xff\xda") :] in file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o640
    after = file.read_bytes()
    again = run("identify", "in", "--xmp", "--in-place")
    assert "1 unchanged" in again.stderr
    assert file.read_bytes() == after
    assert [path.name for path in (tmp_path / "in").iterdir()] == ["-a.jpg"]


@needs_exiftool
def test_what_is_no_jpeg_or_has_damaged_xmp_is_left_alone(run: Run, tmp_path: Path) -> None:
    photo(tmp_path / "in" / "a.png", "red")
    jpeg(tmp_path / "in" / "b.jpg", "red", xmp=b"<damaged")
    jpeg(tmp_path / "c.jpg", "red")
    (tmp_path / "in" / "c.jpg").symlink_to(tmp_path / "c.jpg")
    before = {path: path.read_bytes() for path in (tmp_path / "in").iterdir()}
    result = run("identify", "in", "--xmp", "--in-place")
    assert result.exit_code == 1
    assert "in/a.png: is no JPEG" in result.stderr
    assert "in/b.jpg: is no XML" in result.stderr
    assert "in/c.jpg: is a link" in result.stderr
    assert "no photo changed, 3 refused" in result.stderr
    assert {path: path.read_bytes() for path in (tmp_path / "in").iterdir()} == before


@needs_exiftool
def test_a_named_region_in_the_sidecar_is_not_contradicted(run: Run, tmp_path: Path) -> None:
    file = jpeg(tmp_path / "a.jpg", "red")
    assert run("identify", "a.jpg", "--xmp").exit_code == 0
    sidecar = tmp_path / "a.jpg.xmp"
    assert "a.jpg: adds red" in run("identify", "a.jpg", "--xmp", "--in-place", "--dry-run").stdout
    sidecar.write_bytes(sidecar.read_bytes().replace(b">red<", b">Eve<"))
    before = file.read_bytes()
    assert run("identify", "a.jpg", "--xmp", "--in-place").exit_code == 0
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    ("does", "why"),
    [
        ("exit 3", "could not write it"),
        ("echo nonsense", "could not write it"),
        ('cat "$8"', "did not write its XMP"),
        ("cat other.jpg", "would change more of it than its XMP"),
    ],
)
def test_a_program_that_does_something_else_changes_no_photo(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, does: str, why: str
) -> None:
    file = jpeg(tmp_path / "a.jpg", "red")
    jpeg(tmp_path / "other.jpg", "green")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "exiftool"
    program.write_text(f"#!/bin/sh\n{does}\n")
    program.chmod(0o755)
    monkeypatch.setattr(in_place.shutil, "which", lambda name: str(program))
    before = file.read_bytes()
    result = run("identify", "a.jpg", "--xmp", "--in-place")
    assert result.exit_code == 1
    assert why in result.stderr
    assert file.read_bytes() == before


def test_without_exiftool_it_is_said_how_to_get_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jpeg(tmp_path / "a.jpg", "red")
    monkeypatch.setattr(in_place.shutil, "which", lambda name: None)
    result = run("identify", "a.jpg", "--xmp", "--in-place")
    assert result.exit_code == 1
    assert "apt install libimage-exiftool-perl" in result.stderr
    assert run("identify", "a.jpg", "--xmp", "--in-place", "--sidecar-name", "photo.xmp").exit_code == 2
    assert run("identify", "a.jpg", "--in-place").exit_code == 2
