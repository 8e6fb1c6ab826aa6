"""Measure the grouping of faces: B-cubed F at several thresholds and by other methods. Prints JSON.

    python scripts/measure_clusters.py --data FOLDER                  dlib's chinese whispers, as shipped
    python scripts/measure_clusters.py --data FOLDER --others         and those that were not chosen

FOLDER holds photos-val.zip. The faces of all photos are grouped without names; the largest face of a photo is
its subject's, and only these are counted. `link` is the part of the embedder's threshold from which two
faces are linked. A photo without a face is not counted: it is `failed`. `--others` needs scikit-learn.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from facekit.evaluation.bcubed import b_cubed
from facekit.faces.reading import Options, read_faces
from facekit.models import weights
from facekit.people import clustering
from facekit.pictures import folders

LINKS = (0.7, 0.75, 0.8, clustering.LINK, 0.9, 0.95, 1.0)
Vectors = NDArray[np.float32]
Labels = NDArray[np.int64]


def read(path: Path, options: Options) -> tuple[list[clustering.Sighting], list[str | None], int]:
    """All faces, whose each is (None: nobody knows), and the number of photos without a face."""
    faces: list[clustering.Sighting] = []
    subjects: list[str | None] = []
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        for reading in read_faces(folders.list_pictures([folder]).pictures, options):
            sightings = list(clustering.sightings([reading]))
            failed += not sightings
            largest = reading.largest() if sightings else None
            name = Path(reading.source).parent.name
            subjects += [name if face is largest else None for face in reading.faces]
            faces += sightings
    return faces, subjects, failed


def measured(labels: Labels, subjects: list[str | None]) -> dict[str, Any]:
    rows = [row for row, subject in enumerate(subjects) if subject is not None]
    groups = [int(labels[row]) if labels[row] >= 0 else -1 - row for row in rows]
    figures = b_cubed([subjects[row] for row in rows], groups).to_dict()
    alone = int(np.count_nonzero(labels < 0))
    return {**figures, "groups": int(labels.max()) + 1, "single": alone}


def others(vectors: Vectors, photos: list[str], threshold: float) -> dict[str, Labels]:
    """Average linkage, and HDBSCAN: faces of one photo are infinitely far from each other."""
    from sklearn.cluster import HDBSCAN, AgglomerativeClustering

    distances = 1 - (vectors @ vectors.T).astype(np.float64)
    names = np.array(photos)
    distances[names[:, None] == names[None, :]] = 1e9
    np.fill_diagonal(distances, 0)
    figures = {}
    for part in (0.6, 0.7, 0.8, 0.9):
        linkage = AgglomerativeClustering(
            None, metric="precomputed", linkage="average", distance_threshold=1 - part * threshold
        )
        figures[f"average linkage, {part} of the threshold"] = linkage.fit_predict(distances)
    for least in (2, 3, 5):
        density = HDBSCAN(min_cluster_size=least, metric="precomputed", copy=True)
        figures[f"HDBSCAN, {least} faces a group at least"] = density.fit_predict(np.minimum(distances, 3))
    return figures


@click.command(help=__doc__, context_settings={"max_content_width": 110})
@click.option("--data", type=click.Path(path_type=Path, exists=True), envvar="FACEKIT_DATA", required=True)
@click.option("--embedder", type=click.Path(path_type=Path, exists=True))
@click.option("--others", "compare", is_flag=True, help="Measure other methods too.")
@click.option("--jobs", default=1, show_default=True)
def main(data: Path, embedder: Path | None, compare: bool, jobs: int) -> None:
    options = Options(embedder=embedder, jobs=jobs)
    spec = weights.user_embedder(embedder) if embedder else weights.shipped_embedder()
    faces, subjects, failed = read(data / "photos-val.zip", options)
    vectors = np.stack([sighting.face.vector for sighting in faces])
    photos = [sighting.source for sighting in faces]
    results: dict[str, Any] = {"embedder": spec.sha256, "threshold": spec.threshold, "failed": failed}
    results["links"] = {
        link: measured(clustering.group(vectors, photos, link * spec.threshold), subjects) for link in LINKS
    }
    if compare:
        figures = others(vectors, photos, spec.threshold)
        results["others"] = {name: measured(labels, subjects) for name, labels in figures.items()}
    click.echo(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
