"""Faces to train on from a folder with one sub-folder per person.

Photos are detected and aligned once: the crop of a photo is kept in a cache under a name made of the
photo's bytes, the detector, the landmark file and the template, so that it is found again wherever the photo
moves, and made again when one of them changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from facekit.errors import PictureError, UsageError
from facekit.files.writing import replacing
from facekit.pictures import folders, images
from facekit.pictures.levels import people_deeper
from facekit.results import CROP_SIDE, Detection, Picture, Pixels
from facekit.training.data import Faces, numbered

Report = Callable[[int, int], None]

NO_FACE = b"no face"
"""Stands in the cache for a photo without a face. An empty file does not: a loss of power leaves one."""


class Aligner(Protocol):
    """What a pipeline gives; `key` names all that a crop depends on but the photo."""

    key: str

    def crop(self, picture: Picture) -> Pixels | None:
        """The crop of the largest face, uint8 (112, 112, 3), or None where there is none."""
        ...


class PipelineAligner:
    """Detector and landmarks as `facekit enroll` uses them."""

    def __init__(self, detector: str = "auto") -> None:
        from facekit.faces.pipeline import Pipeline
        from facekit.models import weights

        self._pipeline = Pipeline(detector=detector)
        landmarks, refiner = weights.shipped_landmarks(), weights.shipped_refiner()
        template = self._pipeline.spec.template
        kind, _, file = detector.partition("=")
        content = weights.digest(Path(file)) if file else ""
        if kind in ("auto", "network"):
            content = weights.shipped_face_network().sha256
        self.key = f"{kind}|{content}|{landmarks.sha256}|{refiner.sha256}|{template}|{CROP_SIDE}"

    def crop(self, picture: Picture) -> Pixels | None:
        detections = self._pipeline.detect(picture)
        if not detections:
            return None
        largest = max(detections, key=_area)
        return np.asarray(self._pipeline.aligned(picture, [largest])[1][0])


def _area(face: Detection) -> float:
    x0, y0, x1, y1 = face.box
    return (x1 - x0) * (y1 - y0)


@dataclass(frozen=True, eq=False)
class Folder:
    """The faces that were read, the subjects' names in the order of their labels, and a line for each picture
    that could not be used; `remarks` count what was left out."""

    faces: Faces
    names: tuple[str, ...]
    problems: tuple[str, ...]
    remarks: tuple[str, ...] = ()


def subjects(folder: Path) -> dict[str, list[str]]:
    """Pictures by person: the sub-folders of `folder` that hold any, both sorted."""
    return dict(sorted(_people(folder).by_subject().items()))


def _people(folder: Path) -> folders.People:
    return folders.people([str(folder)] if folder.is_dir() else [])


def read_folder(
    folder: Path,
    *,
    aligner: Aligner | None,
    cache: Path,
    report: Report = lambda done, total: None,
) -> Folder:
    """Crops of every picture under `folder`; `aligner` None means that the pictures are crops already.

    A picture that cannot be read or shows no face is a problem, not an error. UsageError where fewer than two
    people are left.
    """
    listing = _people(folder)
    people = dict(sorted(listing.by_subject().items()))
    total = len(listing.photos)
    crops: list[Pixels] = []
    names: list[str] = []
    problems: list[str] = []
    for name, pictures in people.items():
        for source in pictures:
            try:
                crops.append(_read_crop(source) if aligner is None else _cached(source, aligner, cache))
                names.append(name)
            except PictureError as error:
                problems.append(str(error))
            report(len(crops) + len(problems), total)
    if len(set(names)) < 2:
        deeper = people_deeper(folder, (picture for _, picture in listing.photos))
        raise UsageError(
            f"{folder}: needs a sub-folder with photos for each of two people or more, "
            f"{len(set(names))} found"
            + (f" ({len(problems)} pictures could not be used)" if problems else "")
            + (f"; give {deeper}, if the people's folders are there" if deeper else "")
        )
    labels = numbered(names)
    faces = Faces(np.stack(crops), labels, np.full(len(labels), -1))
    return Folder(faces, tuple(sorted(set(names))), tuple(problems), tuple(listing.remarks()))


def _read_crop(source: str) -> Pixels:
    pixels = images.read(source).pixels
    if pixels.shape[:2] == (CROP_SIDE, CROP_SIDE):
        return pixels
    if pixels.shape[0] != pixels.shape[1]:
        raise PictureError(
            f"{source}: an aligned crop is square, this is {pixels.shape[1]}×{pixels.shape[0]}"
        )
    return np.asarray(Image.fromarray(pixels).resize((CROP_SIDE, CROP_SIDE), Image.Resampling.LANCZOS))


def _cached(source: str, aligner: Aligner, cache: Path) -> Pixels:
    """A photo's crop from the cache, else from the photo; that it shows no face is kept as well."""
    data = images.content(source)
    content = hashlib.sha256(data).hexdigest()
    key = hashlib.sha256(f"{content}|{aligner.key}".encode()).hexdigest()
    file = cache / key[:2] / f"{key}.png"
    try:
        crop = _stored(file)
    except PictureError:  # not there yet, or damaged: made again
        crop = aligner.crop(images.decode(data, source))
        _store(file, crop)
    if crop is None:
        raise PictureError(f"{source}: no face found")
    return crop


def _stored(path: Path) -> Pixels | None:
    """A crop of the cache, None for a photo without a face. PictureError where no whole one is there."""
    if path.is_file() and path.read_bytes() == NO_FACE:
        return None
    crop = images.read(path).pixels
    if crop.shape != (CROP_SIDE, CROP_SIDE, 3):
        raise PictureError(f"{path}: is no crop of {CROP_SIDE}×{CROP_SIDE}")
    return crop


def _store(path: Path, crop: Pixels | None) -> None:
    """An interrupted run leaves no half crop."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        if crop is None:
            part.write_bytes(NO_FACE)
        else:
            Image.fromarray(crop).save(part, "PNG")
