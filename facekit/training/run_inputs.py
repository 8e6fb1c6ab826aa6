"""What a run is given besides its faces, read before any photo is: cropping takes minutes, and a broken file
should not be missed at the end of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facekit.errors import UsageError, WeightsError
from facekit.files.untrusted import reason
from facekit.models import weights
from facekit.results import CROP_SIDE
from facekit.training import bank, checkpoint, data, networks, teacher
from facekit.training.config import Config
from facekit.training.restore import restore

if TYPE_CHECKING:
    import torch

    from facekit.training.invocation import Request


@dataclass(frozen=True, eq=False)
class Inputs:
    """The network to learn from, and the faces to validate on, where they were given."""

    teacher: bank.Teacher | None = None
    validation: data.Faces | None = None


def read(
    request: Request, config: Config, device: torch.device, note: Callable[[str], None] = lambda text: None
) -> Inputs:
    """The inputs of a run; `note` hears of what runs otherwise than wanted.

    Raises UsageError or WeightsError for one that is damaged, or of another kind.
    """
    if request.bank is not None:
        bank.require_complete(request.bank, begun=request.teacher is not None or request.views > 1)
    taught = None if request.teacher is None else _teacher(request.teacher, device, note)
    if request.init is not None and not request.resume:
        dimension = taught.dimension if taught else bank.dimension(request.bank) if request.bank else None
        _try_to_begin(request.init, config, dimension)
    faces = None if request.validation is None else data.read_validation(request.validation)
    return Inputs(taught, faces)


def _teacher(path: Path, device: torch.device, note: Callable[[str], None]) -> bank.Teacher:
    shipped = weights.shipped_embedder()
    spec = shipped if path == shipped.path else weights.user_embedder(path)
    if (spec.side, spec.template) != (CROP_SIDE, "arcface5"):
        raise UsageError(
            f"{spec.path}: a teacher sees the crops as they are, 112 pixels by arcface5, not {spec.side} by "
            f"{spec.template}"
        )
    return teacher.load(spec, device, note)


def _try_to_begin(path: Path, config: Config, taught: int | None) -> None:
    """Raise what beginning from the file would raise, on a network that is let go of again. `taught` is the
    dimension of the teacher's vectors."""
    network: Any = networks.create(config.network, config.dimension)
    if path.suffix == ".onnx":
        noise = np.random.default_rng(0).integers(0, 256, (2, CROP_SIDE, CROP_SIDE, 3)).astype(np.uint8)
        last = restore(network, path, noise)
        if last is not None and taught != last.out_features:
            raise WeightsError(
                f"{path}: is of another dimension than {last.out_features}: only a run with such a teacher "
                "can begin from it"
            )
        return
    try:
        network.load_state_dict(checkpoint.read(path).under("averaged"))
    except RuntimeError as error:
        raise WeightsError(f"{path}: is of another network ({reason(error)})") from None
