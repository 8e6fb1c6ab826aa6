"""Video in and out: through PyAV, which brings its own FFmpeg, or through OpenCV where PyAV is missing.

OpenCV's wheel needs libGL to be imported at all, PyAV's nothing. Either is loaded when it is needed.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np
from PIL import Image

from facekit.detection.geometry import fit
from facekit.errors import DependencyError, PictureError, UsageError
from facekit.results import Pixels

USUAL_RATE = 25.0
CONTAINERS = (".mp4", ".mkv", ".mov", ".webm")
# How long an address may take to open, and to send the next part of a frame, in seconds.
PATIENCE = (10.0, 10.0)
_TICKS = 1000
_MISSING = "reading and writing video needs PyAV: pip install 'facekit[video]'"


class StreamError(PictureError):
    """A video, a camera or an address cannot be opened, or breaks off."""


class Stream(Protocol):
    """An open video. `rate` is in frames a second; `endless` is true of what has no last frame."""

    rate: float
    endless: bool

    def __iter__(self) -> Iterator[tuple[Pixels, float | None]]:
        """RGB pixels and the time in seconds from the first frame, None where the stream tells none.

        Raises StreamError where it breaks off.
        """
        ...

    def close(self) -> None: ...


def open_stream(place: str, *, device: bool = False) -> Stream:
    """Open a video file, an address (`rtsp://…`, `http://…`), or a device of the system.

    Raises StreamError when it cannot be opened, DependencyError without PyAV and OpenCV.
    """
    av = _pyav()
    if av is not None and (not device or sys.platform.startswith("linux")):
        return _PyAvStream(av, place, device)
    return _OpenCvStream(place, device)


def _pyav() -> ModuleType | None:
    try:
        import av
        import av.error
        import av.logging
    except ImportError:
        return None
    # A damaged frame is no reason to write on the terminal. With any other level FFmpeg's threads would wait
    # for Python's lock to log, while whoever holds it may wait for them: a hang.
    av.logging.set_level(None)
    return av


def _opencv() -> ModuleType:
    try:
        import cv2
    except ImportError as error:
        raise DependencyError(_MISSING) from error
    return cv2


class _PyAvStream:
    def __init__(self, av: ModuleType, place: str, device: bool) -> None:
        self._av = av
        self._place = place
        address = "://" in place and not device
        try:
            self._container = av.open(
                place if address or device else f"file:{place}",
                format="v4l2" if device else None,
                options=_options(place, address, device),
                timeout=PATIENCE,
            )
        except (OSError, ValueError) as error:
            raise StreamError(f"{place}: {_reason(error)}") from error
        if not self._container.streams.video:
            self.close()
            raise StreamError(f"{place}: holds no video")
        self._stream = self._container.streams.video[0]
        self._stream.thread_type = "AUTO" if not (address or device) else "SLICE"
        self.rate = float(self._stream.average_rate or self._stream.guessed_rate or USUAL_RATE)
        self.endless = device or (address and not self._container.duration)
        # This format has times of packets only, and those of reordered frames are wrong.
        self._untimed = self._container.format.name == "avi"

    def __iter__(self) -> Iterator[tuple[Pixels, float | None]]:
        start: float | None = None
        for frame in self._decoded():
            if start is None:
                start = frame.time
            time = None if frame.time is None or start is None or self._untimed else frame.time - start
            pixels = frame.to_ndarray(format="rgb24")
            turns = round((frame.rotation or 0) / 90) % 4
            yield np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels, time

    def _decoded(self) -> Iterator[Any]:
        """The frames; parts of a file that are damaged are left out, as players do."""
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except OSError as error:
                raise StreamError(f"{self._place}: {_reason(error)}") from error
            try:
                yield from packet.decode()
            except (self._av.error.InvalidDataError, self._av.error.EOFError):
                continue

    def close(self) -> None:
        self._container.close()


def _options(place: str, address: bool, device: bool) -> dict[str, str]:
    if device:
        return {}
    if not address:
        return {"protocol_whitelist": "file"}  # a playlist inside a file reaches nothing else
    # Over UDP, which is all that some cameras have, a lost packet is a grey frame.
    return {"rtsp_flags": "prefer_tcp"} if place.startswith("rtsp") else {}


class _OpenCvStream:
    def __init__(self, place: str, device: bool) -> None:
        cv2 = _opencv()
        digits = "".join(letter for letter in os.path.basename(place) if letter.isdigit())
        self._place = place
        self._video: Any = cv2.VideoCapture(int(digits or 0) if device else place)
        if not self._video.isOpened():
            raise StreamError(f"{place}: cannot be opened")
        rate = float(self._video.get(cv2.CAP_PROP_FPS))
        self.rate = rate if math.isfinite(rate) and 0 < rate < 1000 else USUAL_RATE
        frames = float(self._video.get(cv2.CAP_PROP_FRAME_COUNT))
        self.endless = device or ("://" in place and not frames > 0)

    def __iter__(self) -> Iterator[tuple[Pixels, float | None]]:
        while True:
            there, pixels = self._video.read()
            if not there:
                return
            yield np.ascontiguousarray(pixels[:, :, ::-1]), None

    def close(self) -> None:
        self._video.release()


@dataclass
class VideoFile:
    """A video that is being written. It appears under its name when it is closed.

    `rate` is what the file says of itself; frames stand where their own times are. Raises UsageError
    for a name whose ending tells no format, DependencyError without PyAV and OpenCV.
    """

    path: Path
    rate: float = USUAL_RATE
    _writer: Any = field(default=None, init=False)
    _size: tuple[int, int] = field(default=(0, 0), init=False)

    def __post_init__(self) -> None:
        if self.path.suffix.lower() not in CONTAINERS:
            raise UsageError(f"{self.path}: name it {self.path.stem}.mp4, or one of {', '.join(CONTAINERS)}")
        self._unfinished = self.path.with_name(f".{self.path.stem}.part{self.path.suffix}")
        self._av = _pyav()
        if self._av is None:
            _opencv()

    def add(self, pixels: Pixels, time: float) -> None:
        """Add a frame, uint8 (height, width, 3) RGB, shown from `time` on, in seconds. All frames get the
        size of the first, which is made even.
        """
        if self._writer is None:
            # Chroma of half the resolution needs an even number of rows and columns.
            height, width = (max(2, side // 2 * 2) for side in pixels.shape[:2])
            self._size = (width, height)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = (
                _OpenCvWriter(self._unfinished, self._size, self.rate)
                if self._av is None
                else _PyAvWriter(self._av, self._unfinished, self._size, self.rate)
            )
        self._writer.add(_sized(pixels, *self._size), time)

    def close(self) -> None:
        """Finish the file; nothing where no frame came."""
        if self._writer is not None:
            self._writer.close()
            os.replace(self._unfinished, self.path)
            self._writer = None


class _PyAvWriter:
    def __init__(self, av: ModuleType, path: Path, size: tuple[int, int], rate: float) -> None:
        from fractions import Fraction

        self._av = av
        webm = path.suffix.lower() == ".webm"
        self._container = av.open(f"file:{path}", "w", format={".mkv": "matroska"}.get(path.suffix.lower()))
        options = {"deadline": "realtime", "cpu-used": "6"} if webm else {"preset": "veryfast", "crf": "21"}
        codec = "libvpx" if webm else "libx264"
        self._stream = self._container.add_stream(codec, rate=Fraction(rate).limit_denominator(1001))
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = options
        self._stream.codec_context.time_base = Fraction(1, _TICKS)
        self._tick = -1

    def add(self, pixels: Pixels, time: float) -> None:
        from fractions import Fraction

        frame = self._av.VideoFrame.from_ndarray(pixels, format="rgb24")
        self._tick = max(self._tick + 1, round(time * _TICKS))
        frame.pts, frame.time_base = self._tick, Fraction(1, _TICKS)
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._container.close()


class _OpenCvWriter:
    """Frames at an even rate: OpenCV writes no times."""

    def __init__(self, path: Path, size: tuple[int, int], rate: float) -> None:
        cv2 = _opencv()
        code = "VP80" if path.suffix.lower() == ".webm" else "mp4v"
        self._video: Any = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), rate, size)
        if not self._video.isOpened():
            raise StreamError(f"{path}: cannot be written")

    def add(self, pixels: Pixels, time: float) -> None:
        self._video.write(np.ascontiguousarray(pixels[:, :, ::-1]))

    def close(self) -> None:
        self._video.release()


def _sized(pixels: Pixels, width: int, height: int) -> Pixels:
    if pixels.shape[1] in (width, width + 1) and pixels.shape[0] in (height, height + 1):
        return np.ascontiguousarray(pixels[:height, :width])
    if min(pixels.shape[:2]) < 2:
        return np.asarray(Image.fromarray(pixels).resize((width, height)))
    return fit(pixels, width, height, fill=0, centred=True).canvas


def _reason(error: BaseException) -> str:
    """The error's own words, without its number and without the place, which is said before it."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).strip()
