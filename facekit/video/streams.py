"""Video in: through PyAV, or through OpenCV where PyAV is missing."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from facekit import extras
from facekit.errors import PictureError
from facekit.pictures.images import MAX_PIXELS
from facekit.results import Pixels
from facekit.text.redaction import public, redacted
from facekit.video import backends
from facekit.video.cut_off import is_cut_off
from facekit.video.frames import FrameFile

USUAL_RATE = 25.0
SCHEMES = (
    *("http", "https", "rtsp", "rtsps", "rtspt", "rtspu", "rtmp", "rtmps", "rtmpt", "rtmpts", "rtmpe"),
    *("rtp", "srtp", "udp", "tcp", "tls", "srt", "mmsh", "mmst"),
)
"""What an address may begin with."""

# How long an address may take to open, and to send the next part of a frame, in seconds.
PATIENCE = (10.0, 10.0)

_FASTEST = 1000.0
"""Frames a second that are believed of a header."""

_HOPELESS = 300
"""After so many packets without a frame, nothing will be seen of a camera."""

_LARGE = 9e6
"""From so many pixels on, frames are decoded one after the other: each thread would hold several."""

_SHORT = 0.2
"""Seconds by which the length in an exact header differs from the end of the last frame."""

_TIMED_FORMATS = frozenset(("mov", "mp4", "matroska", "webm", "avi", "flv"))
"""What has its length in a header; of other kinds FFmpeg guesses it from how many bytes a second takes."""

_NO_VIDEO = "answers with something that is no video: give the address of the stream itself, not of a page"

_OF_CAMERA = re.compile(
    r"(com\.apple\.quicktime\.)?(creation_?(time|date)|location.*|make|model)", re.IGNORECASE
)

# A file is a video, and no list of other files and addresses (HLS, DASH, concat, SDP) that FFmpeg would open.
_FILE_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpeg,mpegvideo,mpegts,flv,ogg,asf,gif,apng,webp_anim,"
    "h264,hevc,av1,obu,ivf,m4v,mjpeg,mxf,nut,dv,rm,wtv,vc1,yuv4mpegpipe"
)
FILES_ONLY = {"protocol_whitelist": "file", "format_whitelist": _FILE_FORMATS}
"""FFmpeg's options for a file: nothing else is opened, whatever stands in it."""

# Of a camera, also what sends frames or lists what it sends; with the sound that such a list names.
_SENT_FORMATS = (
    f"{_FILE_FORMATS},rtsp,sdp,rtp,hls,dash,mpjpeg,jpeg_pipe,png_pipe,webp_pipe,live_flv,"
    "aac,mp3,ac3,eac3,webvtt"
)
# What an address may lead to: never a file of this machine.
_PROTOCOLS = (
    "http,https,httpproxy,tcp,tls,udp,udplite,rtp,srtp,rtsp,rtsps,srt,crypto,"
    "rtmp,rtmps,rtmpt,rtmpts,rtmpe,rtmpte,ffrtmphttp,ffrtmpcrypt,mmsh,mmst"
)


class StreamError(PictureError):
    """A video, a camera or an address cannot be opened, or breaks off. `reason` is without the place; `final`
    where trying again would end alike: no such stream, not with this password, or no video.
    """

    def __init__(self, place: str, reason: str, *, final: bool = False) -> None:
        super().__init__(f"{place}: {reason}")
        self.reason = reason
        self.final = final


class Stream(Protocol):
    """An open video. `rate` is in frames a second; `endless` is true of what has no last frame; `problems` is
    what was wrong with a video that has one, complete when it was read to its end; `remarks` may be of
    interest; `file` is the picture that the frame given last is, where frames are pictures of a folder.
    """

    rate: float
    endless: bool
    problems: list[str]
    remarks: list[str]
    file: FrameFile | None

    def __iter__(self) -> Iterator[tuple[Pixels, float | None]]:
        """RGB pixels and the time in seconds from the first frame, None where the stream tells none.

        Raises StreamError where what is endless breaks off, PictureError where a frame is too large.
        """
        ...

    def close(self) -> None: ...


