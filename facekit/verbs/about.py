"""What facekit itself is: its files, and the machine it runs on."""

from __future__ import annotations

from facekit import diagnosis
from facekit.gallery.places import AnyPlace
from facekit.models import weights
from facekit.results import Diagnosis, NetworkFile


def weights_list() -> list[NetworkFile]:
    """The network files that ship with facekit."""
    files = weights.shipped_files()
    return [NetworkFile(use, path.name, path.stat().st_size, sha256) for use, path, sha256 in files]


def weights_verify() -> list[NetworkFile]:
    """The same, each proved to be the one that was released. Raises WeightsError for one that is not."""
    for _, path, sha256 in weights.shipped_files():
        weights.verified(path, sha256)
    return weights_list()


def info(gallery: AnyPlace | None = None) -> Diagnosis:
    """What belongs into a bug report: versions, processor, networks, the gallery's size. No names and no
    folders of yours are in it."""
    return Diagnosis(diagnosis.diagnose(gallery))
