"""Small galleries of random unit vectors for the tests."""

import hashlib
from pathlib import Path

import numpy as np

from facekit.calibration.threshold import Calibration
from facekit.gallery import Gallery, NewTemplate, Place, create_gallery
from facekit.gallery.gallery_settings import GallerySettings
from facekit.gallery.sqlite.gallery import SqliteGallery

FINGERPRINT = "ab" * 32
DIMENSION = 128


def random_vectors(count: int, seed: int = 0, dimension: int = DIMENSION) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def template(subject: str, number: int = 0, **changes) -> NewTemplate:
    """A template that depends on subject and number only."""
    digest = hashlib.sha256(f"{subject}\0{number}".encode("utf-8", "surrogatepass")).hexdigest()
    values = {
        "subject": subject,
        "vector": random_vectors(1, seed=int(digest[:8], 16))[0],
        "sha256": digest,
        "source": f"photos/{number}.jpg",
        "box": (10.0, 20.5, 60.0, 80.0),
        "quality": {"size": 50.0, "yaw": -0.25},
    }
    return NewTemplate(**{**values, **changes})


def people(count: int, each: int = 2) -> list[NewTemplate]:
    return [template(f"person {number:03}", photo) for number in range(count) for photo in range(each)]


def settings(**changes) -> GallerySettings:
    calibration = Calibration(0.4, "FPIR 0.01 at N = 50, 500 non-mated searches")
    values = {
        "embedder": "small",
        "fingerprint": FINGERPRINT,
        "dimension": DIMENSION,
        "calibration": calibration,
    }
    return GallerySettings(**{**values, **changes})


def create(path: Path, templates=(), **changes) -> SqliteGallery:
    gallery = SqliteGallery.create(path, settings(**changes))
    if templates:
        gallery.add(templates)
    return gallery


def names(found) -> list[list[str]]:
    return [[candidate.subject for candidate in candidates] for candidates in found]


def create_at(place: Place, templates=(), **changes) -> Gallery:
    """A new gallery at any kind of place, open for writing, with templates added to it."""
    gallery = create_gallery(place, settings(**changes))
    if templates:
        gallery.add(templates)
    return gallery
