"""B-cubed, by hand and by its laws."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facekit.evaluation.bcubed import b_cubed

items = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30)


def test_by_hand() -> None:
    # Groups {a a b} and {b}: precisions 2/3 2/3 1/3 1, recalls 1 1 1/2 1/2.
    found = b_cubed("aabb", [1, 1, 1, 2])
    assert found.precision == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1) / 4)
    assert found.recall == pytest.approx((1 + 1 + 1 / 2 + 1 / 2) / 4)
    assert found.f == pytest.approx(2 * 0.6666667 * 0.75 / (0.6666667 + 0.75))
    assert found.items == 4


@pytest.mark.parametrize(
    ("groups", "precision", "recall"),
    [([1, 1, 2, 2], 1, 1), ([1, 2, 3, 4], 1, 0.5), ([1, 1, 1, 1], 0.5, 1)],
    ids=["right", "all alone", "all together"],
)
def test_the_extremes(groups: list[int], precision: float, recall: float) -> None:
    found = b_cubed("aabb", groups)
    assert (found.precision, found.recall) == (precision, recall)


def test_nothing_to_group_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one"):
        b_cubed([], [])


@given(items)
def test_between_nothing_and_one_and_the_names_of_groups_do_not_matter(pairs: list[tuple[int, int]]) -> None:
    classes, groups = zip(*pairs, strict=True)
    found = b_cubed(classes, groups)
    assert 0 < found.precision <= 1
    assert 0 < found.recall <= 1
    assert found == b_cubed(classes, [f"group {number}" for number in groups])
    swapped = b_cubed(groups, classes)
    assert (swapped.precision, swapped.recall) == pytest.approx((found.recall, found.precision))
