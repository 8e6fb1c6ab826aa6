"""Time and memory of comparing every picture with every other: vectors at random, no pictures needed.

    python scripts/measure_all_pairs.py                                as LFW: 13,233 pictures of 5,749 people
    python scripts/measure_all_pairs.py --pictures 2000 --people 400   a second or two

Prints one line of JSON: comparisons, seconds for the scores and for the whole report, and the most memory
that the process had.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import click
import numpy as np

from facekit.evaluation import comparisons, verification_report


def most_memory() -> int:
    """Bytes of this program alone: getrusage counts what the process that started it had as well."""
    (kilobytes,) = re.findall(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) * 1024


@click.command(help=__doc__, context_settings={"max_content_width": 110})
@click.option("--pictures", default=13233, show_default=True)
@click.option("--people", default=5749, show_default=True)
@click.option("--dimension", default=128, show_default=True)
def main(pictures: int, people: int, dimension: int) -> None:
    random = np.random.default_rng(0)
    subjects = np.unique(random.integers(0, people, pictures), return_inverse=True)[1]
    raw = random.normal(size=(people, dimension))[subjects] + random.normal(size=(pictures, dimension))
    vectors = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    began = time.perf_counter()
    pairs = comparisons.all_pairs(vectors, subjects)
    scored = time.perf_counter()
    verification_report.of_comparisons(pairs)
    done = time.perf_counter()
    print(
        json.dumps(
            {
                "comparisons": len(pairs.mated) + len(pairs.non_mated),
                "scores_seconds": round(scored - began, 2),
                "report_seconds": round(done - scored, 2),
                "gigabytes": round(most_memory() / 1e9, 2),
            }
        )
    )


if __name__ == "__main__":
    main()
