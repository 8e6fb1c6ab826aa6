"""A small RAW picture, made by hand: noise as a sensor gives it, and a preview."""

from __future__ import annotations

import struct

import numpy as np

Entry = tuple[int, int, list[int] | bytes]
_SIZES = {1: "B", 3: "H", 4: "I"}
_ONE = [1, 1]
_BYTES, _SHORT, _LONG, _RATIO, _SIGNED = 1, 3, 4, 5, 10


def dng(
    preview: bytes, size: tuple[int, int], *, orientation: int = 1, sensor: tuple[int, int] = (64, 48)
) -> bytes:
    """A DNG of `sensor` pixels with a JPEG of `size` as its preview; both are width, height."""
    width, height = sensor
    noise = np.random.default_rng(0).integers(0, 4000, (height, width)).astype("<u2").tobytes()
    preview_at = 8 + len(noise)
    padded = preview + bytes(len(preview) % 2)
    small_at = preview_at + len(padded)
    small = _directory(
        [
            (254, _LONG, [1]),
            (256, _LONG, [size[0]]),
            (257, _LONG, [size[1]]),
            (258, _SHORT, [8, 8, 8]),
            (259, _SHORT, [7]),
            (262, _SHORT, [6]),
            (273, _LONG, [preview_at]),
            (277, _SHORT, [3]),
            (278, _LONG, [size[1]]),
            (279, _LONG, [len(preview)]),
        ],
        small_at,
    )
    identity = [1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1]
    main_at = small_at + len(small)
    main = _directory(
        [
            (254, _LONG, [0]),
            (256, _LONG, [width]),
            (257, _LONG, [height]),
            (258, _SHORT, [16]),
            (259, _SHORT, [1]),
            (262, _SHORT, [32803]),
            (271, 2, b"facekit\0"),
            (272, 2, b"test\0"),
            (273, _LONG, [8]),
            (274, _SHORT, [orientation]),
            (277, _SHORT, [1]),
            (278, _LONG, [height]),
            (279, _LONG, [len(noise)]),
            (330, _LONG, [small_at]),
            (33421, _SHORT, [2, 2]),
            (33422, _BYTES, [0, 1, 1, 2]),
            (50706, _BYTES, [1, 4, 0, 0]),
            (50708, 2, b"facekit test\0"),
            (50714, _SHORT, [0]),
            (50717, _LONG, [4095]),
            (50721, _SIGNED, identity),
            (50728, _RATIO, _ONE * 3),
            (50778, _SHORT, [21]),
        ],
        main_at,
    )
    return b"II*\0" + struct.pack("<I", main_at) + noise + padded + small + main


def _directory(entries: list[Entry], place: int) -> bytes:
    head, rest = struct.pack("<H", len(entries)), b""
    after = place + 2 + 12 * len(entries) + 4
    for tag, kind, values in entries:
        if isinstance(values, bytes):
            count, data = len(values), values
        else:
            count = len(values) // 2 if kind in (_RATIO, _SIGNED) else len(values)
            data = struct.pack(f"<{len(values)}{_SIZES.get(kind, 'i')}", *values)
        field = data.ljust(4, b"\0")
        if len(data) > 4:
            field = struct.pack("<I", after + len(rest))
            rest += data + bytes(len(data) % 2)
        head += struct.pack("<HHI", tag, kind, count) + field
    return head + bytes(4) + rest
