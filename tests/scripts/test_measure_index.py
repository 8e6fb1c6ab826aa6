"""The measured index is one that `facekit index` could have made."""

from pathlib import Path

import loading
import numpy as np
import pytest

measure_index = loading.script("measure_index")


def test_its_entries_are_read_back_and_one_in_a_hundred_is_known(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    known = np.eye(1, 256, dtype=np.float32)[0]
    rows = list(measure_index.entries(101, known))
    readings = [entry.reading(file.path) for file, entry in rows]
    assert {len(reading.faces) for reading in readings} == {2}
    likest = [max(float(face.vector @ known) for face in reading.faces) for reading in readings]
    assert [number for number, score in enumerate(likest) if score > 0.6] == [0, 100]
