"""Where galleries are looked for and made if the user names none."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gallery_samples import settings as gallery_settings

from facekit import settings
from facekit.errors import GalleryError, UsageError
from facekit.gallery import create_gallery, usual_places
from facekit.gallery.sqlite.place import FilePlace


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty working folder, and a home folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("FACEKIT_GALLERY", raising=False)
    return tmp_path / "here"


def touch(*places: str | Path) -> None:
    for place in places:
        Path(place).parent.mkdir(parents=True, exist_ok=True)
        Path(place).touch()


def files(*paths: str | Path) -> list[FilePlace]:
    return [FilePlace(Path(path)) for path in paths]


def test_a_gallery_is_looked_for_in_this_order(monkeypatch: pytest.MonkeyPatch, user_data: Path) -> None:
    own = user_data / "facekit" / "gallery.db"
    shipped = settings.reference_gallery()
    places = files("gallery.db", "gallery/gallery.db", own, shipped)
    assert usual_places.to_read() == places
    assert usual_places.of_user() == places[:-1]
    monkeypatch.setenv("FACEKIT_GALLERY", "mine.db")
    assert usual_places.to_read() == usual_places.of_user() == files("mine.db")
    assert usual_places.to_read("other.db") == files("other.db")


def test_what_was_written_without_a_name_is_read_without_a_name(user_data: Path) -> None:
    """Whichever galleries are there already."""
    own = user_data / "facekit" / "gallery.db"
    for there, expected in (
        ([], own),
        ([own], own),
        (["gallery/gallery.db"], Path("gallery/gallery.db")),
        (["gallery.db"], Path("gallery.db")),
    ):
        touch(*there)
        assert usual_places.to_write() == FilePlace(Path(expected))
        touch(expected)
        assert usual_places.first_existing(usual_places.to_read()) == FilePlace(Path(expected))


def test_a_folder_called_gallery_and_one_that_holds_a_gallery_are_written_into(
    here: Path, user_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("people", "gallery", "old"):
        (here / folder).mkdir()
    touch("old/gallery.db")
    assert usual_places.to_write(None, "people") == FilePlace(user_data / "facekit" / "gallery.db")
    assert usual_places.to_write(None, "gallery/") == FilePlace(Path("gallery/gallery.db"))
    assert usual_places.to_write(None, "old") == FilePlace(Path("old/gallery.db"))
    monkeypatch.chdir(here / "gallery")
    assert usual_places.to_write(None, ".") == FilePlace(Path("gallery.db"))
    monkeypatch.chdir(here)
    monkeypatch.setenv("FACEKIT_GALLERY", "variable.db")
    assert usual_places.to_write(None, "gallery") == FilePlace(Path("variable.db"))
    assert usual_places.to_write("option.db", "gallery") == FilePlace(Path("option.db"))


def test_a_user_without_a_home_is_told_to_name_the_gallery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert usual_places.to_read()[-2:] == files("gallery/gallery.db", settings.reference_gallery())
    with pytest.raises(UsageError, match="--gallery FILE"):
        usual_places.to_write()


def test_the_folder_of_the_users_own_gallery_is_for_the_user_alone() -> None:
    own = settings.user_gallery()
    assert own is not None
    create_gallery(own, gallery_settings()).close()
    assert stat.S_IMODE(os.stat(own.parent).st_mode) == 0o700


@pytest.mark.parametrize("number", [errno.EACCES, errno.ENOTCONN, errno.ESTALE])
def test_a_gallery_that_cannot_be_reached_is_told_and_no_other_is_taken_for_it(
    number: int, monkeypatch: pytest.MonkeyPatch, user_data: Path
) -> None:
    """As on a disk that does not answer, or in the folder of somebody else."""
    own = user_data / "facekit" / "gallery.db"

    def unreachable(look: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        def looked(path: Any, *more: Any, **named: Any) -> os.stat_result:
            if str(path) in map(str, (own, "gallery.db", "gallery/gallery.db")):
                raise OSError(number, os.strerror(number), str(path))
            return look(path, *more, **named)

        return looked

    for name in ("stat", "lstat"):
        monkeypatch.setattr(os, name, unreachable(getattr(os, name)))
    place = usual_places.in_use(usual_places.to_read())
    assert place == FilePlace(own)
    with pytest.raises(GalleryError, match=r"gallery\.db: the gallery cannot be reached"):
        place.open()
    assert usual_places.to_write() == FilePlace(own)
