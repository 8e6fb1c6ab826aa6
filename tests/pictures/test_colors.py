"""Pictures of more than eight bits, and such as no photo has: what is white is white."""

import struct
from pathlib import Path

import numpy as np
import pytest

from facekit.errors import PictureError
from facekit.pictures import images

WHITE_IS_ZERO, BLACK_IS_ZERO = 0, 1
UNSIGNED, SIGNED, FLOATING = 1, 2, 3
RAMP = np.tile(np.arange(256), (64, 1))


def tiff(
    path: Path,
    values: np.ndarray,
    *,
    photometric: int = BLACK_IS_ZERO,
    kind: int = UNSIGNED,
    samples: int = 1,
) -> Path:
    """A TIFF of one strip without compression, as any program may write it."""
    data = values.tobytes()
    height, width = values.shape[:2]
    bits = values.dtype.itemsize * 8
    entries = (
        *((256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, 1), (262, 3, photometric)),
        *((273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, len(data)), (339, 3, kind)),
    )
    directory = struct.pack("<H", len(entries))
    for tag, size, value in entries:
        directory += struct.pack("<HHII", tag, size, 1, value)
    path.write_bytes(b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory + bytes(4))
    return path


@pytest.mark.parametrize(
    ("values", "photometric", "kind"),
    [
        ((255 - RAMP).astype("<u1"), WHITE_IS_ZERO, UNSIGNED),
        ((65535 - 257 * RAMP).astype("<u2"), WHITE_IS_ZERO, UNSIGNED),
        ((4095 - 16 * RAMP).astype("<u2"), WHITE_IS_ZERO, UNSIGNED),
        ((257 * RAMP).astype("<u2"), BLACK_IS_ZERO, UNSIGNED),
        ((16 * RAMP).astype("<u2"), BLACK_IS_ZERO, UNSIGNED),
        ((256 * RAMP - 32768).astype("<i2"), BLACK_IS_ZERO, SIGNED),
        ((RAMP * 16843009).astype("<u4"), BLACK_IS_ZERO, UNSIGNED),
        ((RAMP * 16843009 - 2**31).astype("<i4"), BLACK_IS_ZERO, SIGNED),
        ((RAMP / 255).astype("<f4"), BLACK_IS_ZERO, FLOATING),
        (RAMP.astype("<f4"), BLACK_IS_ZERO, FLOATING),
        ((RAMP * 257).astype("<f4"), BLACK_IS_ZERO, FLOATING),
    ],
)
def test_a_ramp_from_black_to_white_is_one(
    values: np.ndarray, photometric: int, kind: int, tmp_path: Path
) -> None:
    picture = images.read(str(tiff(tmp_path / "ramp.tif", values, photometric=photometric, kind=kind)))
    seen = picture.pixels[32].mean(axis=1)
    assert np.abs(seen - RAMP[0]).max() <= 2


def test_a_pixel_without_a_number_darkens_nothing(tmp_path: Path) -> None:
    values = (RAMP / 255).astype("<f4")
    values[0, :2] = np.nan, np.inf
    picture = images.read(str(tiff(tmp_path / "ramp.tif", values, kind=FLOATING)))
    assert np.abs(picture.pixels[32].mean(axis=1) - RAMP[0]).max() <= 2


def test_a_whole_picture_of_a_kind_that_is_not_read_is_not_called_damaged(tmp_path: Path) -> None:
    path = tiff(tmp_path / "double.tif", (RAMP / 255).astype("<f8"), kind=FLOATING)
    with pytest.raises(PictureError, match="of a kind that is not read: save it with"):
        images.read(str(path))
