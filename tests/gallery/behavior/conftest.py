"""The kinds of galleries that every test of this folder runs against. Another kind is one line in KINDS."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from gallery_samples import settings

from facekit.gallery import Gallery, Place, create_gallery, place_of
from facekit.gallery.sqlite import indexing

Make = Callable[[Path, pytest.MonkeyPatch], Place]


def file(folder: Path, _: pytest.MonkeyPatch) -> Place:
    return place_of(folder / "gallery.db")


def file_with_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """As a gallery of more than 5,000 templates: searched by codes, with a cache beside it."""
    monkeypatch.setattr(indexing, "IN_MEMORY", 3)
    return place_of(folder / "gallery.db")


KINDS: dict[str, Make] = {"file": file, "file with cache": file_with_cache}
"""Each gives a place at which nothing is yet; for the folder it is given, always the same one."""


@pytest.fixture(params=KINDS)
def new_place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], Place]:
    """Gives places of one kind at which nothing is yet."""
    numbers = count()

    def make() -> Place:
        folder = tmp_path / f"place {next(numbers)}"
        folder.mkdir()
        return KINDS[request.param](folder, monkeypatch)

    return make


@pytest.fixture
def place(new_place: Callable[[], Place]) -> Place:
    return new_place()


@pytest.fixture
def gallery(place: Place) -> Iterator[Gallery]:
    """An empty gallery, open for writing."""
    with create_gallery(place, settings()) as made:
        yield made
