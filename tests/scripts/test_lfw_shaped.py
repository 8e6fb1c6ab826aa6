"""The script that gives photos LFW's layout says how many pairs there can be."""

from __future__ import annotations

import click
import pytest
from loading import script

shaped = script("lfw_shaped")
PHOTOS = {f"p{number}": [b""] * 4 for number in range(6)}


def test_the_pairs_that_a_refusal_advises_are_there() -> None:
    with pytest.raises(click.ClickException, match=r"take --pairs 18, or fewer --folds"):
        list(shaped.pair_lines(PHOTOS, 2, 300, 0))
    assert len(list(shaped.pair_lines(PHOTOS, 2, 18, 0))) == 1 + 2 * 2 * 18


def test_folds_of_one_person_have_no_pairs_of_two() -> None:
    with pytest.raises(click.ClickException, match="take fewer --folds, or more people"):
        list(shaped.pair_lines(PHOTOS, 6, 1, 0))
