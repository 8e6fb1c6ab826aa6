"""What is wanted of each cell of a view: a teacher's scores, set right by what is known of the photograph.

The teacher sees the view itself, so that its scores say which cells see a face of this size best, and how
like a face all else is. What it misses there is filled in from the labels, which were found in the photo at
its full size; what it takes for a face where there is none is taken back.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facekit.detection.geometry import detections, fit, ordered, overlap, suppress
from facekit.detection.network import STRIDES, decode, grid
from facekit.errors import WeightsError
from facekit.files import untrusted
from facekit.models import runtime
from facekit.results import Detection, Pixels
from facekit.training.detector_pictures import Labels

Floats = NDArray[np.float32]

FEATURES = 64
UNITS = 18
_FITS = 0.4
_MISSED = 0.5
_FILLED_IN = 0.9
_NO_FACE = 0.03
_DOUBTFUL = 0.3
_DENIED = 3.0
"""How much a cell counts that sees what looks like a face and is none."""
_SEEN = 0.1
UPRIGHT = 50.0
"""Of views that are turned by more degrees the teacher knows nothing."""
_CELLS_ACROSS = 4.0
"""How many cells of its map a face is wide at best, where no teacher says which cells see it."""


class Answers(NamedTuple):
    """Of all cells of a picture: scores (n,), boxes (n, 4), points (n, 5, 2), and features (n, FEATURES) that
    all of these come from; `places` (n, 14), the boxes and points before `decode`; and `maps`, what each unit
    of the network made, (channels, height, width)."""

    scores: Floats
    boxes: Floats
    points: Floats
    features: Floats
    places: Floats
    maps: list[Floats]


class YuNetMaps:
    """Raw answers of a YuNet network of libfacedetection.train, one thread, picture by picture."""

    def __init__(self, path: Path) -> None:
        try:
            self._network = runtime.load(_with_maps(path), threads=1)
        except (OSError, runtime.LoadError) as error:
            raise WeightsError(f"{path}: no network that can be loaded ({error})") from None

    def __call__(self, pixels: Pixels) -> Answers:
        """Of a picture with sides that are multiples of 32."""
        batch = np.ascontiguousarray(pixels[:, :, ::-1].transpose(2, 0, 1)[None].astype(np.float32))
        outputs = self._network.outputs(batch)
        classes, objects, boxes, points = (
            np.concatenate([each.reshape(-1, each.shape[-1]) for each in outputs[first : first + 3]])
            for first in (0, 3, 6, 9)
        )
        scores = np.sqrt(np.clip(classes[:, 0], 0, 1) * np.clip(objects[:, 0], 0, 1))
        maps = [each[0] for each in outputs[12:]]
        features = np.concatenate([each.reshape(FEATURES, -1).T for each in maps[-len(STRIDES) :]])
        places = np.concatenate([boxes, points], axis=1)
        return Answers(scores, *decode(places, grid(*pixels.shape[:2])), features, places, maps)


def _with_maps(path: Path) -> bytes:
    """The network with further outputs: what each of its units makes, in their order."""
    import onnx

    try:
        model = onnx.load_from_string(untrusted.content(path, most=untrusted.NETWORK, error=WeightsError))
    except WeightsError:
        raise
    except Exception as error:  # google.protobuf's own, which is no dependency of ours
        raise WeightsError(f"{path}: is no ONNX file ({untrusted.reason(error)})") from None
    if len(model.graph.output) != 4 * len(STRIDES):
        raise WeightsError(f"{path}: no YuNet, which has {4 * len(STRIDES)} outputs")
    made = [node.output[0] for node in model.graph.node if node.op_type == "Relu"]
    if len(made) != UNITS:
        raise WeightsError(f"{path}: no YuNet, which has {UNITS} units")
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in made)
    return bytes(model.SerializeToString())


class YuNetDetector:
    """A YuNet network as a detector: two looks, because it does not see faces of more than 300 pixels."""

    def __init__(self, path: Path, *, sure: float = _MISSED) -> None:
        self._maps, self._sure = YuNetMaps(path), sure

    def detect(self, pixels: Pixels, *, min_face: int) -> list[Detection]:
        looks = [self._look(pixels, scale) for scale in (1.0, 0.5)]
        boxes, scores, points = (np.concatenate(parts) for parts in zip(*looks, strict=True))
        return ordered(detections(boxes, scores, points, suppress(boxes, scores, _FITS)), min_face)

    def _look(self, pixels: Pixels, scale: float) -> tuple[Floats, Floats, Floats]:
        height, width = (max(32, round(side * scale / 32) * 32) for side in pixels.shape[:2])
        view = fit(pixels, width, height, fill=0, centered=False)
        scores, boxes, points, *_ = self._maps(view.canvas)
        sure = scores >= self._sure
        corners = view.back(boxes[sure].reshape(-1, 2, 2)).reshape(-1, 4)
        return corners.astype(np.float32), scores[sure], view.back(points[sure]).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Targets:
    """Of each cell, (n,): the score wanted, how much it counts, and the number of its face, −1 for none."""

    scores: Floats
    weights: Floats
    faces: NDArray[np.int64]


def of_view(labels: Labels, maps: Answers | None, height: int, width: int) -> Targets:
    """`maps` are the teacher's answers, None where it was not asked."""
    places = grid(height, width)
    scores = np.zeros(len(places), np.float32)
    weights = np.ones(len(places), np.float32)
    faces = np.full(len(places), -1)
    if maps is not None:
        scores[:] = maps.scores
        _set_right(scores, weights, faces, maps.boxes, labels)
    for number in np.flatnonzero(labels.certain):
        matched = faces == number
        best = float(scores[matched].max()) if matched.any() else 0.0
        if best >= _MISSED:
            # Two detectors agree that it is a face, so that it is surer than this one look.
            scores[matched] *= max(_FILLED_IN, (1 + best) / 2) / best
        else:
            cells = _cells(labels.boxes[number], places)
            scores[cells] = np.maximum(scores[cells], _FILLED_IN)
            faces[cells] = number
    for number in np.flatnonzero(labels.denied):
        denied = _inside(labels.boxes[number], places) & (faces < 0)
        scores[denied], weights[denied] = np.minimum(scores[denied], _NO_FACE), _DENIED
    for number in np.flatnonzero(~labels.certain & ~labels.denied):
        weights[_inside(labels.boxes[number], places) & (faces < 0)] = 0.0 if maps is None else _DOUBTFUL
    return Targets(scores, weights, faces)


