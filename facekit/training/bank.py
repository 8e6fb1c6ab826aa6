"""A bank of views: every crop augmented a few times once, with the teacher's vector of that very view.

The training loop then pays neither for augmentation nor for the teacher, and student and
teacher see identical pixels (Beyer et al. 2022, "Knowledge distillation: a good teacher is
patient and consistent"). View 0 of a crop is the crop itself. A bank is a folder:

    bank.json    what it was made of, see Key; absent from banks of older versions
    views.npy    uint8   (crops * views, 112, 112, 3) RGB; row = view * crops + crop; absent where the
                 only view is the crop itself
    teacher.npy  float16 (crops * views, dimension), unit vectors; absent without a teacher
    progress     how many rows are done
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from facekit.errors import UsageError
from facekit.files import outputs, untrusted
from facekit.files.untrusted import Fields
from facekit.files.writing import write_text
from facekit.training.augment import augment
from facekit.training.config import Augmentation
from facekit.training.data import Faces

KEY, VIEWS, TEACHER, PROGRESS = "bank.json", "views.npy", "teacher.npy", "progress"
SAMPLE = 256
AT_ONCE, AT_ONCE_ON_GPU = 256, 2048
"""So many rows are made at a time, unless told."""
DIFFERENT = {
    "crops": "other crops",
    "pixels": "other crops",
    "teacher": "another teacher",
    "views": "another number of views",
    "seed": "another seed",
    "augmentation": "another augmentation",
}
Mode = Literal["r+", "w+"]
_OTHER = "name another folder with --bank"
_AGAIN = "delete the folder to make it again"


class Teacher(Protocol):
    """What is used of facekit.faces.embedding.Embedder."""

    fingerprint: str
    dimension: int

    def __call__(self, crops: NDArray[np.uint8], /) -> NDArray[np.float32]:
        """Vectors (n, dimension) of crops (n, 112, 112, 3)."""
        ...


@dataclass(frozen=True)
class Key:
    """What a bank was made of: two banks of the same key have the same rows.

    `pixels` is the digest of some of the crops, `teacher` the fingerprint of the embedder, over its file's
    SHA-256 and preprocessing. `seed` and `augmentation` are None where the only view is the crop itself.
    """

    crops: int
    pixels: str
    teacher: str | None
    views: int
    seed: int | None
    augmentation: dict[str, Any] | None

    @classmethod
    def of(
        cls, crops: NDArray[np.uint8], views: int, teacher: Teacher | None, changes: Augmentation, seed: int
    ) -> Key:
        drawn = views > 1
        return cls(
            crops=len(crops),
            pixels=digest(crops),
            teacher=teacher.fingerprint if teacher is not None else None,
            views=views,
            seed=seed if drawn else None,
            augmentation=asdict(changes) if drawn else None,
        )

    def differences(self, other: Key) -> list[str]:
        """In which fields the two differ."""
        mine, theirs = asdict(self), asdict(other)
        return [name for name in mine if mine[name] != theirs[name]]


def digest(crops: NDArray[np.uint8]) -> str:
    """SHA-256 over at most SAMPLE crops, evenly spread: the whole of a large array takes minutes to read."""
    rows = np.unique(np.linspace(0, len(crops) - 1, min(SAMPLE, len(crops))).astype(np.int64))
    return hashlib.sha256(np.ascontiguousarray(crops[rows]).tobytes()).hexdigest()


def build(
    crops: NDArray[np.uint8],
    out: Path,
    *,
    views: int,
    teacher: Teacher | None,
    augmentation: Augmentation,
    seed: int = 0,
    batch: int | None = None,
    device: torch.device | None = None,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the bank of `crops`, uint8 (n, side, side, 3) RGB; goes on where it stopped.

    Views are made on `device` (None: the CPU). Flips are left to the training loop, which mirrors views at
    random; the teacher's vector of a view is the mean over the view and its mirror image, so it holds for
    both. UsageError, and nothing is written, where `out` holds a bank of something else.
    """
    augmentation = replace(augmentation, flip=0.0)
    on_gpu = device is not None and device.type == "cuda"
    batch = batch or (AT_ONCE_ON_GPU if on_gpu else AT_ONCE)
    total, done = len(crops) * views, finished(out)
    key = Key.of(crops, views, teacher, augmentation, seed)
    if done:
        _check(out, key, teacher)
    else:
        _require_room(out)
        out.mkdir(parents=True, exist_ok=True)
        _replace(out / KEY, json.dumps(asdict(key), indent=2) + "\n")
    if done >= total:
        return
    mode: Mode = "r+" if done else "w+"
    stored: NDArray[np.uint8] | None = None
    vectors: NDArray[np.float16] | None = None
    if views > 1:
        stored = _mapped(out / VIEWS, mode, np.dtype(np.uint8), (total, *crops.shape[1:]))
    if teacher is not None:
        vectors = _mapped(out / TEACHER, mode, np.dtype(np.float16), (total, teacher.dimension))
    while done < total:
        view, first = divmod(done, len(crops))
        last = min(first + batch, len(crops))
        faces = np.array(crops[first:last])
        if view:
            pixels = torch.from_numpy(faces).to(device).permute(0, 3, 1, 2)
            views_of = augment(pixels, augmentation, np.random.default_rng((seed, done)))
            faces = views_of.permute(0, 2, 3, 1).contiguous().cpu().numpy()
        if stored is not None:
            stored[done : done + len(faces)] = faces
        if teacher is not None and vectors is not None:
            # NumPy takes five times as long to turn pixels of three bytes around.
            mirrored = torch.from_numpy(faces).flip(2).numpy()
            vectors[done : done + len(faces)] = unit(unit(teacher(faces)) + unit(teacher(mirrored)))
        done += len(faces)
        # What is counted as done must be on the disk first.
        for array in (stored, vectors):
            if isinstance(array, np.memmap):
                array.flush()
        _replace(out / PROGRESS, str(done))
        report(done, total)


