"""Long pictures are looked at in parts, and each face of them is told once, where it is."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from facekit.detection import strips
from facekit.detection.geometry import resized
from facekit.faces.pipeline import Pipeline
from facekit.pictures import images
from facekit.results import Detection, Picture, Pixels

FACE = 60


def white(pixels: Pixels) -> list[Detection]:
    """A detector of what is white; it tells a part of it as well."""
    found = []
    columns = np.flatnonzero((pixels[..., 0] > 200).any(axis=0))
    for group in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1):
        if len(group):
            rows = np.flatnonzero((pixels[:, group, 0] > 200).any(axis=1))
            box = (float(group[0]), float(rows[0]), group[-1] + 1.0, rows[-1] + 1.0)
            found.append(Detection(box, 0.5, np.full((5, 2), box[:2], np.float32)))
    return found


@pytest.mark.parametrize("turned", [False, True])
def test_each_face_of_a_long_picture_is_found_once_where_it_is(turned: bool) -> None:
    places = [(0, 0), (1_780, 20), (1_880, 40), (3_675, 5), (5_600, 0), (11_940, 40)]
    pixels = np.zeros((100, 12_000, 3), np.uint8)
    for left, top in places:
        pixels[top : top + FACE, left : left + FACE] = 255

    def look(part: Pixels) -> list[Detection]:
        assert max(part.shape[:2]) <= 2_000
        seen = [turn(face) for face in white(part.swapaxes(0, 1))] if turned else white(part)
        return [resized(face, 2) for face in seen]

    shown = pixels.swapaxes(0, 1) if turned else pixels
    found = strips.detect(shown, look, scale=2, min_face=20)
    faces = [turn(face) for face in found] if turned else found
    assert sorted(face.box for face in faces) == [
        (2.0 * left, 2.0 * top, 2.0 * (left + FACE), 2.0 * (top + FACE)) for left, top in places
    ]


def test_a_sliver_has_few_parts() -> None:
    looks: list[Pixels] = []

    def look(part: Pixels) -> list[Detection]:
        looks.append(part)
        return []

    assert strips.detect(np.zeros((1, 65_535, 3), np.uint8), look, scale=1, min_face=20) == []
    assert len(looks) < 40


def turn(face: Detection) -> Detection:
    x0, y0, x1, y1 = face.box
    return Detection((y0, x0, y1, x1), face.score, face.points)


def test_a_face_in_a_long_screenshot_is_not_passed_over() -> None:
    face = Image.open(Path(__file__).parents[1] / "data" / "astronaut.png").convert("RGB")
    face = face.crop((120, 0, 380, 260)).resize((150, 150))
    screenshot = Image.new("RGB", (300, 9_000), (235, 238, 240))
    screenshot.paste(face, (70, 5_540))
    [found] = Pipeline(threads=1).detect(Picture("chat.png", np.asarray(screenshot), ""))
    x0, y0, x1, y1 = found.box
    assert 70 < x0 < x1 < 220
    assert 5_540 < y0 < y1 < 5_690
    assert found.points is not None
    assert 5_540 < found.points[:, 1].min() < found.points[:, 1].max() < 5_690


@pytest.mark.parametrize(("size", "scale"), [((8_000, 6_000), 4), ((8_000, 1_000), 2), ((8_000, 400), 1)])
def test_a_long_picture_is_decoded_no_smaller_than_its_parts_need(
    tmp_path: Path, size: tuple[int, int], scale: int
) -> None:
    file = tmp_path / "wide.jpg"
    Image.new("RGB", size, "gray").save(file)
    assert images.decode(file.read_bytes(), "wide.jpg", longest=2_000).scale == scale
