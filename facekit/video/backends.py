"""FFmpeg by PyAV, which brings its own, and OpenCV where PyAV is missing: loaded when needed, and silent.

OpenCV's wheel needs libGL to be imported at all, PyAV's nothing.
"""

from __future__ import annotations

import os
from types import ModuleType

from facekit import extras
from facekit.errors import DependencyError
from facekit.opencv import load


def pyav() -> ModuleType | None:
    """PyAV, if it is installed."""
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


def errors() -> tuple[type[Exception], ...]:
    """What FFmpeg raises by PyAV, but errors of the disk."""
    av = pyav()
    return () if av is None else (av.error.FFmpegError, ValueError)


def opencv() -> ModuleType:
    """OpenCV. Raises DependencyError without it."""
    # Its FFmpeg writes to standard error by itself, whole addresses with their passwords too.
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        cv2 = load("video")
    except DependencyError as error:
        raise DependencyError(f"reading and writing video needs PyAV: {extras.install('video')}") from error
    cv2.utils.logging.setLogLevel(0)
    return cv2
