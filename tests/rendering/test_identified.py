"""Why a face has no name, in words."""

import numpy as np
import pytest

from facekit.rendering.identified import names_line, why_unknown
from facekit.results import Candidate, Detection, Face, Identification, PictureResult, Quality


def unknown(reason: str | None, *contenders: str) -> Identification:
    points, crop = np.zeros((5, 2), np.float32), np.zeros((112, 112, 3), np.uint8)
    face = Face(Detection((0, 0, 9, 9), 1.0), points, crop, np.zeros(4, np.float32), Quality(9, 9, 9, 0))
    return Identification(face, None, (Candidate(1, "Ada", 0.4),), 0.4, reason, contenders)


@pytest.mark.parametrize(
    ("reason", "contenders", "short", "long"),
    [
        ("below_threshold", (), "unknown", None),
        ("ambiguous", ("Ada", "Ben"), "unknown (Ada or Ben: equal)", "equally like Ada and Ben"),
        ("like_many", ("Ada",), "unknown (like Ada and others)", "like Ada, and nearly as like others"),
        (
            "too_poor",
            ("Ada",),
            "unknown (like poor pictures of Ada)",
            "of whom only poor pictures are enrolled",
        ),
        ("denied", ("Ada",), "unknown (not Ada, as was said)", "like Ada, who it is not, as was said"),
    ],
)
def test_an_unknown_face_has_its_reason_in_words(
    reason: str, contenders: tuple[str, ...], short: str, long: str | None
) -> None:
    face = unknown(reason, *contenders)
    assert names_line(PictureResult("party.jpg", (face,))) == f"party.jpg: {short}"
    words = why_unknown(face)
    assert words is None if long is None else long in str(words)
