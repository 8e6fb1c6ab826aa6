"""Pictures to one vector each, for measuring: photos through the whole pipeline, or crops as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facekit.errors import PictureError, UsageError
from facekit.evaluation.scores import Texts
from facekit.faces.embedding import Embedder, normalized
from facekit.faces.pipeline import Pipeline
from facekit.faces.reading import Options, Reading, read_faces
from facekit.pictures import folders, images
from facekit.pictures.levels import people_deeper
from facekit.results import Face, Pixels

Report = Callable[[int, int], None]
Note = Callable[[str], None]

BATCH = 32


@dataclass(frozen=True, eq=False)
class Templates:
    """One vector a picture, as far as it has a usable face.

    `vectors` float32 (m, d), unit; `rows` int64 (n,) the row of each of the `sources` (n,), −1 for a failure
    to acquire; `sha256` (n,) of the pictures' bytes; `several` is how many pictures have more than one face;
    `problems` are the pictures that could not be read, a line each; `stranger_rates` (m,) are those of
    facekit.calibration.poorness, NaN where they are not known, None where they were not asked for.
    """

    sources: Texts
    vectors: NDArray[np.float32]
    rows: NDArray[np.int64]
    sha256: Texts
    several: int = 0
    problems: Texts = ()
    stranger_rates: NDArray[np.float64] | None = None

    @property
    def failed(self) -> int:
        """Pictures without a usable face."""
        return int(np.count_nonzero(self.rows < 0))

    def scores(self, first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.float64]:
        """Scores (n,) of the pictures `first` (n,) with the pictures `second` (n,); −inf without a face."""
        scores = np.full(len(first), -np.inf)
        for start in range(0, len(first), 1 << 16):
            part = slice(start, start + (1 << 16))
            a, b = self.rows[first[part]], self.rows[second[part]]
            usable = (a >= 0) & (b >= 0)
            products = np.einsum("nd,nd->n", self.vectors[a[usable]], self.vectors[b[usable]])
            scores[part][usable] = products
        return scores


def main_face(reading: Reading) -> Face:
    """Of several faces the largest and most central: area less twice the squared distance of its center from
    the picture's, as InsightFace chooses. There must be one."""
    width, height = reading.size

    def weight(face: Face) -> float:
        x0, y0, x1, y1 = face.detection.box
        away = ((x0 + x1 - width) / 2) ** 2 + ((y0 + y1 - height) / 2) ** 2
        return (x1 - x0) * (y1 - y0) - 2 * away

    return max(reading.faces, key=weight)


def of_photos(
    sources: Sequence[str],
    options: Options,
    pipeline: Pipeline,
    *,
    flip: bool = False,
    report: Report = lambda done, total: None,
) -> Templates:
    """The main face of each photo, in as many processes as the work is worth. With `flip` its vector is
    averaged with its mirror image's."""
    return of_readings(
        sources, read_faces(sources, options, pipeline=pipeline), pipeline, flip=flip, report=report
    )


def of_readings(
    sources: Sequence[str],
    readings: Iterable[Reading],
    pipeline: Pipeline,
    *,
    flip: bool = False,
    report: Report = lambda done, total: None,
) -> Templates:
    """The main face of each photo, as `of_photos` has it, from what was read of them, in order."""
    vectors: list[NDArray[np.float32]] = []
    rates: list[float] = []
    rows: list[int] = []
    digests: list[str] = []
    problems: list[str] = []
    several = 0
    for number, reading in enumerate(readings, 1):
        digests.append(reading.sha256)
        rows.append(len(vectors) if reading.faces else -1)
        several += len(reading.faces) > 1
        if reading.error:
            problems.append(reading.error)
        if reading.faces:
            face = main_face(reading)
            vectors.append(_vector(face, pipeline, flip=flip))
            rate = face.quality.stranger_rate
            rates.append(np.nan if rate is None else rate)
        report(number, len(sources))
    return _templates(sources, vectors, rates, rows, digests, pipeline.dimension, several, problems)


