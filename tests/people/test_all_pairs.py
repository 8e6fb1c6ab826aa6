"""All pairs are scored, each once where that is wanted, however they are divided into blocks."""

import numpy as np
import pytest

from facekit.people.all_pairs import pair_blocks, score_blocks


@pytest.mark.parametrize("rows", [1, 3, 7, 100])
def test_every_pair_has_its_score_once(rows: int) -> None:
    vectors = np.random.default_rng(1).standard_normal((7, 4)).astype(np.float32)
    exact = vectors @ vectors.T
    whole = np.concatenate([scores for _, scores in score_blocks(vectors, rows)])
    assert whole == pytest.approx(exact, abs=1e-5)
    seen = np.zeros((7, 7), int)
    for first, scores, once in pair_blocks(vectors, rows):
        places = np.s_[first : first + rows, first:]
        assert scores == pytest.approx(exact[places], abs=1e-5)
        seen[places] += once
    assert (seen == np.triu(np.ones((7, 7)), 1)).all()
    assert list(pair_blocks(vectors[:0], rows)) == []
