"""What a user may give as the place of a gallery, and what is refused in one line."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from gallery_samples import create, people, settings

from facekit.errors import DependencyError, GalleryError, UsageError
from facekit.gallery import copy_gallery, create_gallery, open_gallery, place_of, places
from facekit.gallery.base import is_gallery
from facekit.gallery.places import Server, is_place
from facekit.gallery.sqlite.place import FilePlace

SECRET = "oracle://ann:s3cret@db.example/people?schema=x&password=s3cret"


def test_a_file_a_folder_and_a_place_are_places(tmp_path):
    assert place_of(tmp_path / "people.db") == place_of(str(tmp_path / "people.db"))
    assert place_of(tmp_path) == FilePlace(tmp_path / "gallery.db")
    place = FilePlace(Path("~root"))
    assert place_of(place) is place
    assert (str(place), place.argument) == ("~root", "./~root")
    assert is_place(place)
    assert not any(map(is_place, (tmp_path, "people.db", None, 5)))


@pytest.mark.parametrize("wrong", [None, 5, b"gallery.db", ["gallery.db"]])
def test_what_is_no_place_is_refused(wrong):
    with pytest.raises(UsageError, match="the gallery is"):
        place_of(wrong)


@pytest.mark.parametrize("opening", [open_gallery, place_of])
def test_an_address_of_an_unknown_kind_is_refused_in_one_line_without_its_password(opening):
    with pytest.raises(UsageError) as raised:
        opening(SECRET)
    message = str(raised.value)
    assert message.startswith("oracle://db.example/people: there are no galleries at oracle://: give a file")
    assert "or an address that begins with postgresql://" in message
    assert "s3cret" not in message
    assert "\n" not in message


def test_an_address_whose_extra_is_missing_says_what_to_install(monkeypatch):
    monkeypatch.setitem(places.SERVERS, "oracle", Server("facekit.none", "no_such_package", "postgres"))
    with pytest.raises(DependencyError) as raised:
        place_of(SECRET)
    message = str(raised.value)
    assert "oracle://db.example/people: galleries at oracle:// need the extra 'postgres'" in message
    assert "pip install" in message
    assert "s3cret" not in message


def test_another_kind_is_one_module_and_one_line(monkeypatch, tmp_path):
    module = ModuleType("facekit_of_somebody_else")
    module.place_of = lambda address: FilePlace(tmp_path / address.partition("://")[2])
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(places.SERVERS, "mem", Server(module.__name__, "sqlite3", "mem"))
    create(tmp_path / "people", people(1)).close()
    with open_gallery("MEM://people") as gallery:
        assert gallery.names() == ["person 000"]
    with pytest.raises(UsageError, match="or an address that begins with mem://"):
        place_of("other://x")


def test_a_new_gallery_has_its_folder_made(tmp_path):
    file = tmp_path / "new" / "folder" / "people.db"
    with create_gallery(file, settings()) as made:
        assert is_gallery(made)
        assert not is_gallery(made.place)
    assert file.is_file()


def test_the_shipped_gallery_is_not_to_be_changed(monkeypatch, tmp_path):
    create(tmp_path / "shipped.db").close()
    (tmp_path / "link.db").symlink_to(tmp_path / "shipped.db")
    monkeypatch.setattr("facekit.settings.reference_gallery", lambda: tmp_path / "shipped.db")
    for name in ("shipped.db", "link.db"):
        assert place_of(tmp_path / name).is_shipped
        with pytest.raises(GalleryError, match="stays as it is"):
            place_of(tmp_path / name).require_writable()


def test_a_copy_may_go_into_a_folder_and_says_what_is_in_it(tmp_path):
    create(tmp_path / "people.db", people(3)).close()
    (tmp_path / "backup").mkdir()
    copied = copy_gallery(tmp_path / "people.db", tmp_path / "backup")
    assert copied.place == FilePlace(tmp_path / "backup" / "people.db")
    assert (copied.subjects, copied.templates, copied.settings.embedder) == (3, 6, "small")
    with open_gallery(copied.place) as gallery:
        assert len(gallery) == 6
    with pytest.raises(GalleryError, match="not overwritten"):
        copy_gallery(tmp_path / "people.db", copied.place)
