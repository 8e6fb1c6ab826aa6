"""Video out: through PyAV, or through OpenCV where PyAV is missing."""

from __future__ import annotations

import errno
import math
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from PIL import Image

from facekit import extras
from facekit.detection.geometry import fit
from facekit.errors import UsageError
from facekit.files import writing
from facekit.files.writing import replacing
from facekit.results import Pixels
from facekit.video import backends
from facekit.video.sound import Sound
from facekit.video.streams import FILES_ONLY, USUAL_RATE

CONTAINERS = (".mp4", ".mkv", ".mov", ".webm")
_TICKS = 1000
_FORMATS = {".mkv": "matroska"}
MARK = "facekit"
"""By this a recording is known as facekit's."""


class _AbandonedError(Exception):
    """The video is not wanted any more."""


@dataclass
class VideoFile:
    """A video that is being written. It appears under its name when it is closed; after an error, which names
    it, nothing is there.

    `rate` is what the file says of itself; frames stand where their own times are. `remarks` say so where
    they cannot; `is_saved` when it stands under its name. `comment` is the mark by which it is known again;
    `sound` a video whose sound goes with it, which needs PyAV. `seal` is called with the whole file before it
    has its name. Raises UsageError for a name whose ending tells no format, DependencyError without PyAV and
    OpenCV."""

    path: Path
    rate: float = USUAL_RATE
    comment: str = MARK
    sound: Path | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    seal: Callable[[Path], None] = lambda path: None
    remarks: list[str] = field(default_factory=list, init=False)
    is_saved: bool = field(default=False, init=False)
    _writer: Any = field(default=None, init=False)
    _unfinished: Path = field(default=Path(), init=False)
    _size: tuple[int, int] = field(default=(0, 0), init=False)
    _place: ExitStack = field(default_factory=ExitStack, init=False)

    def __post_init__(self) -> None:
        if self.path.suffix.lower() not in CONTAINERS:
            raise UsageError(f"{self.path}: name it {self.path.stem}.mp4, or one of {', '.join(CONTAINERS)}")
        self._av = backends.pyav()
        if self._av is None:
            backends.opencv()
            self.remarks.append(
                f"{self.path}: written by OpenCV, which tells no frame's time, and leaves no mark by which "
                f"facekit knows its videos: PyAV does both ({extras.install('video')})"
            )
        writing.prepare(self.path)

    def add(self, pixels: Pixels, time: float) -> None:
        """Add a frame, uint8 (height, width, 3) RGB, shown from `time` on, in seconds. All frames get the
        size of the first, which is made even. Raises OSError, and nothing more can be added then.
        """
        with self._whole(Exception):  # after Ctrl-C the video can still be ended
            self._add(pixels, time)

    def close(self) -> None:
        """Finish the file; nothing where no frame came. Raises OSError."""
        if self._writer is not None:
            with self._whole(BaseException):
                self._writer.close()
                self.seal(self._unfinished)
                if self._writer.lost_sound:
                    self.remarks.append(f"{self.path}: not all of the sound could be taken over")
            self._writer = None
            self._place.close()
            self.is_saved = True

    def abandon(self) -> None:
        """Write nothing: what was there under the name stays."""
        with suppress(_AbandonedError), self._whole(_AbandonedError):
            raise _AbandonedError

    @contextmanager
    def _whole(self, ends: type[BaseException]) -> Iterator[None]:
        try:
            yield
        except ends:
            if self._writer is not None:
                self._writer.abandon()
                self._writer = None
            self._place.__exit__(*sys.exc_info())
            raise

    def _add(self, pixels: Pixels, time: float) -> None:
        if self._writer is None:
            # Chroma of half the resolution needs an even number of rows and columns.
            height, width = (max(2, side // 2 * 2) for side in pixels.shape[:2])
            self._size = (width, height)
            place = replacing(self.path, ending=self.path.suffix.lower())
            self._unfinished = self._place.enter_context(place)
            self._writer = (
                _OpenCvWriter(self._unfinished, self._size, self.rate)
                if self._av is None
                else _PyAvWriter(self._av, self._unfinished, self._size, self)
            )
        self._writer.add(_sized(pixels, *self._size), time)


class _Disk:
    """A file for FFmpeg that never fails: where the end of a video cannot be written, PyAV frees what is in
    use, and takes Python with it. The first error is kept for `check`; what comes after it goes nowhere.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("r+b", buffering=0)
        self._error: OSError | None = None
        self._closed = False
        self._position = self._length = 0

    def check(self) -> None:
        if self._error is not None:
            raise self._error

    def write(self, data: bytes) -> int:
        try:
            if self._error is None and not self._closed:
                self._file.seek(self._position)
                rest = memoryview(data)
                while rest:  # a nearly full disk takes a part
                    rest = rest[self._file.write(rest) :]
        except OSError as error:
            self._error = error
        self._position += len(data)
        self._length = max(self._length, self._position)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def close(self) -> None:
        """Whatever FFmpeg still writes goes nowhere."""
        try:
            self._file.close()
        except OSError as error:
            self._error = self._error or error
        self._closed = True


class _PyAvWriter:
    def __init__(self, av: ModuleType, path: Path, size: tuple[int, int], file: VideoFile) -> None:
        self._av = av
        webm = path.suffix == ".webm"
        self._disk = _Disk(path)
        self._container: Any = None
        self._sound: Sound | None = None
        try:
            self._open(path, webm, size, file)
        except BaseException:
            self.abandon()
            raise

    def _open(self, path: Path, webm: bool, size: tuple[int, int], file: VideoFile) -> None:
        from fractions import Fraction

        self._container = self._av.open(
            self._disk,
            "w",
            format=_FORMATS.get(path.suffix, path.suffix[1:]),
            # A check sum of the part with the comment would not hold when that is sealed.
            container_options={"write_crc32": "0"} if path.suffix in (".mkv", ".webm") else {},
        )
        self._container.metadata.update({**file.metadata, "comment": file.comment})
        options = {"deadline": "realtime", "cpu-used": "6"} if webm else {"preset": "veryfast", "crf": "21"}
        codec = "libvpx" if webm else "libx264"
        self._stream = self._container.add_stream(codec, rate=Fraction(file.rate).limit_denominator(1001))
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = options
        self._stream.codec_context.time_base = Fraction(1, _TICKS)
        self._tick = -1
        if file.sound is not None:
            self._sound = Sound(self._av, file.sound)
            self._sound.attach(self._container)

    @property
    def lost_sound(self) -> bool:
        """Whether there was sound that is not in the file."""
        return self._sound is not None and self._sound.lost

    def add(self, pixels: Pixels, time: float) -> None:
        from fractions import Fraction

        frame = self._av.VideoFrame.from_ndarray(pixels, format="rgb24")
        self._tick = max(self._tick + 1, round(time * _TICKS))
        frame.pts, frame.time_base = self._tick, Fraction(1, _TICKS)
        self._container.mux(self._stream.encode(frame))
        self._add_sound(time)
        self._disk.check()

    def _add_sound(self, seconds: float) -> None:
        for packet in self._sound.until(seconds) if self._sound else ():
            self._container.mux(packet)

    def close(self) -> None:
        self._container.mux(self._stream.encode(None))
        self._add_sound(math.inf)
        if self._sound:
            self._sound.close()
        self._container.close()
        self._disk.close()
        self._disk.check()

    def abandon(self) -> None:
        if self._sound:
            self._sound.close()
        self._disk.close()
        if self._container is not None:
            with suppress(self._av.error.FFmpegError, OSError):
                self._container.close()


class _OpenCvWriter:
    """Frames at an even rate: OpenCV writes no times."""

    lost_sound = False

    def __init__(self, path: Path, size: tuple[int, int], rate: float) -> None:
        cv2 = backends.opencv()
        code = "VP80" if path.suffix == ".webm" else "mp4v"
        self._path, self._frames = path, 0
        self._video: Any = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), rate, size)
        if not self._video.isOpened():
            raise OSError(errno.EIO, "cannot be written")

    def add(self, pixels: Pixels, time: float) -> None:
        self._video.write(np.ascontiguousarray(pixels[:, :, ::-1]))
        self._frames += 1

    def close(self) -> None:
        """Only the file itself tells whether OpenCV could write it."""
        self._video.release()
        cv2 = backends.opencv()
        written = cv2.VideoCapture(str(self._path))
        whole = written.isOpened() and written.get(cv2.CAP_PROP_FRAME_COUNT) >= self._frames - 1
        written.release()
        if not whole:
            raise OSError(errno.EIO, "could not be written whole: is the disk full?")

    def abandon(self) -> None:
        self._video.release()


def is_recording(path: Path) -> bool:
    """Whether `VideoFile` wrote the file with its usual mark, by PyAV: OpenCV leaves no mark. Raises
    UsageError without PyAV."""
    return comment_of(path) == MARK


def comment_of(path: Path) -> str | None:
    """The comment of a video in a container that `VideoFile` writes. Raises UsageError without PyAV."""
    if path.suffix.lower() not in CONTAINERS:
        return None
    av = backends.pyav()
    if av is None:
        raise UsageError(
            f"{path}: is there already, and whether facekit wrote it can only be told by PyAV: give another "
            f"name, remove it, or {extras.install('video')}"
        )
    try:
        with av.open(f"file:{path}", options=FILES_ONLY) as container:
            notes: dict[str, str] = container.metadata
    except (av.error.FFmpegError, OSError, ValueError):
        return None
    return next((value for name, value in notes.items() if name.lower() == "comment"), None)


def _sized(pixels: Pixels, width: int, height: int) -> Pixels:
    if pixels.shape[1] in (width, width + 1) and pixels.shape[0] in (height, height + 1):
        return np.ascontiguousarray(pixels[:height, :width])
    if min(pixels.shape[:2]) < 2:
        return np.asarray(Image.fromarray(pixels).resize((width, height)))
    return fit(pixels, width, height, fill=0, centered=True).canvas
