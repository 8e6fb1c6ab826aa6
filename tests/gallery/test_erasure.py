"""What is removed leaves no byte in any file of the gallery."""

from pathlib import Path

import pytest
from gallery_samples import create, people, template

from facekit.errors import GalleryError
from facekit.gallery import Gallery, check, index
from facekit.gallery.search import encode

SECRET = "Żaneta Ścisła-Łęcka"


@pytest.fixture(params=["small", "large"])
def path(tmp_path, monkeypatch, request):
    if request.param == "large":
        monkeypatch.setattr(index, "IN_MEMORY", 10)
    return tmp_path / "gallery.db"


def secrets(subject=SECRET, count=30):
    return [template(subject, number, source=f"album/{subject}/{number}.jpg") for number in range(count)]


def traces(folder: Path, templates) -> list[str]:
    """Where a name, or 16 bytes of a vector or of its codes, still stand in a file of the folder."""
    marks = {templates[0].subject.encode()}
    for item in templates:
        vector, codes = item.vector.tobytes(), encode(item.vector[None])[0].tobytes()
        marks |= {data[start : start + 16] for data in (vector, codes) for start in range(0, len(data), 16)}
    found = []
    for file in folder.iterdir():
        content = file.read_bytes()
        found += [file.name for mark in marks if mark in content]
    return found


def fill(path):
    """A gallery in which the secret's rows lie among others, on pages that were split."""
    gallery = create(path, people(30))
    for number, item in enumerate(secrets()):
        gallery.add([item, template(f"later {number}")])
    gallery.search(secrets()[0].vector[None])
    return gallery


def test_the_search_for_traces_finds_them(path):
    with fill(path):
        assert traces(path.parent, secrets())


def test_remove(path):
    with fill(path) as gallery:
        assert gallery.remove([SECRET]) == 30
        assert traces(path.parent, secrets()) == []
        assert gallery.search(secrets()[0].vector[None])[0][0].subject != SECRET
        assert traces(path.parent, secrets()) == []
    assert check(path) == []


def test_remove_while_another_process_has_it_open(path):
    with fill(path) as gallery, Gallery.open(path) as reader:
        reader.search(secrets()[0].vector[None])
        gallery.remove([SECRET])
        assert traces(path.parent, secrets()) == []
        reader.search(secrets()[0].vector[None])
        assert traces(path.parent, secrets()) == []


def test_remove_photos(path):
    with fill(path) as gallery:
        gone, kept = secrets()[:20], secrets()[20:]
        assert not gallery.remove_photos(SECRET, [item.source for item in gone])
        assert traces(path.parent, [template("nobody"), *gone]) == []
        assert [item.source for item in gallery.templates(SECRET)] == [item.source for item in kept]
        assert gallery.remove_photos(SECRET, [item.sha256[:8] for item in kept])
        assert traces(path.parent, secrets()) == []
    assert check(path) == []


def test_rename_and_merge_erase_the_old_name(path):
    with fill(path) as gallery:
        gallery.rename(SECRET, "Ann")
        assert SECRET not in {subject.name for subject in gallery.subjects()}
        gallery.add([template(SECRET)])
        gallery.merge("Ann", [SECRET])
        mark = [template(SECRET, source="photo.jpg")]
        assert [item.source for item in gallery.templates("Ann")]
        content = b"".join(file.read_bytes() for file in path.parent.iterdir())
    # The old name may stand in the source's path, which still is that template's.
    assert content.count(mark[0].subject.encode()) == content.count(f"album/{SECRET}/".encode())


def test_a_removal_that_was_cut_short_is_finished_by_the_next_writer(path, monkeypatch):
    gallery = fill(path)
    with monkeypatch.context() as patch:
        patch.setattr(Gallery, "_erase", lambda self: None)
        gallery.remove([SECRET])
    gallery.close()
    assert [problem.kind for problem in check(path)] == ["erasing"]
    Gallery.open(path, write=True).close()
    assert traces(path.parent, secrets()) == []
    assert check(path) == []


def test_a_reader_that_holds_the_log_is_told_and_the_next_writer_finishes(path, monkeypatch):
    gallery = fill(path)
    gallery._connection.execute("PRAGMA busy_timeout = 50")
    with Gallery.open(path) as reader, reader.snapshot():
        reader.subjects()
        with pytest.raises(GalleryError, match="another process is reading"):
            gallery.remove([SECRET])
        assert len(gallery.templates()) == 90
    gallery.close()
    Gallery.open(path, write=True).close()
    assert traces(path.parent, secrets()) == []
