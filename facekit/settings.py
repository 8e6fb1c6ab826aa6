"""Where things are: shipped files, the user's own, and the environment, which is read nowhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from facekit.errors import UsageError

GALLERY_VARIABLE = "FACEKIT_GALLERY"
GALLERY_FILE = "gallery.db"
GALLERY_FOLDER = "gallery"


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


def default_threads() -> int:
    """Usable cores, as the scheduler lets this process have them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def expanded(path: str) -> str:
    """The path with `~` and `~user` at its beginning replaced by the home folder, as a shell does.

    A shell leaves `--gallery=~/people.db` alone, and a service or a container has none: a folder that is
    called `~` would be made. Raises UsageError for `~name/…` if there is no such user; a name without a
    slash, like that of an editor's copy, stays as it is.
    """
    if not path.startswith("~"):
        return path
    whole_path = os.path.expanduser(path)
    user, slash, _ = path.partition("/")
    # A HOME that is empty or relative would put the user's files wherever facekit is started.
    homeless = user == "~" and not os.path.isabs(os.environ.get("HOME", os.sep))
    if whole_path != path and not homeless:
        return whole_path
    if user == "~":
        raise UsageError(f"{path}: there is no home folder: set HOME, or give the whole path")
    if slash:
        raise UsageError(f"{path}: there is no user {user[1:]}: write ./{path} for a folder of that name")
    return path


def gallery_file(place: str | os.PathLike[str]) -> Path:
    """The file that a gallery's place means, for every command and option: a folder, or what ends with a
    slash, means the `gallery.db` in it. Only in a text is `~` the home folder: a Path has its names as they
    are, and `./~root` of a command line must not become another user's home."""
    text = expanded(place) if isinstance(place, str) else os.fspath(place)
    if not text:
        raise UsageError("the name of the gallery is empty: give a file or a folder")
    path = Path(text)
    is_folder = text.endswith(("/", os.sep)) or path.is_dir()
    return path / GALLERY_FILE if is_folder else path


def user_gallery() -> Path | None:
    """The user's own gallery, used wherever facekit is started; None for a user without a home folder."""
    try:
        data = Path(expanded(os.environ.get("XDG_DATA_HOME", "")))
        # The XDG Base Directory Specification has relative paths ignored.
        data = data if data.is_absolute() else Path(expanded("~/.local/share"))
    except UsageError:
        return None
    return data / "facekit" / GALLERY_FILE


def gallery_variable() -> str | None:
    """The gallery that the environment names."""
    return os.environ.get(GALLERY_VARIABLE) or None


def set_environment(values: Mapping[str, str]) -> None:
    """Tell the programs that are started from now on, except for what the user told them already."""
    for name, value in values.items():
        os.environ.setdefault(name, value)


def on_terminal() -> bool:
    """Whether somebody reads standard output on a screen; a file or a program wants its lines whole."""
    return sys.stdout is not None and sys.stdout.isatty()


def has_package(name: str) -> bool:
    return find_spec(name) is not None


def display() -> str | None:
    """The screen for windows: `:0`; `wayland-0` or `native` where there is no X; None without one."""
    if sys.platform in ("darwin", "win32"):
        return "native"
    return os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or None
