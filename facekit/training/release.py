"""A trained run as an embedder that facekit can use: network file, description, and how good it is."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from facekit.errors import FacekitError, UsageError
from facekit.evaluation import metrics
from facekit.files import outputs
from facekit.files.writing import replacing
from facekit.results import CROP_SIDE
from facekit.training import checkpoint, export, manifest
from facekit.training.config import Config
from facekit.training.data import Faces
from facekit.training.export import Drift, Vectors

PRECISIONS = ("float32", "float16", "int8")
CALIBRATION_CROPS = 1024
FEWEST_STEPS = 100
"""With fewer a network that began with nothing has not learned to tell faces apart."""


class UnprovenError(FacekitError):
    """The run has not shown yet that it is good for anything, and was not exported."""


class DriftError(FacekitError):
    """The smaller file is worse than was allowed, and was not written."""


@dataclass(frozen=True)
class Bounds:
    """What a smaller file may lose against float32: mean 1 − cosine of the vectors of a crop, and TAR at
    FMR 1e-4 (1e-3, or accuracy, where there are too few pairs), as a fraction of one."""

    vector: float = 0.01
    tar: float = 0.01

    def check(self, drift: Drift) -> None:
        """Raise DriftError, with the figures, if the drift is over a bound."""
        rate = metrics.headline(drift.before)
        if drift.vector_mean > self.vector or drift.loss(rate) > self.tar:
            raise DriftError(
                f"not written: vectors moved by {drift.vector_mean:.4f} (1 − cosine; allowed {self.vector:g})"
                f" and {rate} fell from {drift.before[rate]:.4f} to {drift.after[rate]:.4f} "
                f"(allowed loss {self.tar:g})"
            )


@dataclass(frozen=True)
class Provenance:
    """Where an embedder comes from: goes into the manifest as it is."""

    license: str = ""
    data: str = ""
    command: str = ""
    commit: str = ""


@dataclass(frozen=True)
class Released:
    """What was written: `network`, the `description` beside it, its manifest `entry`, and the drift of each
    precision that was looked at (empty without validation faces)."""

    network: Path
    description: Path
    entry: dict[str, Any]
    drifts: dict[str, Drift] = field(default_factory=dict)


def release(
    run: Path,
    out: Path,
    *,
    precision: str = "float32",
    calibration: Faces | None = None,
    validation: Faces | None = None,
    bounds: Bounds | None = None,
    provenance: Provenance | None = None,
    side: int | None = None,
    flip: bool = False,
    name: str = "",
    unproven: bool = False,
) -> Released:
    """Write the averaged network of `run` (a checkpoint or its folder) as `out` (NAME.onnx) and NAME.toml.

    `int8` needs crops for `calibration`, never those it is judged on; a precision below float32 needs
    `validation`. `side` None is the size of the faces that the run saw last; `flip` averages the vectors of
    crop and mirror image; `name` is by default the file's. Leaves `out` as it was and raises DriftError
    if the file would be worse than `bounds`, UnprovenError for a run for which nothing speaks, unless
    `unproven`.
    """
    if precision == "int8" and calibration is None:
        raise UsageError(
            "int8 needs crops to calibrate on: give the array that was trained on with --calibration"
        )
    if precision != "float32" and validation is None:
        raise UsageError(f"{precision} must be compared with float32: give labeled crops with --validation")
    for path in (out, out.with_suffix(".toml")):
        outputs.require_replaceable(
            path, [run, checkpoint.find(run)], lambda _: manifest.describes(out.with_suffix(".toml"), out)
        )
    saved = checkpoint.read(run)
    doubt = doubtful(saved)
    if doubt and not unproven:
        raise UnprovenError(f"{checkpoint.find(run)}: {doubt}: --unproven exports it all the same")
    side = side or export.trained_side(saved)
    plain = export.to_onnx(export.load_network(saved), side=side)
    network = plain
    if precision == "float16":
        network = export.half_weights(plain)
    elif precision == "int8":
        assert calibration is not None
        network = export.quantized(plain, sample(calibration), side=side)
    drifts, vectors = {}, None
    if validation is not None:
        vectors = export.embed(network, validation.crops, side=side, flip=flip)
        if precision != "float32":
            reference = export.embed(plain, validation.crops, side=side, flip=flip)
            drifts[precision] = export.drift(reference, vectors, validation.labels, validation.families)
            (bounds or Bounds()).check(drifts[precision])
    entry = describe(saved, out, network, precision, provenance or Provenance())
    entry |= {"side": side, "flip": flip, "name": name or out.stem}
    if vectors is not None and validation is not None:
        entry |= judged(vectors, validation)
    out.parent.mkdir(parents=True, exist_ok=True)
    description = out.with_suffix(".toml")
    with replacing(description) as written, replacing(out) as unfinished:
        written.write_text(manifest.to_toml({"embedder": entry}), encoding="utf-8")
        unfinished.write_bytes(network)
    return Released(out, description, entry, drifts)


def doubtful(saved: checkpoint.Checkpoint) -> str:
    """Why nothing speaks for the network of a checkpoint; empty where something does."""
    facts, config = saved.facts, Config.from_dict(saved.config)
    judged = [row for row in facts["history"] if "accuracy" in row]
    start = judged[0] if judged and judged[0]["step"] == 0 else None
    if facts["step"] < FEWEST_STEPS and start is None:
        return f"has hardly begun, with {facts['step']} of {config.steps} steps (train it on with --resume)"
    if not judged:
        return "was never validated, so that nobody knows how good it is (train with --validation)"
    name = metrics.headline(judged[-1])
    if start is not None and judged[-1]["step"] == facts["step"] and judged[-1][name] < start.get(name, 0.0):
        return (
            f"is worse than what it began from, {name} {judged[-1][name]:.4f} after {start[name]:.4f} (lower "
            "--rate, or take the folder for its best checkpoint)"
        )
    return ""


def sample(faces: Faces, count: int = CALIBRATION_CROPS) -> export.Crops:
    """Evenly spread plain crops, so that every source of the array is seen."""
    rows = np.linspace(0, len(faces.labels) - 1, min(count, len(faces.labels))).astype(np.int64)
    return np.asarray(faces.crops[np.unique(rows)])


def describe(
    saved: checkpoint.Checkpoint, out: Path, network: bytes, precision: str, provenance: Provenance
) -> dict[str, Any]:
    """The manifest's fields (facekit.models.weights.EmbedderSpec) and the history of the file."""
    facts = saved.facts
    origin = asdict(provenance)
    origin["command"] = origin["command"] or facts.get("command", "")
    origin["commit"] = origin["commit"] or facts.get("commit", "")
    training = {
        "network": saved.config["network"],
        "loss": saved.config.get("loss", "arcface"),
        "steps": facts["step"],
        "steps_planned": Config.from_dict(saved.config).steps,
        "crops_seen": facts["step"] * saved.config["batch"],
        "hours": round(facts["seconds"] / 3600, 2),
    }
    if facts.get("resumed"):
        training["resumed"] = facts["resumed"]
    return {
        "file": out.name,
        "name": out.stem,
        "sha256": hashlib.sha256(network).hexdigest(),
        "dimension": saved.config["dimension"],
        "side": CROP_SIDE,
        "color": "rgb",
        "layout": "nchw",
        "mean": export.MEAN,
        "scale": export.SCALE,
        "template": "arcface5",
        "flip": False,
        "precision": precision,
        **{name: value for name, value in origin.items() if value},
        "training": training,
    }


def judged(vectors: Vectors, faces: Faces) -> dict[str, Any]:
    """Threshold at the lowest FMR that the faces can show (1e-4 at best), and the figures."""
    mated, non_mated = metrics.split_scores(vectors, faces.labels, faces.families)
    rates = metrics.verification(vectors, faces.labels, faces.families)
    figures: dict[str, Any] = {name: round(value, 5) for name, value in rates.items()}
    figures |= {"crops": len(vectors), "mated": len(mated), "non_mated": len(non_mated)}
    fmr = next((fmr for fmr in (1e-4, 1e-3) if fmr * len(non_mated) >= 3), None)
    if fmr is None:
        return {"figures": figures}
    threshold = metrics.threshold_at_fmr(non_mated, fmr)
    return {
        "threshold": round(threshold + 5e-5, 4),
        "calibration": f"FMR {fmr:.0e} over {len(non_mated)} non-mated pairs of {len(vectors)} crops",
        "figures": figures,
    }
