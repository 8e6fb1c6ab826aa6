"""A window on the screen, by OpenCV, which is what needs a display and libGL."""

from __future__ import annotations

import socket
from types import ModuleType

import numpy as np

from facekit import opencv, settings
from facekit.errors import DependencyError
from facekit.results import Pixels

_LARGEST = (1280, 800)


class Window:
    """A window that shows pictures and hears keys; made with the first picture.

    Raises DependencyError where there is no display, or no OpenCV with windows.
    """

    def __init__(self, title: str) -> None:
        self._cv2 = _with_display()
        self._title = title
        self._open = False
        self.closed = False
        """Whether the user closed it."""

    def show(self, pixels: Pixels) -> None:
        """Show a picture, uint8 (height, width, 3) RGB."""
        if not self._open:
            self._make(pixels.shape[1], pixels.shape[0])
        self._cv2.imshow(self._title, np.ascontiguousarray(pixels[:, :, ::-1]))

    def key(self) -> str | None:
        """The key that was pressed, in lower case, if one was. Ask often: the window lives on it."""
        if not self._open:
            return None
        code = self._cv2.waitKey(1)
        if self._cv2.getWindowProperty(self._title, self._cv2.WND_PROP_VISIBLE) < 1:
            self.closed = True
        return chr(code & 0xFF).lower() if code >= 0 else None

    def close(self) -> None:
        if self._open:
            self._open = False
            self._cv2.destroyAllWindows()

    def _make(self, width: int, height: int) -> None:
        flags = self._cv2.WINDOW_NORMAL | self._cv2.WINDOW_KEEPRATIO | self._cv2.WINDOW_GUI_NORMAL
        try:
            self._cv2.namedWindow(self._title, flags)
        except self._cv2.error as error:
            raise DependencyError(
                "this OpenCV has no windows: pip uninstall opencv-python-headless, "
                "then pip install opencv-python"
            ) from error
        scale = min(1.0, _LARGEST[0] / width, _LARGEST[1] / height)
        self._cv2.resizeWindow(self._title, round(width * scale), round(height * scale))
        self._open = True


def _with_display() -> ModuleType:
    display = settings.display()
    if display is None:
        raise DependencyError("a window needs a display, and DISPLAY is not set: leave it out, or use ssh -X")
    if not _answers(display):
        raise DependencyError(f"a window needs a display, and {display} does not answer: leave it out")
    return opencv.load("a window")


def _answers(display: str) -> bool:
    """Whether an X server of this machine is there; of others nothing is known, and they are believed.

    OpenCV's windows end the program where they find none.
    """
    host, _, number = display.rpartition(":")
    if host not in ("", "unix") or not number.split(".")[0].isdigit():
        return True
    path = f"/tmp/.X11-unix/X{number.split('.')[0]}"
    for address in (path, f"\0{path}"):
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(address)
            except OSError:
                continue
            return True
    return False