def open_stream(place: str, *, device: bool = False, max_pixels: int = MAX_PIXELS) -> Stream:
    """Open a video file, an address (`rtsp://…`, `http://…`), or a device of the system.

    Raises StreamError when it cannot be opened, PictureError where its frames have more than `max_pixels`,
    DependencyError without PyAV and OpenCV.
    """
    av = backends.pyav()
    if av is not None and (not device or sys.platform.startswith("linux")):
        return _PyAvStream(av, place, device, max_pixels)
    stream = _OpenCvStream(place, device, max_pixels)
    # Elsewhere OpenCV is what opens cameras, PyAV or not.
    if av is None and (not device or sys.platform.startswith("linux")):
        damage = "" if device else ", nor what is damaged"
        stream.remarks.append(
            f"read by OpenCV, which does not tell when a frame was taken{damage}: "
            f"PyAV does ({extras.install('video')})"
        )
    return stream


def camera_metadata(path: str) -> dict[str, str]:
    """What a camera wrote into a video file: when and where it was taken, and by what. Nothing without PyAV,
    or of a file that cannot be read."""
    av = backends.pyav()
    if av is None:
        return {}
    try:
        with av.open(f"file:{path}", options=FILES_ONLY) as container:
            return {name: text for name, text in container.metadata.items() if _OF_CAMERA.fullmatch(name)}
    except (av.error.FFmpegError, OSError, ValueError):
        return {}


def believed_rate(rate: float) -> float:
    """Frames a second as a header tells them, or the usual ones where that cannot be."""
    return rate if math.isfinite(rate) and 0 < rate <= _FASTEST else USUAL_RATE


