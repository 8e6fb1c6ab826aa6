"""Where galleries are, and what `~` means."""

from __future__ import annotations

import getpass
import os
import stat
from pathlib import Path

import pytest

from facekit import settings
from facekit.errors import UsageError


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


def test_a_gallery_is_looked_for_in_this_order(monkeypatch: pytest.MonkeyPatch, user_data: Path) -> None:
    own = user_data / "facekit" / "gallery.db"
    shipped = settings.reference_gallery()
    places = [Path("gallery.db"), Path("gallery/gallery.db"), own, shipped]
    assert settings.galleries_to_read() == places
    assert settings.own_galleries() == places[:-1]
    monkeypatch.setenv("FACEKIT_GALLERY", "mine.db")
    assert settings.galleries_to_read() == settings.own_galleries() == [Path("mine.db")]
    assert settings.galleries_to_read("other.db") == [Path("other.db")]


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
        assert settings.gallery_to_write() == expected
        touch(expected)
        assert settings.first_there(settings.galleries_to_read()) == expected


def test_a_folder_called_gallery_and_one_that_holds_a_gallery_are_written_into(
    here: Path, user_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("people", "gallery", "old"):
        (here / folder).mkdir()
    touch("old/gallery.db")
    assert settings.gallery_to_write(None, "people") == user_data / "facekit" / "gallery.db"
    assert settings.gallery_to_write(None, "gallery/") == Path("gallery/gallery.db")
    assert settings.gallery_to_write(None, "old") == Path("old/gallery.db")
    monkeypatch.chdir(here / "gallery")
    assert settings.gallery_to_write(None, ".") == Path("gallery.db")
    monkeypatch.chdir(here)
    monkeypatch.setenv("FACEKIT_GALLERY", "variable.db")
    assert settings.gallery_to_write(None, "gallery") == Path("variable.db")
    assert settings.gallery_to_write("option.db", "gallery") == Path("option.db")


@pytest.mark.parametrize("value", ["", "relative/data"])
def test_without_a_usable_folder_for_data_it_is_the_one_below_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", value)
    assert settings.user_gallery() == tmp_path / "home/.local/share/facekit/gallery.db"


def test_a_user_without_a_home_is_told_to_name_the_gallery(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "")
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    assert settings.galleries_to_read()[-2:] == [Path("gallery/gallery.db"), settings.reference_gallery()]
    with pytest.raises(UsageError, match="--gallery FILE"):
        settings.gallery_to_write()


def test_the_folder_of_the_users_own_gallery_is_for_the_user_alone() -> None:
    own = settings.user_gallery()
    assert own is not None
    settings.make_room(own)
    assert stat.S_IMODE(os.stat(own.parent).st_mode) == 0o700


def test_a_folder_means_the_gallery_in_it(here: Path) -> None:
    (here / "there").mkdir()
    assert settings.gallery_file("there") == Path("there/gallery.db")
    assert settings.gallery_file("not-yet/") == Path("not-yet/gallery.db")
    assert settings.gallery_file("not-yet") == Path("not-yet")
    with pytest.raises(UsageError, match="empty"):
        settings.gallery_file("")


def test_a_tilde_is_the_home_folder_wherever_a_gallery_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "home" / "people.db"
    assert settings.gallery_file("~/people.db") == home
    monkeypatch.setenv("FACEKIT_GALLERY", "~/people.db")
    assert settings.galleries_to_read() == [home]
    assert settings.gallery_to_write() == home
    monkeypatch.setenv("XDG_DATA_HOME", "~/data")
    assert settings.user_gallery() == tmp_path / "home/data/facekit/gallery.db"


def test_the_home_of_another_user_is_known_or_it_is_an_error() -> None:
    user = getpass.getuser()
    assert settings.expanded(f"~{user}/x") == os.path.join(os.path.expanduser(f"~{user}"), "x")
    with pytest.raises(UsageError, match=r"no user nobody-at-all: write \./~nobody-at-all/x"):
        settings.expanded("~nobody-at-all/x")
    for name in ("./~/x", "~$letter.docx", "x~", "a/~/b"):
        assert settings.expanded(name) == name
