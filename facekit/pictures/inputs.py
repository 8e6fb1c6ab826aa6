"""Pictures as the verbs take them: paths, folders, `-`, bytes, open files, arrays, Pillow images, mixed."""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from typing import BinaryIO, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facekit.arguments import kind_of, nameable
from facekit.errors import PictureError, UsageError
from facekit.pictures import images
from facekit.pictures.colors import pixels_of, rgb
from facekit.results import Picture


@dataclass(frozen=True, eq=False)
class NamedPicture:
    """A picture that is in memory already, or in an open file; results call it `source`. Verbs take it too:
    it gives a picture a name."""

    source: str
    content: bytes | BinaryIO | NDArray[np.uint8] | Image.Image


Input = str | PathLike[str] | bytes | BinaryIO | NDArray[np.uint8] | Image.Image | NamedPicture
"""A path of a picture or folder, `-` for standard input, the bytes of a picture file, such a file opened in
binary mode, pixels (height, width, 3) RGB, or a Pillow image; or one of the last four with a name."""

Inputs = Input | Iterable[Input]
"""One input or several."""

_TAKEN = (
    "give the path of a picture or folder, the bytes of a picture, a file opened in binary mode, "
    "an array uint8 (height, width, 3) RGB, or a Pillow image"
)


Source = str | NamedPicture
"""What one picture is read from: a path, `-`, or what was given."""


class Decode(Protocol):
    """Gives the picture, or a reduced one whose longer side has `longest` pixels at least."""

    def __call__(self, longest: int | None = None) -> Picture: ...


def name_of(source: Source) -> str:
    return source.source if isinstance(source, NamedPicture) else source


def is_picture(source: str, error: str | None) -> bool:
    """Whether what was read, with this error, is a picture: not a path at which nothing is, and no folder, of
    which it is said that it has no pictures. Only these are counted."""
    return error is None or not (error.endswith(os.strerror(errno.ENOENT)) or os.path.isdir(source))


def listed(inputs: Inputs, what: str = "inputs") -> list[Source]:
    """The inputs one by one; of those without a name, the first is called `input 1`. Raises UsageError for
    what is no input."""
    if _is_one(inputs):
        return [_source(inputs, 1, what)]
    if not isinstance(inputs, Iterable) or isinstance(inputs, (io.IOBase, Mapping)):
        raise UsageError(f"{what} is {kind_of(inputs)}: {_TAKEN}, or several")
    return [_source(item, number, f"one of {what}") for number, item in enumerate(inputs, 1)]


def one(value: object, what: str) -> Source:
    """The one picture that is meant. Raises UsageError for what is no input."""
    return _source(value, 1, what, name=what)


def _is_one(value: object) -> bool:
    is_array = isinstance(value, np.ndarray) and value.dtype.kind not in "UO"
    simple = isinstance(value, (str, PathLike, bytes, bytearray, memoryview, Image.Image, NamedPicture))
    return is_array or simple or (hasattr(value, "read") and not isinstance(value, io.TextIOBase))


def _source(value: object, number: int, what: str, *, name: str | None = None) -> Source:
    name = name or f"input {number}"
    if isinstance(value, NamedPicture):
        return value
    if isinstance(value, (str, PathLike)):
        path = fspath(value)
        if isinstance(path, str):
            return nameable(path, what)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        return NamedPicture(name, bytes(value))
    elif isinstance(value, np.ndarray):
        if value.dtype == np.uint8 and value.ndim == 3 and value.shape[2] == 3:
            return NamedPicture(name, value)
        raise UsageError(f"{what} is an array {value.dtype} {value.shape}: {_TAKEN}")
    elif isinstance(value, Image.Image):
        return NamedPicture(getattr(value, "filename", "") or name, value)
    elif hasattr(value, "read") and not isinstance(value, io.TextIOBase):
        called = getattr(value, "name", None)
        return NamedPicture(called if isinstance(called, str) and called else name, cast(BinaryIO, value))
    raise UsageError(f"{what} is {kind_of(value)}: {_TAKEN}")


def picture_of(
    source: Source,
    *,
    max_pixels: int = images.MAX_PIXELS,
    max_bytes: int = images.MAX_BYTES,
    accept_truncated: bool = False,
    admit: Callable[[int], None] = lambda pixels: None,
) -> Decode:
    """Read the source; what it gives decodes it, once or several times. Raises PictureError."""
    if isinstance(source, NamedPicture) and isinstance(source.content, np.ndarray | Image.Image):
        shown = _of_memory(source, source.content, max_pixels)
        return lambda longest=None: shown
    name, data = name_of(source), _bytes_of(source, max_bytes)

    def decode(longest: int | None = None) -> Picture:
        return images.decode(
            data,
            name,
            max_pixels=max_pixels,
            max_bytes=max_bytes,
            accept_truncated=accept_truncated,
            longest=longest,
            admit=admit,
        )

    return decode


def _bytes_of(source: Source, max_bytes: int) -> bytes:
    if isinstance(source, str):
        return images.content(source, max_bytes=max_bytes)
    if isinstance(source.content, bytes):
        return source.content
    assert not isinstance(source.content, np.ndarray | Image.Image)
    try:
        return source.content.read(max_bytes + 1)
    except (OSError, ValueError) as error:
        raise images.failure(source.source, images.reason(error)) from error


def _of_memory(named: NamedPicture, content: NDArray[np.uint8] | Image.Image, max_pixels: int) -> Picture:
    """Pixels as they are, or those of a Pillow image, upright. The SHA-256 is of the pixels."""
    image = Image.fromarray(content) if isinstance(content, np.ndarray) and content.size else content
    if isinstance(image, np.ndarray):
        raise images.failure(named.source, "empty")
    images.check_size(image, named.source, max_pixels)
    try:
        with images.quietly:
            upright = images.turned(rgb(image), images.orientation_of(image))
            pixels = content if isinstance(content, np.ndarray) else pixels_of(upright)
    except PictureError:
        raise
    # Pillow decodes an image that was only opened now, and fails on damaged ones in every way there is.
    except Exception as error:
        raise images.failure(named.source, f"damaged picture ({images.reason(error)})") from error
    digest = hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
    return Picture(named.source, pixels, digest)


def read(
    picture: Input,
    *,
    max_pixels: int = images.MAX_PIXELS,
    max_bytes: int = images.MAX_BYTES,
    accept_truncated: bool = False,
) -> Picture:
    """One picture, decoded. Raises PictureError for whatever cannot be read as one, UsageError for what is no
    input."""
    source = one(picture, "the picture")
    return picture_of(source, max_pixels=max_pixels, max_bytes=max_bytes, accept_truncated=accept_truncated)()
