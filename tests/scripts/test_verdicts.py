"""scripts/verdicts.py names whom `identify` names."""

import numpy as np
from loading import script

from facekit.calibration.threshold import Calibration
from facekit.gallery import NewTemplate, create_gallery
from facekit.gallery.gallery_settings import GallerySettings
from facekit.people.identification import name_faces
from facekit.results import Detection, Face, Quality

verdicts = script("verdicts")


def face(vector: np.ndarray) -> Face:
    points, crop = np.zeros((5, 2), np.float32), np.zeros((112, 112, 3), np.uint8)
    return Face(Detection((0, 0, 9, 9), 1.0), points, crop, vector, Quality(9, 9, 9, 0))


def test_the_verdicts_are_those_of_a_gallery(tmp_path) -> None:
    """Thirty people with pictures that have much in common, so that all reasons to be unknown occur."""
    chance = np.random.default_rng(5)
    raw = chance.normal(size=(160, 16)) + 1.2 * np.eye(16)[0]
    vectors = (raw / np.linalg.norm(raw, axis=1)[:, None]).astype(np.float32)
    subjects = chance.integers(0, 30, 60)
    probes = np.concatenate([vectors[60:], vectors[:20]])
    calibration = Calibration(0.55, tail=0.05, templates=60)
    templates = [
        NewTemplate(f"{subject}", vector, f"{number:064}", "1.jpg", (0, 0, 1, 1))
        for number, (subject, vector) in enumerate(zip(subjects, vectors[:60], strict=True))
    ]
    settings = GallerySettings("x", "f", 16, calibration)
    with create_gallery(tmp_path / "g.db", settings, templates=templates) as gallery:
        named = name_faces(gallery, [face(probe) for probe in probes], allow_repeats=True)
        limits = gallery.threshold, gallery.cohort
    found = verdicts.verdicts(probes @ vectors[:60].T, subjects, *limits)
    assert [None if name < 0 else str(name) for name in found] == [each.subject for each in named]
    reasons = {each.reason for each in named}
    assert reasons >= {None, "below_threshold", "ambiguous", "like_many"}
