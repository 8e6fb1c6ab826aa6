"""A checkpoint: one safetensors file with every tensor of a run, its settings and its history.

Keys are `network.*` (the weights that are trained), `averaged.*` (their moving average, which is what is
exported), `head.*` (class centers) and `optimizer.N.*`; the notes are `config` and `run`, both JSON, and
`digest`, which tells a file that has changed since (older files have none). A safetensors file holds numbers
only, so that reading somebody's checkpoint runs no code of theirs.
"""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from facekit.errors import FacekitError, WeightsError
from facekit.files import untrusted
from facekit.files.writing import replacing
from facekit.training.config import Config

LAST, BEST, TRUNK = "last.safetensors", "best.safetensors", "trunk.safetensors"
DIGEST = "digest"


Check = Callable[[Any, Any], None]


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """`config` are the settings of the run, `facts` its step, time and history."""

    tensors: dict[str, Tensor]
    config: dict[str, Any]
    facts: dict[str, Any]

    def under(self, prefix: str) -> dict[str, Tensor]:
        """The tensors whose name starts with `prefix` and a dot, without it."""
        start = f"{prefix}."
        return {
            name.removeprefix(start): value for name, value in self.tensors.items() if name.startswith(start)
        }


def write(path: Path, checkpoint: Checkpoint) -> None:
    """Write atomically: a reader sees the old file or the whole new one, also after a loss of power.

    Raises OSError where it cannot be written; the old file is then as it was.
    """
    notes = {"config": json.dumps(checkpoint.config), "run": json.dumps(checkpoint.facts)}
    tensors = {name: value.contiguous() for name, value in checkpoint.tensors.items()}
    notes[DIGEST] = _digest(tensors, notes)
    with replacing(path, durable=True) as part:
        try:
            save_file(tensors, part, metadata=notes)
        except SafetensorError as error:
            # What safetensors makes of a full disk.
            raise OSError(errno.EIO, f"cannot be written ({error})", str(path)) from None


def read(path: Path, *, device: str = "cpu", check: Check | None = None) -> Checkpoint:
    """Read a checkpoint; a folder stands for the best one in it, else the last.

    `check` raises for notes, `config` and `facts`, that its command did not write; by default those that
    `facekit train` did not write.
    """
    path = find(path)
    untrusted.require(path, most=untrusted.ARRAY, error=WeightsError)
    try:
        with safe_open(path, "pt", device=device) as file:
            notes = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if notes.pop(DIGEST, None) not in (None, _digest(tensors, notes)):
            raise ValueError("it is damaged: its numbers are not those that were saved")
        config, facts = (untrusted.json_value(notes[name], name) for name in ("config", "run"))
        (check or _check)(config, facts)
    except (OSError, SafetensorError, KeyError, ValueError, TypeError, FacekitError) as error:
        what = untrusted.reason(error)
        raise WeightsError(f"{path}: is not a checkpoint of `facekit train` ({what})") from None
    return Checkpoint(tensors, config, facts)


def _check(config: Any, facts: Any) -> None:
    """Raise for notes that `write` did not write."""
    Config.from_dict(config)
    run = untrusted.Fields(facts, "run:")
    run.integer("step")
    run.number("best")
    run.number("seconds", least=0)
    for name in ("stale", "side", "teacher"):
        run.integer(name, 0)
    for name in ("command", "commit", "data", "validation"):
        run.text(name, "", longest=100_000)
    history, resumed = run.values.get("history"), run.values.get("resumed", [])
    if not isinstance(history, list) or not isinstance(resumed, list):
        raise ValueError("it has no history")
    for row in history:
        values = untrusted.Fields(row, "a row of its history")
        for name in {"step", *values.values}:
            values.number(name)
    for command in resumed:
        untrusted.Fields({"resumed": command}, "run:").text("resumed", longest=100_000)


def find(path: Path) -> Path:
    """The file that `path`, a checkpoint or the folder of a run, stands for."""
    if not path.is_dir():
        return path
    for name in (BEST, LAST):
        if (path / name).is_file():
            return path / name
    raise WeightsError(f"{path}: holds no {BEST} or {LAST}; is it the folder that `facekit train` wrote?")


def _digest(tensors: Mapping[str, Tensor], notes: Mapping[str, str]) -> str:
    """SHA-256 over all names, numbers and notes."""
    digest = hashlib.sha256(json.dumps([sorted(notes.items()), sorted(tensors)]).encode())
    for name in sorted(tensors):
        digest.update(np.ascontiguousarray(tensors[name].cpu().numpy()).data)
    return digest.hexdigest()
