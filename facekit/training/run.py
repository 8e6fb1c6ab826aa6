"""Everything that changes while training."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facekit.errors import UsageError, WeightsError
from facekit.files.untrusted import reason
from facekit.training import checkpoint, losses, networks
from facekit.training.checkpoint import Checkpoint
from facekit.training.config import Config
from facekit.training.data import Faces
from facekit.training.muon import Muon
from facekit.training.restore import FITTED, SAMPLE, fit_last, restore


@dataclass
class Run:
    """Saved whole, so that a resumed run is bit-equal to one that was never stopped.

    `averaged` is the moving average of `network`: what is validated and exported. `head` is the loss on
    labels, None where there are none; `bridge` maps vectors to the teacher's dimension where that is another.
    `history` are the metrics so far, one row a validation; `best` is the highest rate that was judged by,
    `stale` the validations since, on faces of `side` pixels. `notes` go into the checkpoint as they are: the
    command, the data. `begun` is whether it began from the weights of another.
    """

    network: nn.Module
    averaged: nn.Module
    head: nn.Module | None
    optimizer: torch.optim.Optimizer
    bridge: nn.Module | None = None
    step: int = 0
    best: float = -1.0
    stale: int = 0
    side: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    notes: dict[str, Any] = field(default_factory=dict)
    begun: bool = False

    def save(self, path: Path, config: Config) -> None:
        """Write a checkpoint, atomically."""
        tensors = {
            f"{part}.{name}": value
            for part, module in self._parts().items()
            for name, value in module.state_dict().items()
        }
        for number, state in self.optimizer.state_dict()["state"].items():
            named = {name: value for name, value in state.items() if isinstance(value, Tensor)}
            tensors |= {f"optimizer.{number}.{name}": value for name, value in named.items()}
        names = ("step", "best", "stale", "side", "seconds", "history")
        facts = {name: getattr(self, name) for name in names}
        checkpoint.write(path, Checkpoint(tensors, config.to_dict(), {**facts, **self.notes}))

    def load(self, path: Path) -> None:
        """Go on from a checkpoint of the same network, loss and optimizer; WeightsError if of others."""
        saved = checkpoint.read(path)
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in saved.under("optimizer").items():
            number, _, key = name.partition(".")
            state.setdefault(int(number), {})[key] = value
        groups = self.optimizer.state_dict()["param_groups"]
        try:
            if saved.config.get("optimizer", "adamw") != type(self.optimizer).__name__.lower():
                raise ValueError("another optimizer")
            ours = {part for part, module in self._parts().items() if module.state_dict()}
            if {name.partition(".")[0] for name in saved.tensors} - {"optimizer"} != ours:
                raise ValueError("labels or a teacher are missing, or are too many")
            for part, module in self._parts().items():
                module.load_state_dict(saved.under(part))
            self.optimizer.load_state_dict({"state": state, "param_groups": groups})
        except (RuntimeError, ValueError, KeyError) as error:
            raise WeightsError(f"{path}: is of other settings or other people ({reason(error)})") from None
        facts = saved.facts
        self.step, self.best, self.seconds = facts["step"], facts["best"], facts["seconds"]
        self.stale, self.side, self.history = facts.get("stale", 0), facts.get("side", 0), facts["history"]

    def load_weights(self, path: Path, data: Faces) -> None:
        """Begin from the averaged network of another run, or from an exported ONNX file: the weights only.

        What an exported file lacks is measured on crops of `data`. A file of another dimension gives all but
        the last layer; that one is fitted to the teacher's vectors. WeightsError if the file is of another
        network, or of another dimension and there is no teacher of this one.
        """
        self.begun = True
        if path.suffix == ".onnx":
            last = restore(self.network, path, data.crops[some_rows(data, SAMPLE)])
            if last is not None:
                self._fit(path, last, data)
            self.averaged.load_state_dict(self.network.state_dict())
            return
        wanted = checkpoint.read(path).under("averaged")
        try:
            self.network.load_state_dict(wanted)
            self.averaged.load_state_dict(wanted)
        except RuntimeError as error:
            raise WeightsError(f"{path}: is of another network ({reason(error)})") from None

    def _fit(self, path: Path, last: nn.Linear, data: Faces) -> None:
        if data.teacher is None or data.teacher.shape[1] != last.out_features:
            raise WeightsError(
                f"{path}: is of another dimension than {last.out_features}: only a run with such a teacher "
                "can begin from it"
            )
        rows = some_rows(data, FITTED)
        fit_last(self.network, last, data.crops[rows], data.teacher[rows])

    def to(self, device: torch.device) -> Run:
        """Move the tensors, the optimizer's too; to be called before `load`."""
        for module in self._parts().values():
            module.to(device)
        return self

    def _parts(self) -> dict[str, nn.Module]:
        named = {"network": self.network, "averaged": self.averaged, "head": self.head, "bridge": self.bridge}
        return {name: module for name, module in named.items() if module is not None}


