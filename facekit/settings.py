"""Where things are: shipped files, galleries, and the environment, which is read nowhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from facekit.errors import GalleryError, UsageError

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


def is_reference(gallery: Path) -> bool:
    """Whether the path, however it is written, is that of the shipped gallery."""
    # Not Path.resolve, which raises RuntimeError for a link to itself.
    return os.path.realpath(gallery) == os.path.realpath(reference_gallery())


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
    found = os.path.expanduser(path)
    user, slash, _ = path.partition("/")
    # A HOME that is empty or relative would put the user's files wherever facekit is started.
    homeless = user == "~" and not os.path.isabs(os.environ.get("HOME", os.sep))
    if found != path and not homeless:
        return found
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


def named_gallery(given: str | os.PathLike[str] | None) -> Path | None:
    """The gallery that the user named: by the option, or else by `FACEKIT_GALLERY`."""
    if given is not None:
        return gallery_file(given)
    variable = gallery_variable()
    return gallery_file(variable) if variable else None


def own_galleries(given: str | os.PathLike[str] | None = None) -> list[Path]:
    """Where a gallery of the user's may be, in this order; one that was named is the only one looked for."""
    named = named_gallery(given)
    if named is not None:
        return [named]
    return [place for place in (*_local_galleries(), user_gallery()) if place is not None]


def galleries_to_read(given: str | os.PathLike[str] | None = None) -> list[Path]:
    """Where `identify` looks, in this order: the user's own places, then the shipped gallery."""
    own = own_galleries(given)
    return own if named_gallery(given) else [*own, reference_gallery()]


def first_there(places: Sequence[Path]) -> Path | None:
    """The first place at which something is, be it a link that leads nowhere: opening it tells so."""
    return next((place for place in places if os.path.lexists(place)), None)


def gallery_to_write(
    given: str | os.PathLike[str] | None = None, folder: str | os.PathLike[str] | None = None
) -> Path:
    """Where `enroll` writes: the gallery that was named, one of the working folder's if it is there, else the
    user's own. Of the people in `folder`, into that folder if it is called `gallery` or holds a gallery.

    Without a `folder` it is where `identify` will look first. Raises UsageError if there is no home folder.
    """
    named = named_gallery(given)
    if named is not None:
        return named
    in_folder, beside = _local_galleries()
    if os.path.lexists(in_folder):
        return in_folder
    if folder is not None:
        inside = Path(folder) / GALLERY_FILE
        if os.path.lexists(inside) or os.path.basename(os.path.realpath(folder)) == GALLERY_FOLDER:
            return inside
    if os.path.lexists(beside):
        return beside
    own = user_gallery()
    if own is None:
        raise UsageError("there is no home folder for a gallery: say where to write with --gallery FILE")
    return own


def make_room(gallery: Path) -> None:
    """Make the folder that a new gallery is written into; that of the user's own is for the user alone.
    Raises GalleryError where it cannot be made."""
    require_writable(gallery)
    try:
        gallery.parent.mkdir(parents=True, exist_ok=True, mode=0o700 if _is_own(gallery) else 0o777)
    except OSError as error:
        raise _unwritable(gallery, f"{gallery.parent}: {error.strerror}") from error


def require_writable(gallery: Path) -> None:
    """Raise GalleryError unless a gallery can be changed here, or made; nothing is made."""
    place = Path(os.path.realpath(gallery))
    if place.is_file() and not os.access(place, os.W_OK):
        raise _unwritable(gallery, "the file is read-only")
    above = next(folder for folder in place.parents if os.path.lexists(folder))
    if not above.is_dir():
        raise _unwritable(gallery, f"{above} is no folder")
    if not os.access(above, os.W_OK | os.X_OK):
        raise _unwritable(gallery, f"the folder {above} is read-only")


def _unwritable(gallery: Path, why: str) -> GalleryError:
    what = "your own gallery" if _is_own(gallery) else "the gallery"
    return GalleryError(f"{gallery}: {what} cannot be written ({why}): choose another with --gallery FILE")


def _is_own(gallery: Path) -> bool:
    return gallery == user_gallery()


def _local_galleries() -> tuple[Path, Path]:
    return Path(GALLERY_FILE), Path(GALLERY_FOLDER) / GALLERY_FILE


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