def _set_right(
    scores: Floats, weights: Floats, faces: NDArray[np.int64], boxes: Floats, labels: Labels
) -> None:
    for cell in np.flatnonzero(scores > _SEEN):
        shares: NDArray[Any] = overlap(boxes[cell], labels.boxes) if len(labels.boxes) else np.zeros(0)
        best = int(shares.argmax()) if len(shares) else -1
        if best >= 0 and shares[best] > _FITS and labels.denied[best]:
            scores[cell], weights[cell] = _NO_FACE, _DENIED
        elif best >= 0 and shares[best] > _FITS:
            faces[cell] = best if labels.certain[best] else -1
        elif best < 0 or shares[best] < _FITS / 4:
            # The surest of these are often faces that both detectors missed in the photo.
            weights[cell] = _DOUBTFUL if scores[cell] >= _MISSED else 1.0
            scores[cell] = _NO_FACE


def _cells(box: Floats, places: Floats) -> NDArray[np.int64]:
    """The cells around the middle of a face in the map that suits its size, at least one."""
    side = float(np.sqrt(np.prod(box[2:] - box[:2])))
    strides = np.array(STRIDES)
    stride = strides[np.abs(np.log2(side / strides / _CELLS_ACROSS)).argmin()]
    away = np.abs((places[:, :2] + 0.5) * places[:, 2:] - (box[:2] + box[2:]) / 2).max(axis=1)
    away = np.where(places[:, 2] == stride, away, np.inf)
    return np.flatnonzero(away <= max(float(away.min()), min(0.2 * side, 0.8 * stride)))


def _inside(box: Floats, places: Floats) -> NDArray[np.bool_]:
    middles = (places[:, :2] + 0.5) * places[:, 2:]
    return np.asarray(((middles >= box[:2]) & (middles <= box[2:])).all(axis=1))