def some_rows(data: Faces, most: int) -> NDArray[np.int64]:
    """Of the crops that are trained on so many, evenly spread."""
    places = np.linspace(0, len(data.rows) - 1, min(most, len(data.rows))).astype(np.int64)
    return data.rows[places]


def start(config: Config, data: Faces) -> Run:
    """A fresh run: seeded weights, class centers at the teacher's means where dimensions agree."""
    torch.manual_seed(config.seed)
    network = networks.create(config.network, config.dimension).to(memory_format=torch.channels_last)
    head = _head(config, data)
    if head is None and data.teacher is None:
        raise UsageError("nothing to learn from: no two subjects are labeled and there is no teacher")
    bridge = None
    if data.teacher is not None and data.teacher.shape[1] != config.dimension:
        bridge = nn.Linear(config.dimension, data.teacher.shape[1], bias=False)
    learning = [module for module in (network, head, bridge) if module is not None]
    parameters = [value for module in learning for value in module.parameters() if value.requires_grad]
    averaged = copy.deepcopy(network).requires_grad_(False)
    return Run(network, averaged, head, optimizer_of(config, parameters), bridge)


def _head(config: Config, data: Faces) -> nn.Module | None:
    if data.classes < 2 or (data.teacher is not None and not config.label_weight):
        return None
    head = losses.create(
        config.loss,
        config.dimension,
        data.classes,
        scale=config.scale,
        margin=config.margin,
        sample=config.sample,
        seed=config.seed,
    )
    agree = data.teacher is not None and data.teacher.shape[1] == config.dimension
    if agree and isinstance(head, losses.ClassHead):
        with torch.no_grad():
            head.weight.copy_(torch.from_numpy(class_means(data)))
    return head


def optimizer_of(config: Config, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    """Biases and norms are not decayed."""
    groups: list[dict[str, Any]] = [
        {"params": [value for value in parameters if value.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [value for value in parameters if value.ndim <= 1], "weight_decay": 0.0},
    ]
    if config.optimizer == "muon":
        groups[0]["params"] = [value for value in parameters if value.ndim > 1 and not _mixes(value)]
        kernels = [value for value in parameters if _mixes(value)]
        groups.append({"params": kernels, "weight_decay": config.weight_decay, "orthogonal": True})
        dtype = torch.bfloat16 if config.precision == "bf16" else torch.float32
        return Muon(groups, config.rate, betas=(0.9, 0.98), dtype=dtype)
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, config.rate, momentum=0.9, nesterov=True)
    if config.optimizer == "adamw":
        return torch.optim.AdamW(groups, config.rate, betas=(0.9, 0.98))
    raise UsageError(f"no optimizer is called {config.optimizer!r}; there are adamw, sgd, muon")


def _mixes(parameter: nn.Parameter) -> bool:
    """Whether it is a kernel over several channels: no linear layer, class center or depthwise kernel."""
    return parameter.ndim == 4 and parameter.shape[1] > 1


def class_means(data: Faces) -> NDArray[np.float32]:
    """Mean teacher vector of each class over the plain crops, scaled to length 1."""
    assert data.teacher is not None
    known = data.labels >= 0
    sums = np.zeros((data.classes, data.teacher.shape[1]), np.float32)
    np.add.at(sums, data.labels[known], data.teacher[: len(known)][known].astype(np.float32))
    return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True))
