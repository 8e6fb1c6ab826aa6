"""scripts/measure_gallery_sizes.py counts who is named wrongly, and who is missed."""

import numpy as np
from loading import script


def test_strangers_named_and_known_people_missed_are_counted_at_each_threshold() -> None:
    people = np.repeat(["a", "b", "c", "d"], 4)
    vectors = np.repeat(np.eye(4, dtype=np.float32), 4, axis=0)
    chance = np.random.default_rng(1)
    found = script("measure_gallery_sizes").rates(vectors, people, 2, (-0.1, 0.5, 1.1), chance)
    assert found == [(1.0, 0.0), (0.0, 0.0), (0.0, 1.0)]
