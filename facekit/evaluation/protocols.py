"""From pictures to scores: who is compared with whom, and who is searched for among whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facekit.errors import FacekitError, NoFaceError, PictureError, UsageError
from facekit.evaluation import insightface, pictures, searches
from facekit.evaluation import pairs as lists
from facekit.evaluation.comparisons import SUBJECTS, Comparisons, affordable, all_pairs, has_scores
from facekit.evaluation.pairs import Pairs
from facekit.evaluation.pictures import Report, Templates
from facekit.evaluation.scores import IdentificationScores, Texts, VerificationScores
from facekit.evaluation.searches import Enrolled
from facekit.faces.pipeline import Pipeline
from facekit.faces.reading import Options
from facekit.faces.vector_files import Collection
from facekit.gallery.places import Place, place_of

# A list of pairs is held picture by picture; more than these are only counted.
LISTED = 2_000_000


@dataclass(frozen=True)
class Vectorizer:
    """How pictures become vectors: photos through the whole pipeline, or `aligned` crops; `flip` averages a
    picture's vector with its mirror image's. With `vectors`, files of them, the photos are not read. `report`
    is told how many of how many are done, `note` what was left out."""

    options: Options = field(default_factory=Options)
    aligned: bool = False
    flip: bool = False
    report: Report = lambda done, total: None
    note: pictures.Note = lambda remark: None
    vectors: Sequence[Path] = ()

    def people(self, folder: Path) -> tuple[list[str], list[str]]:
        """Paths and names, as `pictures.people` gives them."""
        return pictures.people(folder, note=self.note)

    def templates(
        self, paths: Sequence[str], pipeline: Pipeline, contents: Iterable[bytes] | None = None
    ) -> Templates:
        """The vectors of pictures at these paths, or of crops with these `contents`."""
        if self.vectors:
            self._require_photos(pipeline, contents)
            readings = self._collection(pipeline).of_paths(paths)
            return pictures.of_readings(paths, readings, pipeline, report=self.report)
        if self.aligned or contents is not None:
            return pictures.of_crops(
                paths, pipeline.embedder, contents=contents, flip=self.flip, report=self.report
            )
        return pictures.of_photos(paths, self.options, pipeline, flip=self.flip, report=self.report)

    def _require_photos(self, pipeline: Pipeline, contents: Iterable[bytes] | None) -> None:
        """Raise UsageError for what the vectors of photos cannot stand for."""
        if self.aligned or contents is not None:
            raise UsageError(f"{self.vectors[0]}: has the vectors of photos, which aligned crops are not")
        if self.flip and not pipeline.spec.flip:
            raise UsageError(f"{self.vectors[0]}: has no mirror images: --flip needs the photos alone")

    def _collection(self, pipeline: Pipeline) -> Collection:
        # Of the same files as long as it lives: a run asks for two folders at most.
        return Collection(self.vectors, pipeline.fingerprint)

    def described(self, templates: Templates, pipeline: Pipeline) -> dict[str, Any]:
        """What a report says of the pictures."""
        return {
            "embedder": pipeline.spec.name,
            "fingerprint": pipeline.fingerprint,
            "aligned": self.aligned,
            "flip": self.flip or pipeline.spec.flip,
            "pictures": len(templates.sources),
            "pictures_failed": templates.failed,
            "pictures_with_several_faces": templates.several,
        }


@dataclass(frozen=True, eq=False)
class Measured:
    """Scores, what is said of the pictures behind them, and the pictures that could not be read."""

    scores: VerificationScores | IdentificationScores | Comparisons
    notes: Mapping[str, Any]
    problems: Texts = ()

    def __post_init__(self) -> None:
        """Raises NoFaceError where there is no face, and so no score, at all: the folder is not what it was
        taken for. PictureError where no picture could be read."""
        if has_scores(self.scores):
            return
        if "scores" in self.notes:
            raise FacekitError(f"{self.notes['scores']}: nothing in it has a score: nothing can be measured")
        count = self.notes["pictures"]
        if len(self.problems) == count:
            raise PictureError(f"none of {count} pictures can be read; the first: {self.problems[0]}")
        raise NoFaceError(
            f"no face in any of {count} pictures: nothing can be measured (crops take --aligned)"
        )


def compare_pairs(path: Path, folder: Path | None, source: Vectorizer, pipeline: Pipeline) -> Measured:
    """The pairs of a list, with the pictures in `folder`; or of an InsightFace .bin, which holds its own."""
    contents: list[bytes] | None = None
    if path.suffix.lower() == ".bin":
        contents, pairs = insightface.read(path)
        source = replace(source, aligned=True)
        paths = pairs.pictures
    else:
        if folder is None:
            raise UsageError(f"{path}: say with --images FOLDER where its pictures are")
        pairs = lists.read(path)
        paths = list(lists.paths(folder, pairs.pictures))
    templates = source.templates(paths, pipeline, contents)
    return Measured(_listed(pairs, templates), source.described(templates, pipeline), templates.problems)


def _listed(pairs: Pairs, templates: Templates) -> VerificationScores:
    place = {name: number for number, name in enumerate(pairs.pictures)}
    first, second = (np.array([place[name] for name in side], np.int64) for side in (pairs.a, pairs.b))
    return VerificationScores(
        pairs.a, pairs.b, pairs.mated, templates.scores(first, second), pairs.folds, pairs.groups
    )


def compare_all(folder: Path, source: Vectorizer, pipeline: Pipeline, *, listed: bool = False) -> Measured:
    """Every picture against every other of a folder with a sub-folder for each person.

    `listed` keeps each comparison by the names of its pictures; UsageError where they are too many.
    """
    paths, names = source.people(folder)
    affordable(len(paths))
    count = len(paths) * (len(paths) - 1) // 2
    if listed and count > LISTED:
        raise UsageError(
            f"{folder}: {count} comparisons are too many to write one by one ({LISTED} at most): "
            "give a list with --pairs"
        )
    if len(set(names)) < 2 or len(set(names)) == len(names):
        raise UsageError(f"{folder}: needs two people or more, and two pictures or more of one")
    templates = source.templates(paths, pipeline)
    notes = source.described(templates, pipeline)
    numbers = np.unique(np.array(names, np.str_), return_inverse=True)[1]
    scores: Comparisons | VerificationScores
    if listed:
        first, second = np.triu_indices(len(paths), 1)
        short = [str(Path(path).relative_to(folder)) for path in paths]
        columns = [tuple(names[number] for number in side.tolist()) for side in (first, second)]
        scores = VerificationScores(
            tuple(short[number] for number in first.tolist()),
            tuple(short[number] for number in second.tolist()),
            numbers[first] == numbers[second],
            templates.scores(first, second),
            groups=dict(zip(SUBJECTS, columns, strict=True)),
        )
    else:
        scores = all_pairs(templates.vectors, numbers, templates.rows)
    return Measured(scores, notes, templates.problems)


@dataclass(frozen=True)
class Splits:
    """How people are divided: photos of each that are enrolled, strangers (a share below 1, or a number),
    how many times, and the seed. Whether searches for `strangers_alone` are worth the while."""

    gallery_photos: int = 1
    strangers: float = 0.5
    count: int = 5
    seed: int = 0
    strangers_alone: bool = False


def search_within(folder: Path, plan: Splits, source: Vectorizer, pipeline: Pipeline) -> Measured:
    """A folder with a sub-folder for each person, some of whose photos are enrolled and the rest searched.

    Raises FacekitError, before any is read, where none of the enrolled people has a photo left to search for.
    """
    paths, names = source.people(folder)
    cuts = searches.splits(
        names,
        gallery_photos=plan.gallery_photos,
        strangers=plan.strangers,
        count=plan.count,
        seed=plan.seed,
    )
    people = np.array(names, np.str_)
    mated = any(np.isin(people[cut.probes], people[cut.gallery]).any() for cut in cuts)
    if not mated and not plan.strangers_alone:
        raise FacekitError(
            f"{folder}: nobody who is enrolled with {plan.gallery_photos} photos has another to search for: "
            "take fewer with --gallery-photos"
        )
    templates = source.templates(paths, pipeline)
    shown = np.array([str(Path(path).relative_to(folder)) for path in paths], np.str_)
    parts = []
    for number, cut in enumerate(cuts):
        used = cut.gallery & (templates.rows >= 0)
        gallery = Enrolled.of(templates.vectors[templates.rows[used]], people[used].tolist())
        probes = cut.probes
        parts.append(
            searches.search(
                gallery,
                templates.vectors,
                templates.rows[probes],
                probes=shown[probes].tolist(),
                people=people[probes].tolist(),
                enrolled=set(people[cut.gallery].tolist()),
                split=number,
            )
        )
    notes = {
        **source.described(templates, pipeline),
        "gallery_photos": plan.gallery_photos,
        "strangers": searches.how_many(plan.strangers, len(set(names))),
        "seed": plan.seed,
    }
    return Measured(searches.joined(parts), notes, templates.problems)


def search_gallery(
    gallery: Enrolled,
    digests: set[str],
    folder: Path,
    plan: Splits,
    source: Vectorizer,
    pipeline: Pipeline,
    *,
    enrolled: set[str] | None = None,
) -> Measured:
    """The photos of a folder with a sub-folder for each person, searched for in a gallery that there is.

    People who are not in the gallery are strangers, and in each split those whom the plan takes out of it.
    Pictures whose SHA-256 is among `digests`, because they are enrolled themselves, are left out.
    """
    paths, names = source.people(folder)
    everyone = set(gallery.names) if enrolled is None else enrolled
    out = searches.how_many(plan.strangers, len(everyone))
    if out >= len(everyone):
        raise UsageError(f"{out} of {len(everyone)} people as strangers leave nobody in the gallery")
    templates = source.templates(paths, pipeline)
    used = np.array([digest not in digests for digest in templates.sha256], np.bool_)
    if not used.any():
        raise UsageError(f"{folder}: every picture is enrolled itself: give photos that are not")
    parts = []
    for number in range(plan.count if out else 1):
        random = np.random.default_rng((plan.seed, number))
        left_out = set(random.choice(sorted(everyone), out, replace=False).tolist())
        parts.append(
            searches.search(
                gallery.without(left_out),
                templates.vectors,
                templates.rows[used],
                probes=_kept([str(Path(path).relative_to(folder)) for path in paths], used),
                people=_kept(names, used),
                enrolled=everyone - left_out,
                split=number,
            )
        )
    notes = {
        **source.described(templates, pipeline),
        "strangers_left_out": out,
        "pictures_enrolled_themselves": int(np.count_nonzero(~used)),
        "seed": plan.seed,
    }
    return Measured(searches.joined(parts), notes, templates.problems)


def _kept(values: Sequence[str], chosen: NDArray[np.bool_]) -> list[str]:
    return [value for value, keep in zip(values, chosen.tolist(), strict=True) if keep]


def open_enrolled(
    where: Place | Path, source: Vectorizer, pipeline: Pipeline
) -> tuple[Enrolled, set[str], set[str], Texts]:
    """A gallery file (or a folder with one in it), or a folder with a sub-folder for each person: its
    templates, the digests of its pictures, who should be in it, and what could not be read."""
    place = place_of(where)
    folder = where if isinstance(where, Path) else None
    if folder is None or place.exists() or not folder.is_dir():
        with place.open(fingerprint=pipeline.fingerprint) as gallery:
            contents = list(gallery.contents())
        if not contents:
            raise UsageError(f"{place}: nobody is enrolled in this gallery")
        names = [item.subject for item in contents]
        vectors = np.stack([item.vector for item in contents])
        return Enrolled.of(vectors, names), {item.sha256 for item in contents}, set(names), ()
    paths, people = source.people(folder)
    templates = source.templates(paths, pipeline)
    used = np.flatnonzero(templates.rows >= 0)
    if not used.size:
        raise NoFaceError(
            f"{folder}: no face in any of its {len(paths)} pictures: nobody can be searched for"
        )
    gallery_of = Enrolled.of(templates.vectors, [people[number] for number in used.tolist()])
    return gallery_of, set(templates.sha256) - {""}, set(people), templates.problems
