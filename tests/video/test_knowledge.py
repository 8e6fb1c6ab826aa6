"""What a watch takes from its gallery."""

import math
from pathlib import Path

import numpy as np

from facekit.calibration.threshold import Calibration
from facekit.gallery import NewTemplate, create_gallery
from facekit.gallery.gallery_settings import GallerySettings
from facekit.video.knowledge import FRESH, Knowledge
from facekit.video.voting import limit


def test_a_chosen_threshold_is_taken_as_it_is_and_the_gallerys_own_needs_more_of_who_is_like_many(
    tmp_path: Path,
) -> None:
    clock = iter(range(0, 100, 1 + math.ceil(FRESH)))
    settings = GallerySettings("x", "f", 32, Calibration(0.4, tail=0.03, templates=400))
    with create_gallery(tmp_path / "g.db", settings) as gallery:
        own = Knowledge(gallery, now=lambda: next(clock))
        chosen = Knowledge(gallery, 0.4)
        assert (chosen.limit, chosen.cohort) == (0.4, math.inf)
        assert (own.limit, own.cohort) == (limit(gallery.threshold, 0.03), gallery.cohort)
        assert own.cohort < own.limit
        axes = np.eye(32, dtype=np.float32)
        box = (0, 0, 1, 1)
        gallery.add([NewTemplate(f"p{n}", axes[n], f"{n:064}", "1.jpg", box) for n in range(20)])
        before = own.cohort
        assert own.changed()
        assert own.cohort == gallery.cohort > before
