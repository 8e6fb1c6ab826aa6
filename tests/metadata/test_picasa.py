"""What Picasa wrote beside photos is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from facekit.errors import MetadataError
from facekit.metadata import picasa

# Left, top, right and bottom of 0x4000 0x2000 0x8000 0x6000, in 65535ths.
INI = """[Picasa]
name=Garden
[Contacts2]
00d5a7e4f1c2d9a8=Ada Lovelace;ada@example.org;
e62b2035b74b477a=Bén;;
[A.JPG]
star=yes
faces=rect64(4000200080006000),d5a7e4f1c2d9a8;rect64(10000000f0000000),ffffffffffffffff
backuphash=1
[b.jpg]
faces=rect64(20004000600080),e62b2035b74b477a;rect64(4000200080006000),123
[c.jpg]
rotate=rotate(1)
faces=rect64(4000200080006000),e62b2035b74b477a
[d.jpg]
faces=rect64(zz),e62b2035b74b477a;rect64(8000200040006000),e62b2035b74b477a
"""


def test_faces_have_names_and_places() -> None:
    found = picasa.parse(INI)
    [(name, area)] = found.of(Path("x/a.jpg"))
    assert name == "Ada Lovelace"
    assert area.box == pytest.approx((0.25, 0.125, 0.5, 0.375), abs=1e-4)
    (ben, small), (unknown, _) = found.of(Path("b.jpg"))
    assert (ben, unknown) == ("Bén", None)
    assert small.box == pytest.approx((0x20 / 65535, 0x40 / 65535, 0x60 / 65535, 0x80 / 65535), abs=1e-3)
    assert found.is_turned(Path("c.jpg"))
    assert not found.is_turned(Path("a.jpg"))
    assert found.of(Path("d.jpg")) == found.of(Path("none.jpg")) == []


def test_a_folder_has_one_or_none(tmp_path: Path) -> None:
    assert picasa.read(tmp_path).faces == {}
    (tmp_path / "Picasa.ini").write_text(INI, encoding="utf-8-sig")
    assert len(picasa.read(tmp_path).faces) == 3
    (tmp_path / ".picasa.ini").write_bytes(INI.encode("latin-1"))
    with pytest.raises(MetadataError, match=r"\.picasa\.ini: is no text in UTF-8"):
        picasa.read(tmp_path)
