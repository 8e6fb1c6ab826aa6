"""scripts/measure_gallery_sizes.py counts who is named wrongly, and who is missed."""

import numpy as np
from loading import script

sizes = script("measure_gallery_sizes")


def people(names: str, *, turn: int = 0) -> sizes.People:
    """Four pictures of each, all alike, and nobody like anybody else."""
    vectors = np.eye(12, dtype=np.float32)[turn : turn + len(names)]
    return sizes.People(np.repeat(vectors, 4, axis=0), np.repeat(list(names), 4))


def test_strangers_and_known_people_have_the_best_of_their_scores() -> None:
    wrong, right, templates = sizes.searches(people("abcd"), None, 2, 6, np.random.default_rng(1))
    assert len(wrong) == 300 * 8
    assert set(wrong) == {0.0}
    assert set(right) == {1.0}
    assert templates == 4


def test_a_gallery_is_filled_up_with_others_who_take_names_from_people_they_are_like() -> None:
    strangers = people("abcd")
    others = people("efgh", turn=4)
    wrong, right, templates = sizes.searches(strangers, others, 6, 1, np.random.default_rng(1))
    assert templates == 6
    assert set(wrong) == {0.0}
    assert set(right) == {1.0}
    wrong, _, _ = sizes.searches(strangers, people("efgh", turn=0), 6, 1, np.random.default_rng(1))
    assert set(wrong) == {1.0}
