"""scripts/measure_shards_of_vectors.py, with few faces."""

from __future__ import annotations

import loading

script = loading.script("measure_shards_of_vectors")


def test_groups_of_shards_are_those_at_once() -> None:
    report = script.measure(400, 3, 64)
    assert report.same_groups
    assert 10 < report.groups < 60
    assert report.files_mb > 0.05
