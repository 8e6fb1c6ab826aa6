"""Boxes lie within their picture, whatever a detector says, and pictures say how large they are."""

import io
from pathlib import Path

import pytest
from PIL import Image

import facekit
from facekit.results import Detection


def test_of_a_box_there_is_what_lies_in_the_picture() -> None:
    over = Detection((-3.0, 5.0, 60.0, 200.0), 0.9)
    assert over.inside((50, 100)).box == (0.0, 5.0, 50.0, 100.0)
    within = Detection((1.0, 2.0, 3.0, 4.0), 0.9)
    assert within.inside((50, 100)) is within


@pytest.mark.parametrize("edges", [(0, 95, 512, 400), (200, 0, 512, 300), (0, 0, 240, 300)])
def test_a_face_at_the_edge_ends_there(astronaut: Path, edges: tuple[int, int, int, int]) -> None:
    with Image.open(astronaut) as image:
        part = image.convert("RGB").crop(edges)
    file = io.BytesIO()
    part.save(file, "PNG")
    [found] = facekit.detect(file.getvalue())
    result = found.to_dict()
    assert (result["width"], result["height"]) == part.size
    [face] = result["faces"]
    x0, y0, x1, y1 = face["box"]
    assert 0 <= x0 < x1 <= part.width
    assert 0 <= y0 < y1 <= part.height
    assert 0.0 in (x0, y0) or x1 == part.width