def _require_room(out: Path) -> None:
    """UsageError where a file that is no bank's has the name of one that is written."""
    if not (out / KEY).exists():
        for name in (VIEWS, TEACHER, PROGRESS):
            outputs.require_replaceable(out / name, [])


def _mapped(path: Path, mode: Mode, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    """An array on disk. A new one takes its room at once: a map for which there is none would end Python."""
    array = open_memmap(path, mode, dtype, shape)
    if mode == "w+" and hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(path)) from None
    return array


def read(faces: Faces, bank: Path, *, note: Callable[[str], None] = lambda text: None) -> Faces:
    """The same faces with the views and the teacher's vectors of `bank`, as far as whole views are done.

    A bank that does not say what it was made of is used where its shapes and its first view fit, and `note`
    hears of it. UsageError where it was made of other crops, is damaged, or not one view is done.
    """
    if not (bank / PROGRESS).exists():
        raise UsageError(f"{bank}: holds no bank; make one with --teacher or --views")
    count, done, key = len(faces.labels), finished(bank), _key(bank)
    vectors = _load(bank / TEACHER, np.float16, 2)
    views = _views(bank, count, vectors) if key is None else key.views
    crops = _load(bank / VIEWS, np.uint8, 4) if views > 1 else faces.crops
    if crops is None or (key is not None and key.teacher is not None and vectors is None):
        raise UsageError(f"{bank}: is damaged, {VIEWS if crops is None else TEACHER} is missing; {_AGAIN}")
    if any(len(array) != count * views for array in (crops, vectors) if array is not None):
        raise UsageError(f"{bank}: was made of other crops, {count} of them do not fit; {_OTHER}")
    ready = done // count * count
    if not ready:
        raise UsageError(f"{bank}: is not finished: give the --teacher and --views that it was begun with")
    if digest(faces.crops) != (digest(crops[:count]) if key is None else key.pixels):
        raise UsageError(f"{bank}: was made of other crops; {_OTHER}")
    if key is None:
        note(f"{bank}: does not say what it was made of, as older banks do not; used as it is")
    return replace(faces, crops=crops[:ready], teacher=None if vectors is None else vectors[:ready])


