"""What can be watched: a device, a video file, an address, or a folder of frames."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import time as clock
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from facekit import folders, images
from facekit.errors import PictureError, UsageError
from facekit.live.video import USUAL_RATE, Stream, open_stream
from facekit.results import Pixels

Kind = Literal["device", "file", "address", "folder"]


@dataclass(frozen=True)
class Source:
    """A place and what kind of place it is. `rate` is that of a folder, in frames a second."""

    place: str
    kind: Kind
    rate: float = USUAL_RATE

    @property
    def live(self) -> bool:
        """Whether frames come by the clock, and are gone when nobody takes them."""
        return self.kind in ("device", "address")

    @property
    def name(self) -> str:
        """What files made from it are called after; of an address the host: the rest may hold a password."""
        if self.kind == "address":
            return self.shown.split("://", 1)[1].split("/")[0].split(":")[0].strip("…") or "address"
        if self.kind == "device":
            return re.sub(r"^video(?=\d)", "camera", Path(self.place).name)
        return Path(self.place).stem

    @property
    def shown(self) -> str:
        """How messages call it: an address without what may be a password, before the @ or after the ?, and
        without anything where it cannot be told which part that is.
        """
        if self.kind != "address":
            return self.place
        scheme, rest = self.place.split("://", 1)
        host, slash, path = rest.partition("/")
        if "?" in host or "@" in path:
            return f"{scheme}://…"
        return f"{scheme}://{host.rsplit('@', 1)[-1]}{slash}{path.split('?', 1)[0]}"

    def digest(self) -> str:
        """What tells it from another of the same name: SHA-256, of a file's bytes; of what is live, new
        each time.
        """
        if self.kind == "file":
            with open(self.place, "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        live = (self.place, str(clock.time_ns()))
        told = folders.find([self.place]).pictures if self.kind == "folder" else live
        return hashlib.sha256("\n".join(told).encode(errors="backslashreplace")).hexdigest()

    def open(self) -> Stream:
        """Its frames. Raises StreamError, or DependencyError where nothing here reads video."""
        if self.kind == "folder":
            return _Folder(self.place, self.rate)
        return open_stream(self.place, device=self.kind == "device")


def parse(text: str, *, folder_rate: float = USUAL_RATE) -> Source:
    """The source that a user means: `0` is the first camera, `rtsp://…` an address.

    Raises UsageError for the empty text, PictureError where there is no such file.
    """
    if not text:
        raise UsageError("no source: give a camera's number, a video, an address, or a folder of frames")
    if text.isascii() and text.isdigit():
        return Source(f"/dev/video{int(text)}", "device")
    if "://" in text:
        return Source(text, "address")
    try:
        mode = os.stat(text).st_mode
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PictureError(f"{text}: {reason}") from error
    if stat.S_ISDIR(mode):
        return Source(text, "folder", folder_rate)
    if stat.S_ISCHR(mode):
        return Source(text, "device")
    if not stat.S_ISREG(mode):
        raise PictureError(f"{text}: neither a video, a folder nor a device")
    return Source(text, "file")


class _Folder:
    """The pictures of a folder, sorted by name, as frames; what cannot be read is told in `problems`."""

    endless = False

    def __init__(self, place: str, rate: float) -> None:
        self.rate = rate
        self.problems: list[str] = []
        self._files = folders.find([place]).pictures
        if not self._files:
            raise PictureError(f"{place}: no pictures in this folder")

    def __iter__(self) -> Iterator[tuple[Pixels, float | None]]:
        for number, path in enumerate(self._files):
            try:
                pixels = images.read(path).pixels
            except PictureError as error:
                self.problems.append(str(error))
                continue
            yield pixels, number / self.rate

    def close(self) -> None:
        """Nothing is open."""
