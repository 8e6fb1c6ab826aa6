"""Marked pictures: readable at every size, labels inside the picture, no letter replaced silently."""

import numpy as np
import pytest

from facekit.rendering import fonts
from facekit.rendering.annotated import NAMED, UNKNOWN, Mark, _place, annotated, marks_of
from facekit.results import Candidate, Detection, Face, Identification, Quality


def gray(width: int, height: int) -> np.ndarray:
    return np.full((height, width, 3), 128, np.uint8)


def identified(subject: str | None, *scores: tuple[str, float]) -> Identification:
    points = np.zeros((5, 2), np.float32)
    crop = np.zeros((112, 112, 3), np.uint8)
    face = Face(Detection((1, 2, 3, 4), 1.0), points, crop, np.zeros(4, np.float32), Quality(9, 9, 9, 0))
    found = tuple(Candidate(rank, name, score) for rank, (name, score) in enumerate(scores, 1))
    score = next((each.score for each in found if subject in (None, each.subject)), None)
    return Identification(face, subject, found, score)


def test_the_score_shown_is_the_subjects_own_or_the_best_of_an_unknown() -> None:
    faces = [identified("b", ("a", 0.9), ("b", 0.8)), identified(None, ("a", 0.2)), identified(None)]
    assert [(mark.name, mark.score, mark.subject) for mark in marks_of(faces)] == [
        ("b", 0.8, True),
        ("unknown", 0.2, False),
        ("unknown", None, False),
    ]


@pytest.mark.parametrize(
    ("size", "drawn"), [((300, 200), (900, 600)), ((900, 900), (900, 900)), ((1, 1), (900, 900))]
)
def test_small_pictures_are_enlarged_so_that_names_can_be_read(
    size: tuple[int, int], drawn: tuple[int, int]
) -> None:
    image, _ = annotated(gray(*size), [])
    assert image.size == drawn


def test_boxes_tell_subjects_from_strangers() -> None:
    marks = [Mark((100, 100, 300, 300), "Ada"), Mark((500, 100, 700, 300), "unknown", 0.2, subject=False)]
    image, notes = annotated(gray(1000, 500), marks)
    assert image.getpixel((100, 200)) == NAMED
    assert image.getpixel((500, 200)) == UNKNOWN
    assert image.getpixel((200, 200)) == (128, 128, 128)
    assert notes == []


def test_letters_grow_with_the_picture() -> None:
    def dark_share(side: int) -> float:
        mark = Mark((side * 0.4, side * 0.4, side * 0.6, side * 0.6), "Ada Lovelace", 0.7)
        pixels = np.asarray(annotated(gray(side, side), [mark])[0])
        return float((pixels < 60).all(axis=2).mean())

    assert dark_share(3000) == pytest.approx(dark_share(1000), rel=0.3)


@pytest.mark.parametrize("box", [(0, 0, 50, 50), (950, 0, 1000, 50), (0, 450, 50, 500), (-40, 460, 990, 600)])
def test_a_label_is_inside_the_picture_wherever_the_face_is(box: tuple[int, int, int, int]) -> None:
    x0, y0, x1, y1 = _place((200, 30), box, (1000, 500), [])
    assert 0 <= x0 < x1 <= 1000
    assert 0 <= y0 < y1 <= 500


def test_labels_of_neighbors_do_not_cover_each_other() -> None:
    first = _place((200, 30), (100, 100, 150, 150), (1000, 500), [])
    second = _place((200, 30), (160, 100, 210, 150), (1000, 500), [first])
    assert second[1] >= first[3] or second[3] <= first[1] or second[0] >= first[2] or second[2] <= first[0]


def test_a_name_without_a_font_is_a_number_and_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "FOLDERS", ())
    fonts._candidates.cache_clear()
    try:
        _, notes = annotated(
            gray(900, 900), [Mark((10, 10, 90, 90), "Ada"), Mark((300, 10, 390, 90), "张伟")]
        )
        assert len(notes) == 1
        assert "张伟" in notes[0]
        assert "face 2" in notes[0]
        assert "fonts-noto" in notes[0]
    finally:
        fonts._candidates.cache_clear()


def test_plain_latin_can_be_written_without_any_font_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "FOLDERS", ())
    fonts._candidates.cache_clear()
    try:
        assert fonts.font_for("Ada Lovelace 0.71", 16) is not None
        assert fonts.font_for("张", 16) is None
    finally:
        fonts._candidates.cache_clear()


def test_a_name_of_300_letters_is_cut() -> None:
    image, _ = annotated(gray(1000, 500), [Mark((400, 200, 500, 300), "x" * 300, 0.5)])
    assert image.size == (1000, 500)
