"""Where things are: shipped files, galleries, and the environment, which is read nowhere else."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

GALLERY_VARIABLE = "FACEKIT_GALLERY"
GALLERY_FILE = "gallery.db"


def shipped(folder: str) -> Path:
    """`weights` or `gallery` as they travel with facekit: in the wheel, or at the top of a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "_data" / folder
    return inside if inside.is_dir() else package.parent / folder


def weights_folder() -> Path:
    return shipped("weights")


def reference_gallery() -> Path:
    """The gallery of 70 public figures that is used when there is no other."""
    return shipped("gallery") / "reference.db"


def is_reference(gallery: Path) -> bool:
    """Whether the path, however it is written, is that of the shipped gallery."""
    return gallery.resolve() == reference_gallery().resolve()


def default_threads() -> int:
    """Usable cores, as the scheduler lets this process have them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def gallery_to_write(given: Path | None, folder: Path | None = None) -> Path:
    """Where `enroll` writes: the given file, else `FACEKIT_GALLERY`, else `gallery.db` in `folder`."""
    if given is not None:
        return given
    if os.environ.get(GALLERY_VARIABLE):
        return Path(os.environ[GALLERY_VARIABLE])
    return (folder or Path("gallery")) / GALLERY_FILE


def galleries_to_read(given: Path | None) -> list[Path]:
    """Where `identify` looks, in this order. A gallery that was named is the only one looked for."""
    if given is not None:
        return [given / GALLERY_FILE if given.is_dir() else given]
    if os.environ.get(GALLERY_VARIABLE):
        return [Path(os.environ[GALLERY_VARIABLE])]
    return [Path("gallery") / GALLERY_FILE, reference_gallery()]


def has_package(name: str) -> bool:
    return find_spec(name) is not None


def display() -> str | None:
    """The screen for windows: `:0`; `wayland-0` or `native` where there is no X; None without one."""
    if sys.platform in ("darwin", "win32"):
        return "native"
    return os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or None