def _vector(face: Face, pipeline: Pipeline, *, flip: bool) -> NDArray[np.float32]:
    # A network that averages the two by itself has done so already.
    if not flip or pipeline.spec.flip:
        return face.vector
    return np.asarray(normalized(face.vector[None] + pipeline.embedder(face.crop[None, :, ::-1]))[0])


def of_crops(
    sources: Sequence[str],
    embedder: Embedder,
    *,
    contents: Iterable[bytes] | None = None,
    flip: bool = False,
    report: Report = lambda done, total: None,
) -> Templates:
    """The vector of each aligned crop. `contents` gives the files' bytes where they are not files."""
    vectors: list[NDArray[np.float32]] = []
    rows: list[int] = []
    digests: list[str] = []
    problems: list[str] = []
    waiting: list[Pixels] = []
    rates: list[float] = []

    def embed() -> None:
        if waiting:
            batch_vectors, of_found = _of_batch(np.stack(waiting), embedder, flip=flip)
            vectors.extend(batch_vectors)
            rates.extend(of_found)
            waiting.clear()

    for number, read in enumerate(_read(sources, contents, embedder.spec.side), 1):
        if isinstance(read, PictureError):
            problems.append(str(read))
            rows.append(-1)
            digests.append("")
        else:
            rows.append(len(vectors) + len(waiting))
            digests.append(read[1])
            waiting.append(read[0])
        if len(waiting) == BATCH:
            embed()
        report(number, len(sources))
    embed()
    return _templates(sources, vectors, rates, rows, digests, embedder.dimension, 0, problems)


def _of_batch(
    crops: Pixels, embedder: Embedder, *, flip: bool
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Vectors and how often strangers would pass for the faces, NaN where that is not known."""
    vectors, norms = embedder.with_norms(crops)
    poorness = embedder.spec.poorness
    rates = np.full(len(crops), np.nan) if poorness is None else poorness.rates(vectors, norms)
    if flip and not embedder.spec.flip:
        vectors = normalized(vectors + embedder(crops[:, :, ::-1]))
    return vectors, rates


def _read(
    sources: Sequence[str], contents: Iterable[bytes] | None, side: int
) -> Iterator[tuple[Pixels, str] | PictureError]:
    data = iter(contents or ())
    for source in sources:
        try:
            picture = images.read(source) if contents is None else images.decode(next(data), source)
            yield _sized(picture.pixels, source, side), picture.sha256
        except PictureError as error:
            yield error


def _sized(pixels: Pixels, source: str, side: int) -> Pixels:
    height, width = pixels.shape[:2]
    if width != height:
        raise PictureError(f"{source}: an aligned crop is square, this is {width}×{height}")
    if width == side:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((side, side), Image.Resampling.LANCZOS))


def _templates(
    sources: Sequence[str],
    vectors: Sequence[NDArray[np.float32]],
    rates: Sequence[float],
    rows: Sequence[int],
    digests: Sequence[str],
    dimension: int,
    several: int,
    problems: Sequence[str],
) -> Templates:
    matrix = np.stack(vectors) if vectors else np.zeros((0, dimension), np.float32)
    return Templates(
        tuple(sources),
        matrix,
        np.array(rows, np.int64),
        tuple(digests),
        several,
        tuple(problems),
        np.array(rates, np.float64),
    )


def people(folder: Path, *, note: Note = lambda remark: None) -> tuple[list[str], list[str]]:
    """The pictures of a folder with a sub-folder for each person, sorted, and whose each is. What is left out
    there is told in a line for `note`.

    Raises UsageError where there are none.
    """
    if not folder.is_dir():
        raise UsageError(
            f"{folder}: is no folder; measuring takes a folder with a sub-folder for each person"
        )
    listing = folders.people([str(folder)])
    for remark in listing.remarks():
        note(remark)
    if not listing.photos:
        raise UsageError(f"{folder}: has no sub-folders with pictures, one for each person")
    if deeper := people_deeper(folder, (path for _, path in listing.photos)):
        raise UsageError(
            f"{folder}: all pictures are in sub-folders of {deeper}, and would be one person's: "
            f"give {deeper}, if those are the people"
        )
    return [path for _, path in listing.photos], [name for name, _ in listing.photos]
