"""The kinds of galleries that every test of this folder runs against. Another kind is one line in KINDS."""

import hashlib
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from gallery_samples import settings

from facekit.gallery import Gallery, Place, create_gallery, place_of
from facekit.gallery.sqlite import indexing

Make = Callable[[Path, pytest.FixtureRequest], Place]


def file(folder: Path, _: pytest.FixtureRequest) -> Place:
    return place_of(folder / "gallery.db")


def file_with_cache(folder: Path, request: pytest.FixtureRequest) -> Place:
    """As a gallery of more than 5,000 templates: searched by codes, with a cache beside it."""
    request.getfixturevalue("monkeypatch").setattr(indexing, "IN_MEMORY", 3)
    return place_of(folder / "gallery.db")


def database(folder: Path, request: pytest.FixtureRequest) -> Place:
    schema = hashlib.sha256(str(folder).encode()).hexdigest()[:20]
    return place_of(request.getfixturevalue("postgres").address(schema=schema))


def database_with_codes(folder: Path, request: pytest.FixtureRequest) -> Place:
    """As one of more than 5,000 templates: searched by the server at first, then by codes in memory."""
    place = database(folder, request)
    patch = request.getfixturevalue("monkeypatch").setattr
    patch("facekit.gallery.postgres.indexing.IN_MEMORY", 3)
    patch("facekit.gallery.postgres.gallery.SEARCHES_ON_SERVER", 20)
    return place


KINDS: dict[str, Make] = {
    "file": file,
    "file with cache": file_with_cache,
    "database": database,
    "database with codes": database_with_codes,
}
"""Each gives a place at which nothing is yet; for the folder it is given, always the same one."""


@pytest.fixture(params=KINDS)
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Place]:
    """Gives places of one kind at which nothing is yet."""
    numbers = count()

    def make() -> Place:
        folder = tmp_path / f"place {next(numbers)}"
        folder.mkdir()
        return KINDS[request.param](folder, request)

    return make


@pytest.fixture
def place(new_place: Callable[[], Place]) -> Place:
    return new_place()


@pytest.fixture
def gallery(place: Place) -> Iterator[Gallery]:
    """An empty gallery, open for writing."""
    with create_gallery(place, settings()) as made:
        yield made
