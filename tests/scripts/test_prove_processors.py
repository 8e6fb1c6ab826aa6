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
