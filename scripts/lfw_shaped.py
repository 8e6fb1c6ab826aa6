"""Make a folder in LFW's layout, with a pairs.txt, of photos in a folder for each person.

    python scripts/lfw_shaped.py photos-val.zip lfw
    facekit evaluate verification --pairs lfw/pairs.txt --images lfw --format json

The photos (a zip or a folder) become NAME/NAME_0001.jpg …; the people are divided among the folds, so that
nobody is in two, and each fold has as many mated as non-mated pairs, drawn at random without repetition. The
same photos and seed give the same files.
"""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import click
import numpy as np

Photos = dict[str, list[bytes]]


def read(source: Path) -> Photos:
    """The photos of each person, by the name of their folder, in order."""
    found: Photos = {}
    for name, data in _zipped(source) if source.is_file() else _below(source):
        found.setdefault(PurePosixPath(name).parent.name, []).append(data)
    return found


def _zipped(source: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(source) as archive:
        for name in sorted(archive.namelist()):
            if name.lower().endswith((".jpg", ".jpeg")):
                yield name, archive.read(name)


def _below(source: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(source.glob("*/*.jp*g")):
        yield path.as_posix(), path.read_bytes()


def write_photos(photos: Photos, target: Path) -> None:
    for name, pictures in photos.items():
        (target / name).mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(pictures, 1):
            (target / name / f"{name}_{number:04d}.jpg").write_bytes(data)


def pair_lines(photos: Photos, folds: int, pairs: int, seed: int) -> Iterator[str]:
    """The lines of pairs.txt."""
    random = np.random.default_rng(seed)
    drawn = [
        _possible(photos, people) for people in np.array_split(random.permutation(sorted(photos)), folds)
    ]
    most = min(len(lines) for both in drawn for lines in both)
    if most < pairs:
        advice = f"take --pairs {most}, or fewer --folds" if most else "take fewer --folds, or more people"
        raise click.ClickException(f"{pairs} pairs of each kind in a fold wanted, {most} are there: {advice}")
    yield f"{folds}\t{pairs}"
    for lines in (lines for both in drawn for lines in both):
        yield from (lines[number] for number in sorted(random.choice(len(lines), pairs, replace=False)))


def _possible(photos: Photos, people: Iterable[object]) -> tuple[list[str], list[str]]:
    """The lines of all mated and all non-mated pairs of these people."""
    counts = {str(name): range(1, len(photos[str(name)]) + 1) for name in sorted(map(str, people))}
    mated = [f"{name}\t{i}\t{j}" for name, own in counts.items() for i, j in itertools.combinations(own, 2)]
    others = [
        f"{a}\t{i}\t{b}\t{j}"
        for a, b in itertools.combinations(counts, 2)
        for i, j in itertools.product(counts[a], counts[b])
    ]
    return mated, others


@click.command(help=__doc__, context_settings={"max_content_width": 110})
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.argument("target", type=click.Path(path_type=Path, file_okay=False))
@click.option("--folds", type=click.IntRange(2), default=10, show_default=True)
@click.option(
    "--pairs", type=click.IntRange(1), default=300, show_default=True, help="Of each kind in a fold."
)
@click.option("--seed", default=0, show_default=True)
def main(source: Path, target: Path, folds: int, pairs: int, seed: int) -> None:
    photos = read(source)
    lines = list(pair_lines(photos, folds, pairs, seed))
    write_photos(photos, target)
    (target / "pairs.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    click.echo(f"{sum(map(len, photos.values()))} photos of {len(photos)} people, {len(lines) - 1} pairs")


if __name__ == "__main__":
    main()
