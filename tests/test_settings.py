"""Where galleries are, and what `~` means."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

import pytest

from facekit import settings
from facekit.errors import UsageError
from facekit.gallery import usual_places
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


@pytest.mark.parametrize("value", ["", "relative/data"])
def test_without_a_usable_folder_for_data_it_is_the_one_below_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", value)
    assert settings.user_gallery() == tmp_path / "home/.local/share/facekit/gallery.db"


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
    assert usual_places.to_read() == [FilePlace(home)]
    assert usual_places.to_write() == FilePlace(home)
    monkeypatch.setenv("XDG_DATA_HOME", "~/data")
    assert settings.user_gallery() == tmp_path / "home/data/facekit/gallery.db"


def test_the_home_of_another_user_is_known_or_it_is_an_error() -> None:
    user = getpass.getuser()
    assert settings.expanded(f"~{user}/x") == os.path.join(os.path.expanduser(f"~{user}"), "x")
    with pytest.raises(UsageError, match=r"no user nobody-at-all: write \./~nobody-at-all/x"):
        settings.expanded("~nobody-at-all/x")
    for name in ("./~/x", "~$letter.docx", "x~", "a/~/b"):
        assert settings.expanded(name) == name
