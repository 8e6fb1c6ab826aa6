"""A container that promises more bytes than there are is cut off; what promises nothing is not."""

from pathlib import Path

import pytest

from facekit.video.cut_off import is_cut_off


def box(kind: bytes, content: bytes, length: int | None = None) -> bytes:
    return (8 + len(content) if length is None else length).to_bytes(4, "big") + kind + content


MP4 = box(b"ftyp", b"isom" + bytes(4)) + box(b"moov", bytes(30)) + box(b"mdat", bytes(50))
LARGE = box(b"ftyp", b"isom") + box(b"mdat", (16 + 50).to_bytes(8, "big") + bytes(50), 1)
MKV = b"\x1a\x45\xdf\xa3\x84" + bytes(4) + b"\x18\x53\x80\x67\x40\x32" + bytes(50)
AVI = b"RIFF" + (54).to_bytes(4, "little") + b"AVI " + bytes(50)


@pytest.mark.parametrize("whole", [MP4, LARGE, MKV, AVI], ids=["mp4", "large", "mkv", "avi"])
def test_a_missing_byte_is_noticed(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(whole)
    assert not is_cut_off(str(path))
    path.write_bytes(whole + b"\0\0\0")
    assert not is_cut_off(str(path))
    path.write_bytes(whole[:-1])
    assert is_cut_off(str(path))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no video",
        box(b"ftyp", b"isom") + box(b"mdat", bytes(50), 0),
        box(b"ftyp", b"isom") + b"\x7f" * 40,
        MKV.replace(b"\x40\x32", b"\x01" + b"\xff" * 7),
        AVI.replace((54).to_bytes(4, "little"), bytes(4)),
    ],
    ids=["empty", "other", "open box", "rubbish behind", "live Matroska", "unfinished AVI"],
)
def test_what_promises_no_length_is_not_cut_off(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    assert not is_cut_off(str(tmp_path / "a"))
    assert not is_cut_off(str(tmp_path / "none"))
