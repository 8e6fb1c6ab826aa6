"""OpenCV, loaded where it is needed: it takes long to import, and needs libGL to be imported at all."""

from __future__ import annotations

from types import ModuleType

from facekit.errors import DependencyError

PACKAGES = "apt-get install libgl1 libglib2.0-0"


def load(use: str) -> ModuleType:
    """The module `cv2`. Raises DependencyError, which says what `use` needs."""
    try:
        import cv2
    except ImportError as error:
        if "lib" in str(error) and ".so" in str(error):
            raise DependencyError(f"{use} needs a system library: {PACKAGES} ({error})") from error
        raise DependencyError(f"{use} needs OpenCV: pip install opencv-python") from error
    return cv2