class _PyAvStream:
    def __init__(self, av: ModuleType, place: str, device: bool, max_pixels: int) -> None:
        self._av = av
        # PyAV stumbles over streams that begin amid a damaged file.
        self._errors = (av.error.FFmpegError, OSError, ValueError, MemoryError, LookupError)
        self._max_pixels = max_pixels
        self._place = place
        self._address = "://" in place and not device
        self._shown = public(place) if self._address else place
        self.problems: list[str] = []
        self.remarks: list[str] = []
        self.file: FrameFile | None = None
        self._container = self._opened(device)
        if not self._container.streams.video:
            self.close()
            raise StreamError(self._shown, "holds no video", final=True)
        self._stream = self._container.streams.video[0]
        context = self._stream.codec_context
        if context is None:
            self.close()
            raise StreamError(self._shown, "its video is of a kind that this FFmpeg cannot read", final=True)
        self._check_size(context.width, context.height)
        large = context.width * context.height > _LARGE
        self._stream.thread_type = "SLICE" if self._address or device or large else "AUTO"
        context.options = {"max_pixels": str(max_pixels)}
        self.rate = believed_rate(float(self._stream.average_rate or self._stream.guessed_rate or 0))
        self.endless = device or (self._address and not self._container.duration)
        # This format has times of packets only, and those of reordered frames are wrong.
        self._untimed = self._container.format.name == "avi"
        self._packets = self._frames = self._damaged = 0
        self._end = 0.0

    def __iter__(self) -> Iterator[tuple[Pixels, float | None]]:
        start: float | None = None
        for frame in self._decoded():
            self._check_size(frame.width, frame.height)
            try:
                pixels = _upright(frame)
            except self._errors:
                self._damaged += 1
                continue
            if start is None:
                start = frame.time
            time = None if frame.time is None or start is None or self._untimed else frame.time - start
            self._frames += 1
            self._end = max(self._end, (time or 0.0) + _length(frame, self.rate))
            yield pixels, time
        if not self.endless:
            self._sum_up()
        elif not self._frames:
            raise StreamError(self._shown, self._nothing())

    def _opened(self, device: bool) -> Any:
        place = self._place if self._address or device else f"file:{self._place}"
        try:
            return self._av.open(
                place,
                format="v4l2" if device else None,
                options=self._options(device),
                timeout=PATIENCE,
            )
        except self._errors as error:
            failure = self._failure(error)
            # A page of a browser, or anything else that is whole and no video: it will be the same again.
            if isinstance(error, self._av.error.InvalidDataError) and self._place.startswith("http"):
                failure = StreamError(self._shown, _NO_VIDEO, final=True)
        # Not where the error is at hand: it has the whole address, and would be shown with this one.
        raise failure

    def _options(self, device: bool) -> dict[str, str]:
        options = {"max_pixels": str(self._max_pixels)}
        if device:
            return options
        if not self._address:
            return options | FILES_ONLY
        options |= {"protocol_whitelist": _PROTOCOLS, "format_whitelist": _SENT_FORMATS}
        # Over UDP, which is all that some cameras have, a lost packet is a gray frame.
        return options | ({"rtsp_flags": "prefer_tcp"} if self._place.startswith("rtsp") else {})

    def _failure(self, error: BaseException) -> StreamError:
        known = self._av.error
        reason = redacted(_reason(error), [self._place] if self._address else [])
        if isinstance(error, known.InvalidDataError | known.ArgumentError) and not self._address:
            reason = f"{reason}: no video that can be read, or a damaged one"
        if isinstance(error, known.FileNotFoundError) and self._place.startswith("/dev/video"):
            reason = f"{reason}: no such camera is plugged in"
        refused = known.HTTPUnauthorizedError | known.HTTPForbiddenError | known.HTTPNotFoundError
        unknown = known.ProtocolNotFoundError | known.DemuxerNotFoundError
        return StreamError(self._shown, reason, final=isinstance(error, refused | unknown))

    def _decoded(self) -> Iterator[Any]:
        """The frames; parts of a video that are damaged are left out, as players do, and counted."""
        packets = self._container.demux(self._stream)
        begun = False
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except self._errors as error:
                failure = self._failure(error)
                if self.endless:
                    if self._packets and not self._frames:
                        failure = StreamError(self._shown, self._nothing())
                    break
                self.problems.append(f"{self._shown}: cannot be read further: {failure.reason}")
                return
            self._packets += packet.size > 0
            if self.endless and self._packets > _HOPELESS and not self._frames:
                failure = StreamError(self._shown, self._nothing())
                break
            # A recording may begin amid what needs an earlier frame.
            begun = begun or bool(packet.is_keyframe)
            try:
                frames = packet.decode()
            except self._av.error.EOFError:
                continue
            except self._errors:
                self._damaged += begun
                context = self._stream.codec_context
                self._check_size(context.width, context.height)
                continue
            for frame in frames:
                if frame.is_corrupt:
                    self._damaged += begun
                else:
                    yield frame
        raise failure

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self._max_pixels:
            raise _too_large(self._shown, width, height, self._max_pixels)

    def _sum_up(self) -> None:
        """Tell what was wrong with a video that was read to its end."""
        if not self._frames:
            raise StreamError(self._shown, self._nothing())
        if self._damaged:
            total = self._damaged + self._frames
            self.problems.append(f"{self._shown}: damaged: {self._damaged} of {total} frames left out")
        promised = self._promised()
        if promised - self._end > self._inexact(promised):
            self.problems.append(
                f"{self._shown}: cut off, or its header is wrong: it says {promised:.1f} s, "
                f"and there are {self._end:.1f} s"
            )
        elif not self._address and is_cut_off(self._place):
            self.problems.append(_cut_off(self._shown))

    def _inexact(self, promised: float) -> float:
        """By how many seconds the promised length may be wrong."""
        if set(self._container.format.name.split(",")) & _TIMED_FORMATS:
            return max(_SHORT, 2.5 / self.rate)
        return max(1.0, 0.05 * promised)

    def _nothing(self) -> str:
        limit = f"{self._max_pixels / 1e6:g} megapixels"
        return f"no frame in it can be read: damaged, cut off, or larger than {limit} (see --max-pixels)"

    def _promised(self) -> float:
        """The length that the header promises, in seconds; 0 where it tells none of the video."""
        stream = self._stream
        if self._untimed:
            self._end = self._packets / self.rate
            return float(stream.frames / self.rate)
        if stream.duration and stream.time_base:
            return float(stream.duration * stream.time_base)
        if len(self._container.streams) == 1 and self._container.duration:
            return float(self._container.duration / self._av.time_base)
        return 0.0

    def close(self) -> None:
        self._container.close()


