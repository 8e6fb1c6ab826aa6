"""The measurement of the server runs, and spoils what it says it spoils."""

import importlib.util
import random
from pathlib import Path

import pytest
from loading import script

measure = script("measure_serve")


def test_a_row_has_the_rate_and_the_percentiles() -> None:
    row = measure._row([0.001 * number for number in range(1, 101)], 2.0)
    assert row == {"requests_a_second": 50.0, "p50_ms": 50.5, "p95_ms": 95.1, "p99_ms": 99.0}


def test_spoiled_photos_differ_and_are_the_same_each_time() -> None:
    photo, chances = bytes(range(256)) * 8, [random.Random(1), random.Random(1)]
    one, other = ([measure.spoiled(photo, chance) for _ in range(50)] for chance in chances)
    assert one == other
    assert sum(each != photo for each in one) > 40
    assert all(0 < len(each) <= len(photo) for each in one)


@pytest.mark.skipif(importlib.util.find_spec("fastapi") is None, reason="needs pip install '.[serve]'")
def test_damaged_uploads_leave_a_real_server_as_it_was(tmp_path: Path) -> None:
    scale = measure.Scale(requests=1, subjects=1, first=2, memory=3, damaged=6)
    done = measure.damage(tmp_path, measure.pictures()[:3], scale)
    assert set(done["statuses"]) <= {200, 422}
    assert sum(done["statuses"].values()) == 6
