"""scripts/measure_redaction.py counts what it says, on vectors whose people are known."""

from __future__ import annotations

import loading
import numpy as np

script = loading.script("measure_redaction")


def test_faces_that_tell_nothing_are_as_often_right_as_by_chance() -> None:
    """Eight people with a vector each: searched for by their own vectors, and by those of their neighbors."""
    people, vectors = np.arange(8), np.eye(8, 16, dtype=np.float32)
    assert script.count(vectors, people, vectors, people, 0.5) == script.Count(8, 8, 8, 1.0, 0.0)
    other = np.roll(vectors, 1, axis=0)
    assert script.count(vectors, people, other, people, 0.5) == script.Count(8, 0, 8, 0.0, 1.0)
    assert script.count(vectors, people, 0 * vectors, people, 0.5).named == 0
