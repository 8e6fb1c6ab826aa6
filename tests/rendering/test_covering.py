"""A redacted face is gone, what is around it stays, and how large it was makes no difference."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from facekit.faces.pipeline import Pipeline
from facekit.pictures import images
from facekit.rendering.covering import CELLS, METHODS, SHAPES, Cover, redacted
from facekit.results import Picture

NOISE = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
BOX = (40.0, 20.0, 100.0, 80.0)
WAYS = [Cover(method, shape) for method, shape in product(METHODS, SHAPES)]


@pytest.mark.parametrize("cover", WAYS)
def test_the_whole_box_changes_and_nothing_far_from_it(cover: Cover) -> None:
    changed = redacted(NOISE, [BOX], cover)
    same = (changed == NOISE).all(axis=2)
    assert same[20:80, 40:100].mean() < 0.01
    assert same[:, 116:].all()
    assert same[96:].all()
    assert np.array_equal(NOISE, np.random.default_rng(0).integers(0, 256, NOISE.shape, dtype=np.uint8))


@pytest.mark.parametrize("method", ["blur", "pixelate"])
def test_what_is_left_are_the_means_of_a_few_cells(method: str) -> None:
    """Of two faces whose cells have the same means, nothing tells one from the other."""
    cover = Cover(method, "box", around=1.0)  # type: ignore[arg-type]
    chance = np.random.default_rng(1)
    face = chance.integers(0, 256, (90, 90, 3), dtype=np.uint8)
    count = CELLS[cover.method]
    cells = face.reshape(count, 90 // count, count, 90 // count, 3)
    shuffled = chance.permuted(cells, axis=1)
    other = shuffled.reshape(90, 90, 3)
    assert not np.array_equal(face, other)
    both = [redacted(pixels, [(0, 0, 90, 90)], cover).astype(int) for pixels in (face, other)]
    assert np.abs(both[0] - both[1]).max() <= 1
    if method == "pixelate":
        assert len(np.unique(both[0].reshape(-1, 3), axis=0)) == count**2


def test_a_cover_is_of_one_color() -> None:
    assert not redacted(NOISE, [BOX], Cover("cover", "box"))[20:80, 40:100].any()


@pytest.mark.parametrize(
    "box", [(-30.0, -30.0, 20.0, 20.0), (150.0, 100.0, 200.0, 150.0), (500.0, 0.0, 600.0, 90.0)]
)
def test_a_face_over_the_edge_is_redacted_as_far_as_it_is_there(box: tuple[float, ...]) -> None:
    for cover in WAYS:
        assert redacted(NOISE, [box], cover).shape == NOISE.shape  # type: ignore[list-item]


@pytest.mark.parametrize("cover", WAYS)
def test_neither_the_detector_nor_the_embedder_knows_the_face_again(cover: Cover, astronaut: Path) -> None:
    picture = images.read(astronaut)
    pipeline = Pipeline(threads=1)
    [face] = pipeline.faces(picture)
    hidden = Picture("", redacted(picture.pixels, [face.detection.box], cover), "")
    assert pipeline.faces(hidden) == []
    # Whoever knows where the face was learns nothing from the place either.
    [again] = pipeline.describe(hidden, [face.detection])
    assert float(face.vector @ again.vector) < pipeline.spec.threshold - 0.1
