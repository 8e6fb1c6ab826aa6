"""scripts/measure_sharded_search.py, on a gallery that is small."""

from __future__ import annotations

import sys

import loading
import pytest

script = loading.script("measure_sharded_search")


@pytest.mark.skipif(sys.platform != "linux", reason="the memory of processes is read from /proc")
def test_both_ways_are_timed_and_give_the_same_answers() -> None:
    report = script.measure(20_000, 32, 2, "processes", 6)
    assert report.same_answers
    assert report.codes_mb == pytest.approx(20_000 * 36 / 1e6, abs=0.1)
    assert len(report.worker_mb) == 2
    assert 0 < report.sharded.quickest_ms <= report.sharded.median_ms


def test_the_vectors_of_finalists_are_those_that_were_coded() -> None:
    index = script.index_of(9_000, 16)
    probes = script.probes_of(index, 8, 16)
    found = index.search(probes, 1)
    assert [candidates[0].score > 0.95 for candidates in found[:4]] == [True] * 4
