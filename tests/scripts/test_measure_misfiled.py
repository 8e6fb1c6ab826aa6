"""scripts/measure_misfiled.py counts what it says, on vectors whose people are known."""

from __future__ import annotations

import loading
import numpy as np

script = loading.script("measure_misfiled")


def people() -> object:
    """Eight people of four equal photos: one of them under another name is as like as one under the right."""
    numbers = np.repeat(np.arange(8), 4)
    return script.Photos(np.eye(8, 16, dtype=np.float32)[numbers], numbers, np.tile(np.arange(4), 8))


def test_right_folders_give_right_names() -> None:
    assert script.clean(people(), 2, 0.5, 0.1) == script.Counts(32, 32, 0, 0)


def test_a_misfiled_photo_of_somebody_is_too_close_to_name_anybody() -> None:
    counts = script.misfiled(people(), 2, 0.5, 0.1, seed=0)
    assert counts == script.Counts(32, 0, 0, 32)
