"""scripts/measure_gallery_sizes.py counts who is named wrongly, and who is missed."""

import numpy as np
from loading import script

from facekit.calibration.threshold import Calibration

sizes = script("measure_gallery_sizes")


def people(names: str, *, turn: int = 0) -> sizes.People:
    """Four pictures of each, all alike, and nobody like anybody else."""
    vectors = np.eye(12, dtype=np.float32)[turn : turn + len(names)]
    return sizes.People(np.repeat(vectors, 4, axis=0), np.repeat(list(names), 4))


def searches(strangers: sizes.People, others: sizes.People | None, size: int, photos: int) -> sizes.Searches:
    return sizes.searches(strangers, others, size, photos, Calibration(0.5), np.random.default_rng(1))


def test_strangers_and_known_people_have_the_best_of_their_scores() -> None:
    found = searches(people("abcd"), None, 2, 6)
    assert len(found.strangers) == 300 * 8
    assert set(found.strangers) == {0.0}
    assert set(found.known) == {1.0}
    assert found.templates == 4
    assert not found.named.any()
    assert not found.missed.any()


def test_a_gallery_is_filled_up_with_others_who_take_names_from_people_they_are_like() -> None:
    strangers = people("abcd")
    found = searches(strangers, people("efgh", turn=4), 6, 1)
    assert found.templates == 6
    assert set(found.strangers) == {0.0}
    assert set(found.known) == {1.0}
    assert not found.missed.any()
    found = searches(strangers, people("efgh", turn=0), 6, 1)
    assert set(found.strangers) == {1.0}
    assert found.named.all()
    assert found.missed.all(), "each is as like one of the others"
