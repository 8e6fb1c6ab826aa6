"""scripts/prove_processors.py reads the vectors that `facekit embed` prints."""

from pathlib import Path

import numpy as np
from loading import script

PHOTO = Path(__file__).parents[1] / "data/astronaut.png"


def test_the_proof_compares_the_vectors_of_all_faces() -> None:
    vectors = script("prove_processors").vectors([str(PHOTO), str(PHOTO)])
    assert len(vectors) == 2
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert (vectors[0] == vectors[1]).all()


def test_cosines_of_the_same_face_and_scores_of_others_are_compared() -> None:
    here = np.eye(3)[:2]
    turned = np.array([[0.6, 0.0, 0.8], [0.0, 1.0, 0.0]])
    assert script("prove_processors").compared(here, turned) == (0.6, 0.0)
    assert script("prove_processors").compared(here, here[:, [1, 0, 2]]) == (0.0, 1.0)
    assert script("prove_processors").compared(here, here[:1])[0] < 0
