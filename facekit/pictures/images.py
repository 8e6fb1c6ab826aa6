"""Pictures, from a path or bytes to upright RGB pixels.

The format is read from the first bytes, and only Pillow's reader for that one format runs, so that a
document or a script renamed to .jpg never reaches a parser that nobody asked for.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import logging
import os
import re
import stat
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from facekit.errors import FacekitError, PictureError, TruncatedError
from facekit.pictures import headers, raw, remote
from facekit.pictures import orientation as orientations
from facekit.pictures.colors import pixels_of, rgb
from facekit.pictures.truncation import ended, rows_decoded
from facekit.results import Picture

MAX_PIXELS = 64_000_000
MAX_BYTES = 100_000_000
MAX_SIDE = 65_535
"""The longest that a JPEG can have. A sliver of few pixels costs as much as a square of its side when it is
turned."""
LONG = 4
"""Pictures of more times their shorter side, panoramas and screenshots, are looked at in parts
(facekit.detection.strips), each of which needs its pixels."""


@dataclass(frozen=True)
class Format:
    """A picture format: its file name endings, its first bytes, and the module of its reader."""

    suffixes: tuple[str, ...]
    signature: re.Pattern[bytes]
    reader: str


def _format(suffixes: str, signature: bytes, reader: str) -> Format:
    return Format(tuple(suffixes.split()), re.compile(signature, re.DOTALL), reader)


FORMATS = {
    "JPEG": _format(".jpg .jpeg .jpe .jfif .mpo", rb"\xff\xd8\xff", "PIL.JpegImagePlugin"),
    "PNG": _format(".png .apng", rb"\x89PNG\r\n\x1a\n", "PIL.PngImagePlugin"),
    "WEBP": _format(".webp", rb"RIFF....WEBP", "PIL.WebPImagePlugin"),
    "AVIF": _format(".avif", rb"....ftyp.{0,24}avi[fs]", "PIL.AvifImagePlugin"),
    "HEIF": _format(
        ".heic .heif .hif .heics .heifs",
        rb"....ftyp(hei[cfmsx]|hev[cmsx]|mif1|msf1)",
        "pillow_heif.as_plugin",
    ),
    "TIFF": _format(".tif .tiff", rb"II[*+]\0|MM\0[*+]", "PIL.TiffImagePlugin"),
    "GIF": _format(".gif", rb"GIF8[79]a", "PIL.GifImagePlugin"),
    "BMP": _format(".bmp .dib", rb"BM", "PIL.BmpImagePlugin"),
    "PPM": _format(".ppm .pgm .pbm .pnm .pfm", rb"P[1-6f]\s", "PIL.PpmImagePlugin"),
}
"""The formats that are read, by Pillow's names for them."""

_UNKNOWN_PIXELS = "unknown pixel mode"
"""Pillow's word for a TIFF that is whole, and whose numbers it cannot take, as floating-point colors."""

SUFFIXES = frozenset(suffix for known in FORMATS.values() for suffix in known.suffixes)
"""Of all but RAW pictures."""
# What begins like one of the others may well be something else: a text, or a camera's raw file.
_UNMISTAKABLE = ("JPEG", "PNG", "WEBP", "AVIF", "HEIF", "GIF")

_JPEG_XL = re.compile(rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n")
_START = 40
"""So many bytes tell a format."""

_SCALES = (1, 2, 4, 8)
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Without a handler of its own, Python prints Pillow's remarks on odd TIFF files to standard error.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def read(
    path: Path | str,
    *,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
    accept_truncated: bool = False,
) -> Picture:
    """Read and decode one file; `-` is standard input.

    Raises PictureError, in one line that names the file, for whatever cannot be read as a picture.
    """
    data = content(path, max_bytes=max_bytes)
    return decode(
        data, str(path), max_pixels=max_pixels, max_bytes=max_bytes, accept_truncated=accept_truncated
    )


