"""scripts/measure_mixtures.py counts what it says, on vectors whose people are known."""

import loading
import numpy as np

script = loading.script("measure_mixtures")


def test_two_people_are_divided_and_refused_and_one_is_not() -> None:
    random = np.random.default_rng(0)
    everybody = [np.float32(middle + 0.05 * random.standard_normal((12, 32))) for middle in np.eye(32)[:4]]
    everybody = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in everybody]
    for several, expected in ((1, False), (2, True), (3, True)):
        mixed = script.sample(everybody, several, 12, random)
        assert len(mixed) == 12
        assert (script.is_divided(mixed, 0.5), script.is_refused(mixed, 0.5)) == (expected, expected)
