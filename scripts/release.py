#!/usr/bin/env python3
"""Make a training run what facekit ships: network, threshold, gallery, poor pictures, figures and pages.

    set -- --data FOLDER --crops CROPS.npy --groups GROUPS.npy --choosing CHOOSING.npy
    python scripts/release.py RUN "$@"
    python scripts/release.py RUN "$@" --from figures

FOLDER holds faces-val.zip, pairs-val.csv, photos-val.zip and reference-70.zip. CROPS.npy, with CROPS.csv
beside it, has the crops of the run: int8 is fitted to them, and what poor pictures do is learned from those
of its subjects that begin with `u`. GROUPS.npy has faces by age, sex and origin, and CHOOSING.npy
more strangers than faces-val has (both by scripts/set_aside.py): the threshold keeps its promise on either. A
step that fails stops the release; `--from STEP` goes on there, and `--list` says what would run. Nothing is
committed: read `git diff` and run the suite first.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
MANIFEST = "weights/manifest.toml"
NAME = "facekit-resnet18"
LICENSE = "CC-BY-NC-4.0"
ACQUAINTED = "v016,v019,v071,v075,v113"
"""People of faces-val who turned out to be reference people."""


@dataclass(frozen=True)
class Step:
    """`name` is what `--from` takes; the commands run in the checkout, one after the other."""

    name: str
    commands: Sequence[Sequence[str]]


Run = Callable[[Sequence[str]], int]
"""Runs a command and returns its exit status."""


def steps(run: Path, data: Path, crops: Path, groups: Path, choosing: Path, sources: str) -> list[Step]:
    """The gallery is made twice: poor pictures are learned at its threshold, and are not enrolled in it."""
    python = [sys.executable]
    exported = (run.parent if run.is_file() else run) / "export" / "embedder.onnx"
    validation = str(data / "faces-val.zip")
    photos = str(data / "photos-val.zip")
    gallery = [
        *(*python, "scripts/make_reference.py", "--people", str(data / "reference-70.zip")),
        *("--strangers", validation, "--strangers", str(choosing), "--leave-out", photos),
        *("--acquainted", ACQUAINTED, "--fpir", "0.002"),
    ]
    return [
        Step(
            "network",
            [
                ["mkdir", "-p", str(exported.parent)],
                [
                    *(*python, "-m", "facekit", "export", str(run), "-o", str(exported)),
                    *("--precision", "int8", "--flip", "--name", NAME, "--calibration", str(crops)),
                    *("--validation", validation, "--manifest", MANIFEST),
                    *("--license", LICENSE, "--data", sources),
                ],
                ["cp", str(exported), "weights/embedder.onnx"],
            ],
        ),
        Step("threshold", [gallery]),
        Step(
            "poor",
            [
                [
                    *(*python, "scripts/measure_quality.py", "fit", validation, "--more", str(crops)),
                    *("--subjects", "u", "--leave-out", photos, "--manifest", MANIFEST),
                ]
            ],
        ),
        Step("gallery", [gallery]),
        Step(
            "figures",
            [
                [
                    *(*python, "scripts/measure_accuracy.py", "--data", str(data)),
                    *("--output", "scripts/accuracy.json"),
                ],
                [
                    *(*python, "scripts/measure_conditions.py", "--data", str(data)),
                    *("--groups", str(groups), "--output", "scripts/conditions.json"),
                ],
            ],
        ),
        Step(
            "pages",
            [
                [*python, "scripts/write_accuracy.py"],
                [*python, "scripts/write_outputs.py"],
                [*python, "scripts/make_pictures.py", "--data", photos],
            ],
        ),
    ]


def release(made: Sequence[Step], first: str, run: Run) -> int:
    """Run the steps from `first` on. Returns the status of the first that fails, or 0."""
    names = [step.name for step in made]
    for step in made[names.index(first) :]:
        start = time.monotonic()
        for command in step.commands:
            if status := run(command):
                print(f"{step.name} failed: {shlex.join(command)}\ngo on with --from {step.name}")
                return status
        print(f"{step.name}: {(time.monotonic() - start) / 60:.1f} min", flush=True)
    return 0


def _run(command: Sequence[str]) -> int:
    print(f"$ {shlex.join(command)}", flush=True)
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def _list(command: Sequence[str]) -> int:
    print(shlex.join(command))
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="a folder or checkpoint of facekit train")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--crops", type=Path, required=True)
    parser.add_argument("--groups", type=Path, required=True)
    parser.add_argument("--choosing", type=Path, required=True)
    parser.add_argument("--sources", default="", help="what the network was trained on, for the manifest")
    parser.add_argument("--from", dest="first", default="network", metavar="STEP")
    parser.add_argument("--list", action="store_true", help="print the commands only")
    given = parser.parse_args(arguments)
    paths = (given.run, given.data, given.crops, given.groups, given.choosing)
    run, data, crops, groups, choosing = (path.resolve() for path in paths)
    made = steps(run, data, crops, groups, choosing, given.sources)
    if given.first not in [step.name for step in made]:
        parser.error(f"--from is one of {', '.join(step.name for step in made)}")
    return release(made, given.first, _list if given.list else _run)


if __name__ == "__main__":
    sys.exit(main())
