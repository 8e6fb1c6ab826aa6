"""Pictures to vectors: which face of several, what a failure is, and the mirror image."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fakes import FakeOptions, photo
from PIL import Image

from facekit.calibration.poorness import Poorness
from facekit.errors import UsageError
from facekit.evaluation import pictures
from facekit.faces.reading import Reading
from facekit.people.photos_to_enroll import plan
from facekit.results import Detection, Face, Quality


def face(*box: float) -> Face:
    side = min(box[2] - box[0], box[3] - box[1])
    empty = np.zeros((1, 1, 3), np.uint8)
    return Face(Detection(box, 1.0), np.zeros((5, 2)), empty, np.zeros(3), Quality(side, 1, 1, 0))


def test_of_several_faces_the_largest_and_most_central() -> None:
    """A face a little larger in the corner does not count for more than the one in the middle."""
    middle, corner, huge = face(80, 80, 120, 120), face(0, 0, 42, 42), face(0, 0, 150, 150)
    assert pictures.main_face(Reading("a", (corner, middle), size=(200, 200))) is middle
    assert pictures.main_face(Reading("a", (middle, huge), size=(200, 200))) is huge


def test_photos_give_a_vector_each_or_a_failure(tmp_path: Path) -> None:
    options: Any = FakeOptions()
    photo(tmp_path / "1.png", "red", "green")
    photo(tmp_path / "2.png")
    (tmp_path / "3.png").write_bytes(b"no picture")
    photo(tmp_path / "4.png", "red")
    told: list[tuple[int, int]] = []
    found = pictures.of_photos(
        [str(tmp_path / f"{n}.png") for n in (1, 2, 3, 4)],
        options,
        options.pipeline(),
        report=lambda done, total: told.append((done, total)),
    )
    assert found.rows.tolist() == [0, -1, -1, 1]
    assert (found.several, found.failed, len(found.problems)) == (1, 2, 1)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    scores = found.scores(np.array([0, 0, 1]), np.array([3, 1, 2]))
    assert np.isfinite(scores).tolist() == [True, False, False]


class Halves:
    """An embedder whose vector tells left from right."""

    dimension = 2
    spec = SimpleNamespace(side=112, flip=False, poorness=Poorness((1.0, 0.0), 0.0, 0.0, -3.0, 0.01))

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        halves = np.stack([crops[:, :, :56].mean((1, 2, 3)), crops[:, :, 56:].mean((1, 2, 3))], 1)
        return (halves / np.linalg.norm(halves, axis=1, keepdims=True)).astype(np.float32)

    def with_norms(self, crops: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self(crops), np.ones(len(crops), np.float32)


def test_crops_go_in_as_they_are_and_flip_averages_with_the_mirror_image(tmp_path: Path) -> None:
    pixels = np.zeros((112, 112, 3), np.uint8)
    pixels[:, :56] = 200
    Image.fromarray(pixels).save(tmp_path / "crop.png")
    Image.fromarray(pixels[:50]).save(tmp_path / "wide.png")
    embedder: Any = Halves()
    paths = [str(tmp_path / "crop.png"), str(tmp_path / "wide.png"), str(tmp_path / "none.png")]
    plain = pictures.of_crops(paths, embedder)
    assert plain.rows.tolist() == [0, -1, -1]
    assert plain.vectors.tolist() == [[1, 0]]
    assert plain.stranger_rates == pytest.approx([0.01])
    assert "square, this is 112×50" in plain.problems[0]
    flipped = pictures.of_crops(paths[:1], embedder, flip=True)
    assert flipped.vectors[0].tolist() == pytest.approx([0.5**0.5] * 2)
    again = pictures.of_crops(["x:0"], embedder, contents=[(tmp_path / "crop.png").read_bytes()])
    assert again.vectors.tolist() == [[1, 0]]


def test_more_crops_than_a_batch_keep_their_order(tmp_path: Path) -> None:
    data = []
    for shade in range(70):
        pixels = np.full((112, 112, 3), 100, np.uint8)
        pixels[:, :56] = shade + 1
        Image.fromarray(pixels).save(tmp_path / "x.png")
        data.append((tmp_path / "x.png").read_bytes())
    data[40] = b"damaged"
    embedder: Any = Halves()
    found = pictures.of_crops([f"x:{n}" for n in range(70)], embedder, contents=data)
    assert found.rows[39:42].tolist() == [39, -1, 40]
    shades = found.vectors[:, 0] / found.vectors[:, 1] * 100
    assert shades.tolist() == pytest.approx([n + 1 for n in range(70) if n != 40], rel=1e-4)


def test_people_are_sub_folders(tmp_path: Path) -> None:
    photo(tmp_path / "b" / "1.png", "red")
    photo(tmp_path / "a" / "deep" / "2.png", "red")
    photo(tmp_path / ".hidden" / "3.png", "red")
    photo(tmp_path / "loose.png", "red")
    paths, names = pictures.people(tmp_path)
    assert names == ["a", "b"]
    assert [Path(path).name for path in paths] == ["2.png", "1.png"]
    for wrong in (tmp_path / "none", tmp_path / "b"):
        with pytest.raises(UsageError, match="sub-folder"):
            pictures.people(wrong)


def test_a_folder_is_named_as_enrolling_names_it(tmp_path: Path) -> None:
    photo(tmp_path / "Jose\u0301" / "1.png", "red")
    photo(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")) / "1.png", "red")
    enrolled = {each.subject for each in plan([str(tmp_path)]).photos}
    assert sorted(pictures.people(tmp_path)[1]) == sorted(enrolled)
    assert "Jos\u00e9" in pictures.people(tmp_path)[1]
