"""One pipeline and one gallery serve many threads, by every verb, with the results of one thread."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fakes import FakeOptions, photo
from PIL import Image, ImageOps

import facekit

THREADS = 4


def in_threads(work: Callable[[Any], Any], jobs: Sequence[Any]) -> list[Any]:
    """What the work gives for each job, in as many threads at once."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, jobs))


@pytest.fixture(scope="module")
def pictures(astronaut: Path) -> list[bytes]:
    """Photos of one person, each another, as their bytes."""
    with Image.open(astronaut) as image:
        face = image.convert("RGB").crop((100, 0, 356, 256))
    made = [face, ImageOps.mirror(face), ImageOps.grayscale(face), ImageOps.autocontrast(face)]
    made += [face.crop((number, number, 256, 256)) for number in (10, 20, 30, 40)]
    files = [io.BytesIO() for _ in made]
    for picture, file in zip(made, files, strict=True):
        picture.save(file, "PNG")
    return [file.getvalue() for file in files]


def test_identify_and_verify_in_threads_give_what_one_thread_gives(
    pictures: list[bytes], tmp_path: Path
) -> None:
    pipeline, options = facekit.Pipeline(threads=1), facekit.Options()
    facekit.enroll(pictures[0], tmp_path / "g.db", subject="Eileen", options=options, pipeline=pipeline)
    with facekit.open_gallery(tmp_path / "g.db") as gallery:

        def both(data: bytes) -> tuple[Any, Any]:
            [found] = facekit.identify(data, gallery, options=options, pipeline=pipeline)
            same = facekit.verify(data, pictures[0], options=options, pipeline=pipeline)
            return found.to_dict(), same.to_dict()

        alone = [both(data) for data in pictures]
        assert alone[0][0]["faces"][0]["subject"] == "Eileen"
        assert in_threads(both, pictures * 2) == alone * 2


def test_threads_enroll_into_one_gallery_and_see_each_others_people(tmp_path: Path) -> None:
    options, colors = FakeOptions(), ("red", "green", "blue", "yellow")
    for color in colors:
        photo(tmp_path / f"{color}.png", color, seed=1)
    pipeline = options.pipeline()

    def enroll(color: str) -> str | None:
        path = tmp_path / f"{color}.png"
        facekit.enroll(path, tmp_path / "g.db", subject=color, options=options, pipeline=pipeline)
        [found] = facekit.identify(path, tmp_path / "g.db", options=options, pipeline=pipeline)
        return found.faces[0].subject

    assert in_threads(enroll, colors) == list(colors)
    assert [subject.name for subject in facekit.gallery_list(tmp_path / "g.db")] == sorted(colors)


def test_a_service_waits_in_threads_and_sees_who_is_enrolled_meanwhile(tmp_path: Path) -> None:
    options = FakeOptions()
    red, green = photo(tmp_path / "red.png", "red"), photo(tmp_path / "green.png", "green")
    facekit.enroll(red, tmp_path / "g.db", subject="red", options=options)
    pipeline = options.pipeline()

    async def serve() -> list[str | None]:
        with facekit.open_gallery(tmp_path / "g.db") as gallery:

            def answer(path: Path) -> str | None:
                [found] = facekit.identify(path, gallery, options=options, pipeline=pipeline)
                return found.faces[0].subject

            before = await asyncio.gather(*(asyncio.to_thread(answer, path) for path in (red, green)))
            facekit.enroll(green, tmp_path / "g.db", subject="green", options=options)
            return [*before, await asyncio.to_thread(answer, green)]

    assert asyncio.run(serve()) == ["red", None, "green"]