def content(path: Path | str, *, max_bytes: int = MAX_BYTES) -> bytes:
    """The bytes of a file, of standard input (`-`), or at an address, at most one more than `max_bytes`.
    Raises PictureError."""
    source = str(path)
    try:
        if remote.is_remote(source):
            return remote.content(source, max_bytes)
        return _standard_input(max_bytes) if source == "-" else _regular_file(source, max_bytes)
    except (OSError, ValueError) as error:
        raise failure(source, reason(error)) from error


def decode(
    data: bytes,
    source: str,
    *,
    max_pixels: int = MAX_PIXELS,
    max_bytes: int = MAX_BYTES,
    accept_truncated: bool = False,
    longest: int | None = None,
    admit: Callable[[int], None] = lambda pixels: None,
) -> Picture:
    """Decode a picture that is in memory. Its size and structure are checked before any pixel is made.

    Of an animation or a file of many pages the first frame is taken, and `notes` says so. With
    `accept_truncated` a JPEG that lacks its last bytes is the part that is there. A JPEG comes in a half, a
    quarter or an eighth of its size (`scale`) if its longer side, and LONG times its shorter one, has
    `longest` pixels then all the same.
    `admit` is told how many pixels will be made, before they are, and may wait. Raises PictureError, and
    TruncatedError where `accept_truncated` would help.
    """
    if len(data) > max_bytes:
        raise failure(source, f"larger than {max_bytes / 1e6:g} MB")
    settings = _Settings(max_pixels, accept_truncated, longest, admit)
    if not raw.is_raw(data, source):
        return _decoded(data, source, settings)
    try:
        preview = raw.preview(data)
    except raw.RawError as error:
        raise failure(source, str(error)) from None
    picture = _decoded(preview.data, source, settings, lambda image: _as_raw_lies(image, preview))
    notes = (*picture.notes, *preview.notes(picture.size))
    # The preview may have been turned by the camera; the picture was not.
    return replace(
        picture, sha256=hashlib.sha256(data).hexdigest(), notes=notes, orientation=preview.orientation
    )


@dataclass(frozen=True)
class _Settings:
    """What `decode` was told."""

    max_pixels: int
    accept_truncated: bool
    longest: int | None
    admit: Callable[[int], None]


def _decoded(
    data: bytes, source: str, settings: _Settings, orientation: Callable[[Image.Image], int] | None = None
) -> Picture:
    """Decode anything but a RAW picture; `orientation` says how it lies, or else its EXIF block."""
    name = _recognize(data, source)
    whole = ended(data) if settings.accept_truncated and name == "JPEG" else None
    try:
        headers.check(name, data)
        with quietly:
            reader = _reader(name, source)
            if name == "TIFF":
                _silence_libtiff()
            # Not Image.open: its own limit is a global, and reports no width and height.
            with reader(io.BytesIO(data if whole is None else whole), "") as image:
                check_size(image, source, settings.max_pixels)
                scale = _reduce(image, settings.longest) if settings.longest and whole is None else 1
                settings.admit(image.width * image.height)
                before = _turned_by_reader(image)
                image.load()
                notes = _notes(image)
                there, lies = image, (orientation or orientation_of)(image)
                if whole is not None:
                    there, note = _without_missing(image)
                    notes = (*notes, note)
                pixels = pixels_of(turned(rgb(there), lies))
    except PictureError:
        raise
    except headers.CostError as error:
        raise failure(source, f"too costly to decode: {error}") from None
    # Damaged files make Pillow's readers fail in every way there is: struct.error, KeyError, MemoryError …
    except Exception as error:
        damage = _damage(name, source, error)
        if name == "JPEG" and whole is None and ended(data) is not None:
            raise TruncatedError(str(damage)) from error
        raise damage from error
    in_file = before or (lies if lies in _TURNS else 1)
    return Picture(source, pixels, hashlib.sha256(data).hexdigest(), notes, scale, in_file)


