"""A scan of int8 codes: a quarter of the memory to read, with a proven bound on the error of each score."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facekit.gallery.search.exact import LONGEST, ROUNDING, FloatArray

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

# Codes that a thread scans at a time; their scores stay in its cache.
ROWS_AT_ONCE = 2**14
# More threads than eight only wait for memory.
CORES = min(8, os.cpu_count() or 1)


@dataclass(frozen=True, eq=False)
class CodeScan:
    """Each vector as int8 codes (n, d) times its own scale (n,): a quarter of the memory to read.

    `radius` is the largest length of a vector's rounding error, so that for a probe p with its own
    codes q and error e = p − q, |v·p − v̂·q| ≤ |v̂||e| + radius·|p| (Cauchy–Schwarz).
    """

    codes: NDArray[np.int8]
    scales: FloatArray
    radius: float
    threads: int = CORES

    def __len__(self) -> int:
        return len(self.codes)

    def scores(self, probes: FloatArray) -> FloatArray:
        import simsimd  # here, for only large galleries need it

        codes, scales, _ = encode(probes)
        scores = np.empty((len(probes), len(self)), np.float32)
        starts = iter(range(0, len(self), ROWS_AT_ONCE))

        def scan() -> None:
            for first in starts:
                rows = slice(first, first + ROWS_AT_ONCE)
                products = simsimd.cdist(codes, self.codes[rows], metric="dot", out_dtype="f32")
                np.multiply(np.asarray(products), self.scales[rows] * scales[:, None], out=scores[:, rows])

        # simsimd lets other threads run. Helpers that the system has not started when this thread has
        # come to the end are not waited for: on a busy machine they would make it slower.
        helpers = [self._pool.submit(scan) for _ in range(min(self.threads, len(self) // ROWS_AT_ONCE) - 1)]
        scan()
        for helper in helpers:
            if not helper.cancel():
                helper.result()
        return scores

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        from concurrent.futures import ThreadPoolExecutor

        return ThreadPoolExecutor(self.threads, thread_name_prefix="facekit-search")

    def slack(self, probes: FloatArray) -> NDArray[np.float64]:
        _, _, errors = encode(probes)
        return (LONGEST + self.radius) * errors + self.radius * LONGEST + 8 * ROUNDING


def encode(vectors: FloatArray) -> tuple[NDArray[np.int8], FloatArray, NDArray[np.float64]]:
    """int8 codes (n, d) in −127 … 127, float32 scales (n,), and the lengths (n,) of the errors."""
    scales = np.abs(vectors).max(axis=1) / np.float32(127)
    codes = np.rint(vectors / scales[:, None]).clip(-127, 127).astype(np.int8)
    rest = vectors - codes * scales[:, None].astype(np.float64)
    return codes, scales, np.sqrt(np.einsum("ij,ij->i", rest, rest)) + ROUNDING
