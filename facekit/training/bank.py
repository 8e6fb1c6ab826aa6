"""A bank of views: every crop augmented a few times once, with the teacher's vector of that very view.

The training loop then pays neither for augmentation nor for the teacher, and student and
teacher see identical pixels (Beyer et al. 2022, "Knowledge distillation: a good teacher is
patient and consistent"). View 0 of a crop is the crop itself. A bank is a folder:

    views.npy    uint8   (crops * views, 112, 112, 3) RGB; row = view * crops + crop; absent where the
                 only view is the crop itself
    teacher.npy  float16 (crops * views, dimension), unit vectors; absent without a teacher
    progress     how many rows are done
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from facekit.errors import UsageError
from facekit.training.augment import augment
from facekit.training.config import Augmentation

Teacher = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


def build(
    crops: NDArray[np.uint8],
    out: Path,
    *,
    views: int,
    teacher: Teacher | None,
    augmentation: Augmentation,
    seed: int = 0,
    batch: int = 256,
    report: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the bank of `crops`, uint8 (n, side, side, 3) RGB; goes on where it stopped.

    Flips are left to the training loop, which mirrors views at random; the teacher's vector
    of a view is the mean over the view and its mirror image, so it holds for both.
    """
    out.mkdir(parents=True, exist_ok=True)
    total = len(crops) * views
    stored = _open(out / "views.npy", np.uint8, (total, *crops.shape[1:])) if views > 1 else None
    vectors = None
    progress = out / "progress"
    done = int(progress.read_text()) if progress.exists() else 0
    augmentation = replace(augmentation, flip=0.0)
    while done < total:
        view, first = divmod(done, len(crops))
        last = min(first + batch, len(crops))
        faces = np.array(crops[first:last])
        if view:
            torch.manual_seed(hash((seed, done)) & 0x7FFFFFFF)
            pixels = torch.from_numpy(faces).permute(0, 3, 1, 2)
            faces = augment(pixels, augmentation).permute(0, 2, 3, 1).numpy()
        if stored is not None:
            stored[done : done + len(faces)] = faces
        if teacher is not None:
            found = unit(teacher(faces)) + unit(teacher(faces[:, :, ::-1]))
            if vectors is None:
                vectors = _open(out / "teacher.npy", np.float16, (total, found.shape[1]))
            vectors[done : done + len(faces)] = unit(found)
        done += len(faces)
        progress.write_text(str(done))
        report(done, total)


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows of `vectors` (n, d) scaled to length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _open(path: Path, dtype: type[np.generic], shape: tuple[int, ...]) -> NDArray[np.generic]:
    mode = "r+" if path.exists() else "w+"
    array = np.lib.format.open_memmap(path, mode, np.dtype(dtype), shape if mode == "w+" else None)
    if array.shape != shape:
        raise UsageError(
            f"{path}: was of other crops or views ({array.shape}, not {shape}); name another folder"
        )
    return array