def _without_missing(image: Image.Image) -> tuple[Image.Image, str]:
    """The rows that are there of a JPEG that was cut off, as it lies in the file, and how much is missing."""
    width, height = image.size
    progressive = "progressive" in image.info
    rows = rows_decoded(np.asarray(image), progressive=progressive)
    if not rows:
        raise EOFError("cut off before its first whole rows of pixels")
    if rows == height:
        lost = "some of its detail is missing" if progressive else "its last bytes are missing, but no pixel"
        return image, f"cut off: {lost}"
    share = max(1, round(100 * (height - rows) / height))
    return image.crop((0, 0, width, rows)), f"cut off: {share} % of the picture is missing"


def _reduce(image: Image.Image, longest: int) -> int:
    """Have a JPEG decoded at a part of its size; by what number its sides are divided."""
    longer, shorter = max(image.size), min(image.size)
    pixels = min(longer, LONG * shorter)
    scale = max((divisor for divisor in _SCALES if pixels >= longest * divisor), default=1)
    if scale == 1 or image.format not in ("JPEG", "MPO"):
        return 1
    image.draft(None, (image.width // scale, image.height // scale))
    return scale


@contextmanager
def opened(data: bytes, source: str) -> Iterator[Image.Image]:
    """A picture of a known format as Pillow opens it: its metadata, not its pixels. Raises PictureError."""
    name = _recognize(data, source)
    try:
        headers.check(name, data)
        with quietly, _reader(name, source)(io.BytesIO(data), "") as image:
            yield image
    except FacekitError:
        raise
    except headers.CostError as error:
        raise failure(source, f"too costly to read: {error}") from None
    except Exception as error:
        raise _damage(name, source, error) from error


def _damage(name: str, source: str, error: Exception) -> PictureError:
    if str(error) == _UNKNOWN_PIXELS:
        return failure(
            source, f"a {name} picture of a kind that is not read: save it with 8 or 16 bits a color"
        )
    return failure(source, f"damaged {name} picture ({reason(error)})")


def begins_like_a_picture(path: str) -> bool:
    """Whether a regular file's first bytes are those of a picture and of nothing else."""
    try:
        with open(path, "rb", opener=_open_without_waiting) as file:
            start = file.read(_START)
    except OSError:
        return False
    return any(FORMATS[name].signature.match(start) for name in _UNMISTAKABLE)


def _regular_file(path: str, max_bytes: int) -> bytes:
    with open(path, "rb", opener=_open_without_waiting) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise failure(path, "not a regular file")
        if status.st_size > max_bytes:
            raise failure(path, f"larger than {max_bytes / 1e6:g} MB")
        # A file of a kernel's, such as /proc/kmsg, has no size and need not end: its first bytes say enough.
        return file.read(max_bytes + 1 if status.st_size else _START) or b""


def _open_without_waiting(path: str, flags: int) -> int:
    # Opening a named pipe waits for its writer, unless asked not to.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


def _standard_input(max_bytes: int) -> bytes:
    if sys.stdin is None or sys.stdin.isatty():
        raise failure("-", "no picture on standard input")
    return sys.stdin.buffer.read(max_bytes + 1)


def _recognize(data: bytes, source: str) -> str:
    start = data[:_START]
    if not data:
        raise failure(source, "empty")
    for name, known in FORMATS.items():
        if known.signature.match(start):
            return name
    if _JPEG_XL.match(start):
        raise failure(source, "a JPEG XL picture, which is not read: convert it to JPEG or PNG")
    raise failure(source, f"not a picture of a known format ({', '.join(FORMATS)})")


def _reader(name: str, source: str) -> Callable[[io.BytesIO, str], Image.Image]:
    """The reader of a format, imported when the first picture of it comes."""
    try:
        imported = importlib.import_module(FORMATS[name].reader)
    except ModuleNotFoundError:
        raise failure(
            source, f"a {name} picture: pip install pillow-heif to read it, or convert it to JPEG"
        ) from None
    return imported.HeifImageFile if name == "HEIF" else Image.OPEN[name][0]


def check_size(image: Image.Image, source: str, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        size = f"{width}×{height} pixels, over the limit of {max_pixels / 1e6:g} megapixels"
        raise failure(source, f"too large: {size} (see --max-pixels)")
    if max(width, height) > MAX_SIDE:
        raise failure(source, f"too large: {width}×{height} pixels, over the limit of {MAX_SIDE} a side")


def _notes(image: Image.Image) -> tuple[str, ...]:
    # The further pictures in a phone's JPEG are depth or brightness maps: nothing is lost without them.
    if image.format == "MPO" or not getattr(image, "is_animated", False):
        return ()
    words = {"TIFF": "several pages: only the first page", "HEIF": "several pictures: only the main one"}
    return (f"{words.get(str(image.format), 'an animation: only the first frame')} was read",)


def _as_raw_lies(image: Image.Image, preview: raw.Preview) -> int:
    """How a RAW picture's preview lies: as it says itself, else as the picture does, unless it was turned."""
    if (image.width < image.height) != (preview.width < preview.height):
        return 1
    return orientation_of(image, preview.orientation)


def _turned_by_reader(image: Image.Image) -> int | None:
    """How a picture lies in its file that its reader will turn when it decodes it; None for all others."""
    if image.format == "HEIF":
        return orientations.of_heif(image)
    return orientation_of(image) if image.format == "TIFF" else None


def orientation_of(image: Image.Image, otherwise: int = 1) -> int:
    # Of HEIC only the container says how the picture is turned, and its reader has turned it.
    if image.format == "HEIF":
        return 1
    try:
        return int(image.getexif().get(_ORIENTATION, otherwise))
    # A picture whose EXIF block is damaged is still a picture: taken as it lies.
    except Exception:
        return otherwise


def turned(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    return image if turn is None else image.transpose(turn)


class _Quietly:
    """Within, no warning is printed, and a picture that is cut off is an error, although other packages let
    Pillow fill the rest with gray (face_recognition does). Both hold for all threads, from the first that
    comes in to the last that leaves."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._threads = 0
        self._undo = ExitStack()

    def __enter__(self) -> None:
        from PIL import ImageFile

        with self._lock:
            if not self._threads:
                before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
                self._undo.callback(setattr, ImageFile, "LOAD_TRUNCATED_IMAGES", before)
                self._undo.enter_context(warnings.catch_warnings(action="ignore"))
            self._threads += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._threads -= 1
            if not self._threads:
                self._undo.close()


quietly = _Quietly()


@cache
def _silence_libtiff() -> None:
    """Stop the TIFF library from writing to standard error, which Python cannot see.

    It is found through Pillow's own module; where it is built into that, there is no such name.
    """
    import ctypes

    with suppress(AttributeError, OSError, TypeError):
        library = ctypes.CDLL(importlib.import_module("PIL._imaging").__file__)
        for handler in (library.TIFFSetErrorHandler, library.TIFFSetWarningHandler):
            handler.argtypes, handler.restype = [ctypes.c_void_p], ctypes.c_void_p
            handler(None)


def reason(error: BaseException) -> str:
    """The error's own words in one printable line, without addresses of objects."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if error.args and isinstance(error.args[0], bytes):  # as Pillow's reader of PPM has it
        words = error.args[0].decode("latin-1")
    words = " ".join(re.sub(r"<[^>]*>", "", words).split())
    printable = "".join(letter if letter.isprintable() else "?" for letter in words)
    return printable[:100] or type(error).__name__


def failure(source: str, reason: str) -> PictureError:
    shown = source if source.isprintable() else repr(source)[1:-1]
    return PictureError(f"{shown}: {reason}")