def require_complete(bank: Path, *, begun: bool) -> None:
    """Raise the UsageError that `read` would for a bank that is damaged or, unless it was only `begun`, not
    there or not finished. Whose crops it is of is not asked."""
    if not begun and not (bank / PROGRESS).exists():
        raise UsageError(f"{bank}: holds no bank; make one with --teacher or --views")
    finished(bank)
    _key(bank)
    for name, dtype, axes in ((TEACHER, np.float16, 2), (VIEWS, np.uint8, 4)):
        _load(bank / name, dtype, axes)


def dimension(bank: Path) -> int | None:
    """Of the teacher's vectors in it, where there are any."""
    vectors = _load(bank / TEACHER, np.float16, 2)
    return None if vectors is None else int(vectors.shape[1])


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of `vectors` (n, d) scaled to length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def finished(bank: Path) -> int:
    """How many rows are done; 0 where there is no bank yet."""
    progress = bank / PROGRESS
    try:
        rows = int(untrusted.text(progress, most=untrusted.SMALL)) if progress.exists() else 0
        if not 0 <= rows < 1 << 40:
            raise ValueError
        return rows
    except ValueError:
        raise UsageError(f"{progress}: is damaged, it is no number of rows; {_AGAIN}") from None


def _check(bank: Path, wanted: Key, teacher: Teacher | None) -> None:
    """UsageError unless the bank that was begun is the one that is wanted."""
    saved, rows = _key(bank), wanted.crops * wanted.views
    different = [] if saved is None else wanted.differences(saved)
    if not different and wanted.views > 1:
        stored = _load(bank / VIEWS, np.uint8, 4)
        different += ["views"] if stored is None or len(stored) != rows else []
    if not different and teacher is not None:
        vectors = _load(bank / TEACHER, np.float16, 2)
        fits = vectors is not None and vectors.shape == (rows, teacher.dimension)
        different += [] if fits else ["teacher"]
    if different:
        words = ", ".join(dict.fromkeys(DIFFERENT[name] for name in different))
        as_it_is = "" if "other crops" in words else "leave out --teacher and --views to use it as it is, or "
        raise UsageError(f"{bank}: holds a bank of {words}; {as_it_is}{_OTHER}")


def _views(bank: Path, count: int, vectors: NDArray[Any] | None) -> int:
    """How many views a bank without a key has: as many as its vectors, where there are any."""
    rows = vectors if vectors is not None else _load(bank / VIEWS, np.uint8, 4)
    if rows is None:
        raise UsageError(f"{bank}: is damaged, {VIEWS} and {TEACHER} are missing; {_AGAIN}")
    if not len(rows) or len(rows) % count:
        raise UsageError(f"{bank}: was made of other crops ({len(rows)} views do not fit {count}); {_OTHER}")
    return len(rows) // count


def _key(bank: Path) -> Key | None:
    """What the bank says it was made of; None where it does not."""
    path = bank / KEY
    if not path.exists():
        return None
    try:
        fields = Fields(untrusted.json_value(untrusted.text(path, most=untrusted.SMALL), path), f"{path}:")
        values = fields.values
        changes = values.get("augmentation")
        return Key(
            crops=fields.integer("crops"),
            pixels=fields.text("pixels"),
            teacher=None if values.get("teacher") is None else fields.text("teacher"),
            views=fields.integer("views", least=1),
            seed=None
            if values.get("seed") is None
            else fields.integer("seed", least=-(1 << 62), most=1 << 62),
            augmentation=None if changes is None else dict(fields.inner("augmentation").values),
        )
    except UsageError as error:
        raise UsageError(f"{path}: is damaged ({str(error).removeprefix(f'{path}: ')}); {_AGAIN}") from None


def _load(path: Path, dtype: type[np.generic], axes: int) -> NDArray[Any] | None:
    """An array that stays on disk; None where it is missing, UsageError where it is damaged."""
    if not path.exists():
        return None
    try:
        array: NDArray[Any] = untrusted.array(path)
    except UsageError as error:
        raise UsageError(f"{path}: is damaged ({str(error).removeprefix(f'{path}: ')}); {_AGAIN}") from None
    if array.dtype != dtype or array.ndim != axes:
        raise UsageError(f"{path}: is no array of a bank; {_AGAIN}")
    return array


def _replace(path: Path, text: str) -> None:
    """A full disk or a crash leaves the old text."""
    write_text(path, text, durable=True)
