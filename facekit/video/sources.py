"""What can be watched: a device, a video file, an address, or a folder of frames."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import sys
import time as clock
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from facekit.errors import PictureError, UsageError
from facekit.pictures import folders, images
from facekit.pictures.images import MAX_PIXELS
from facekit.pictures.inputs import name_of
from facekit.results import Pixels
from facekit.text import redaction
from facekit.video.frames import FrameFile
from facekit.video.streams import SCHEMES, USUAL_RATE, Stream, open_stream

# The major number of such devices, in the kernel's devices.txt.
_VIDEO4LINUX = 81

Kind = Literal["device", "file", "address", "folder"]


@dataclass(frozen=True)
class VideoSource:
    """A place and what kind of place it is. `rate` is that of a folder, in frames a second; frames of more
    than `max_pixels` are refused.
    """

    place: str
    kind: Kind
    rate: float = USUAL_RATE
    max_pixels: int = MAX_PIXELS

    @property
    def live(self) -> bool:
        """Whether frames come by the clock, and are gone when nobody takes them."""
        return self.kind in ("device", "address")

    @property
    def name(self) -> str:
        """What files made from it are called after; of an address the host: the rest may hold a password."""
        if self.kind == "address":
            host = self.public_name.split("://", 1)[1].split("/")[0].strip(redaction.HIDDEN)
            # The colons of an IPv6 address stand in brackets, and no file name may have them.
            inside = re.match(r"\[([^\]]*)\]", host)
            return (inside[1].replace(":", "-") if inside else host.split(":")[0]) or "address"
        if self.kind == "device":
            return re.sub(r"^video(?=\d)", "camera", Path(self.place).name)
        return Path(self.place).stem

    @property
    def public_name(self) -> str:
        """How messages call it: an address without what may be a password."""
        return redaction.public(self.place) if self.kind == "address" else self.place

    def redacted(self, text: str) -> str:
        """A text of whoever it may be, without the password of the address."""
        return redaction.redacted(text, [self.place] if self.kind == "address" else [])

    def digest(self) -> str:
        """What tells it from another of the same name: SHA-256, of a file's bytes; of what is live, new
        each time.
        """
        if self.kind == "file":
            with open(self.place, "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        live = (self.place, str(clock.time_ns()))
        parts = map(name_of, folders.list_pictures([self.place]).pictures) if self.kind == "folder" else live
        return hashlib.sha256("\n".join(parts).encode(errors="backslashreplace")).hexdigest()

    def open(self) -> Stream:
        """Its frames. Raises StreamError, or DependencyError where nothing here reads video."""
        if self.kind == "folder":
            return _Folder(self.place, self.rate, self.max_pixels)
        return open_stream(self.place, device=self.kind == "device", max_pixels=self.max_pixels)


def parse(text: str, *, folder_rate: float = USUAL_RATE, max_pixels: int = MAX_PIXELS) -> VideoSource:
    """The source that a user means: `0` is the first camera, `rtsp://…` an address.

    Raises UsageError for the empty text and for an address of a kind that is no camera's, PictureError where
    there is no such file.
    """
    if not text:
        raise UsageError("no source: give a camera's number, a video, an address, or a folder of frames")
    if text.isascii() and text.isdigit():
        return VideoSource(f"/dev/video{int(text)}", "device", max_pixels=max_pixels)
    if "://" in text:
        return VideoSource(_address(text), "address", max_pixels=max_pixels)
    kind = _kind_of_file(text)
    return VideoSource(text, kind, folder_rate if kind == "folder" else USUAL_RATE, max_pixels)


def _address(text: str) -> str:
    """The address with its scheme in small letters, as FFmpeg wants it. Raises UsageError for other schemes:
    those of FFmpeg's that reach files, and join and filter what they reach.
    """
    scheme, rest = text.split("://", 1)
    if scheme.lower() == "file":
        raise UsageError("file://… is a file of this machine: give its path")
    if scheme.lower() not in SCHEMES:
        raise UsageError(
            f"{redaction.public(text)}: not an address that can be watched; those begin with http://, "
            "https://, rtsp://, rtmp://, srt:// or udp://"
        )
    return f"{scheme.lower()}://{rest}"


def _kind_of_file(text: str) -> Kind:
    try:
        status = os.stat(text)
    except (OSError, ValueError) as error:
        if text.startswith("/dev/"):  # a camera that is not plugged in
            return "device"
        reason = getattr(error, "strerror", None) or str(error)
        if redaction.is_address(text):
            reason += "; an address begins with its scheme: rtsp://…"
    else:
        if stat.S_ISDIR(status.st_mode):
            return "folder"
        if stat.S_ISREG(status.st_mode):
            return "file"
        if stat.S_ISCHR(status.st_mode) and _is_camera(status):
            return "device"
        reason = "neither a video, a folder nor a camera"
    # The path, where it is an address, has its password in the system's error.
    raise PictureError(f"{redaction.public(text) if redaction.is_address(text) else text}: {reason}")


def _is_camera(status: os.stat_result) -> bool:
    """Whether a device is one of Linux' video devices; elsewhere nothing is known, and it is believed."""
    return not sys.platform.startswith("linux") or os.major(status.st_rdev) == _VIDEO4LINUX


class _Folder:
    """The pictures of a folder, sorted by name, as frames; what cannot be read is told in `problems`."""

    endless = False
    file: FrameFile | None = None

    def __init__(self, place: str, rate: float, max_pixels: int) -> None:
        self.rate = rate
        self._max_pixels = max_pixels
        self.problems: list[str] = []
        listing = folders.list_pictures([place])
        self._files, self.remarks = list(map(name_of, listing.pictures)), listing.remarks()
        if not self._files:
            raise PictureError(f"{place}: no pictures in this folder")

    def __iter__(self) -> Iterator[tuple[Pixels, float | None]]:
        for number, path in enumerate(self._files):
            try:
                picture = images.read(path, max_pixels=self._max_pixels)
            except PictureError as error:
                self.problems.append(str(error))
                continue
            self.file = FrameFile(path, picture.sha256)
            yield picture.pixels, number / self.rate

    def close(self) -> None:
        """Nothing is open."""