def _upright(frame: Any) -> Pixels:
    pixels: Pixels = frame.to_ndarray(format="rgb24")
    turns = round((frame.rotation or 0) / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _length(frame: Any, rate: float) -> float:
    """How long a frame is shown, in seconds."""
    ticks = getattr(frame, "duration", 0) or 0
    return float(ticks * frame.time_base) if ticks > 0 and frame.time_base else 1 / rate


def _cut_off(place: str) -> str:
    return f"{place}: cut off: its end is missing"


def _too_large(place: str, width: int, height: int, most: int) -> PictureError:
    return PictureError(
        f"{place}: too large: {width}×{height} pixels, over the limit of {most / 1e6:g} megapixels "
        "(see --max-pixels)"
    )


def _reason(error: BaseException) -> str:
    """The error's own words, without its number and without the place, which is said before it."""
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).strip()


class _OpenCvStream:
    def __init__(self, place: str, device: bool, max_pixels: int) -> None:
        cv2 = backends.opencv()
        self._max_pixels = max_pixels
        self._place = place
        self._address = address = "://" in place and not device
        self._shown = public(place) if address else place
        self.problems: list[str] = []
        self.remarks: list[str] = []
        self.file: FrameFile | None = None
        with _guarded(address):
            if device:
                self._video: Any = cv2.VideoCapture(_number_of(place))
            else:
                # By FFmpeg alone: others take a name with a % in it for a row of pictures.
                self._video = cv2.VideoCapture(place, cv2.CAP_FFMPEG)
        if not self._video.isOpened():
            raise StreamError(self._shown, "no such camera" if device else "cannot be opened")
        self._check_size(
            int(self._video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(self._video.get(cv2.CAP_PROP_FRAME_HEIGHT))
        )
        self.rate = believed_rate(float(self._video.get(cv2.CAP_PROP_FPS)))
        self._promised = float(self._video.get(cv2.CAP_PROP_FRAME_COUNT))
        self.endless = device or (address and not self._promised > 0)

    def __iter__(self) -> Iterator[tuple[Pixels, float | None]]:
        count = 0
        while True:
            read, pixels = self._video.read()
            if not read:
                break
            self._check_size(pixels.shape[1], pixels.shape[0])
            count += 1
            yield np.ascontiguousarray(pixels[:, :, ::-1]), None
        if self.endless:
            return
        if not count:
            raise StreamError(self._shown, "no frame in it can be read")
        if self._promised - count > max(2, 0.05 * self._promised):
            self.problems.append(
                f"{self._shown}: cut off, damaged, or its header is wrong: it says "
                f"{self._promised:.0f} frames, and there are {count}"
            )
        elif not self._address and is_cut_off(self._place):
            self.problems.append(_cut_off(self._shown))

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self._max_pixels:
            raise _too_large(self._shown, width, height, self._max_pixels)

    def close(self) -> None:
        self._video.release()


def _number_of(device: str) -> int:
    digits = "".join(letter for letter in os.path.basename(device) if letter.isdigit())
    if not digits:
        raise StreamError(device, "no camera's number in this name: give the number")
    return int(digits)


@contextmanager
def _guarded(address: bool) -> Iterator[None]:
    """Within, OpenCV's FFmpeg opens what PyAV's may open. It asks the environment."""
    protocols, formats = (_PROTOCOLS, _SENT_FORMATS) if address else ("file", _FILE_FORMATS)
    name = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
    before = os.environ.get(name)
    os.environ[name] = f"protocol_whitelist;{protocols}|format_whitelist;{formats}"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
