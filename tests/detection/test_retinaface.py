"""RetinaFace and SCRFD exports are decoded to the boxes and points that were put in."""

from pathlib import Path

import numpy as np
import pytest

from facekit.detection import create
from facekit.errors import WeightsError
from facekit.results import Detection

from .networks import constant_network

SIDE = 256
# In pixels of the 256×256 input: box, score, five points.
FACES = [
    (
        (20.0, 30.0, 100.0, 130.0),
        0.95,
        [(40.0, 70.0), (80.0, 72.0), (61.0, 90.0), (44.0, 110.0), (78.0, 112.0)],
    ),
    (
        (150.0, 140.0, 190.0, 186.0),
        0.6,
        [(160.0, 155.0), (180.0, 156.0), (171.0, 164.0), (162.0, 175.0), (179.0, 176.0)],
    ),
]


def retinaface() -> list[np.ndarray]:
    counts = [(SIDE // stride) ** 2 * 2 for stride in (8, 16, 32)]
    loc, conf, landms = (np.zeros((1, sum(counts), width), np.float32) for width in (4, 2, 10))
    conf[..., 0] = 1
    for (x0, y0, x1, y1), score, points in FACES:
        middle, sides = np.array([x0 + x1, y0 + y1]) / 2, np.array([x1 - x0, y1 - y0])
        # The prior of 64 pixels, the first of the two at stride 16.
        column, row = (middle // 16).astype(int)
        at = counts[0] + (row * (SIDE // 16) + column) * 2
        prior = (np.array([column, row]) + 0.5) * 16
        loc[0, at] = [*(middle - prior) / 64 / 0.1, *np.log(sides / 64) / 0.2]
        conf[0, at] = [1 - score, score]
        landms[0, at] = ((np.array(points) - prior) / 64 / 0.1).ravel()
    return [loc, conf, landms]


def scrfd(*, batched: bool, points: bool) -> list[np.ndarray]:
    outputs: list[list[np.ndarray]] = [[], [], []]
    for stride in (8, 16, 32):
        side = SIDE // stride
        scores, boxes, offsets = (np.zeros((side * side * 2, width), np.float32) for width in (1, 4, 10))
        for ((x0, y0, x1, y1), score, five), own in zip(FACES, (16, 8), strict=True):
            if stride == own:
                column, row = (np.array([x0 + x1, y0 + y1]) / 2 // stride).astype(int)
                at, corner = (row * side + column) * 2 + 1, np.array([column, row]) * stride
                scores[at] = score
                boxes[at] = [*(corner - [x0, y0]) / stride, *([x1, y1] - corner) / stride]
                offsets[at] = ((np.array(five) - corner) / stride).ravel()
        for kept, tensor in zip(outputs, (scores, boxes, offsets), strict=True):
            kept.append(tensor[None] if batched else tensor)
    return [tensor for group in (outputs if points else outputs[:2]) for tensor in group]


def detect(outputs: list[np.ndarray], folder: Path, shape: tuple[int, int] = (SIDE, SIDE)) -> list[Detection]:
    network = constant_network(folder / "faces.onnx", outputs, [1, 3, SIDE, SIDE])
    return create(f"retinaface={network}").detect(np.zeros((*shape, 3), np.uint8))


def check(found: list[Detection], *, points: bool = True) -> None:
    assert len(found) == len(FACES)
    for face, (box, score, five) in zip(found, FACES, strict=True):
        assert face.box == pytest.approx(box, abs=0.01)
        assert face.score == pytest.approx(score, abs=1e-4)
        assert (face.points is not None) == points
        if face.points is not None:
            assert np.abs(face.points - five).max() < 0.01


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_retinaface_is_decoded_whatever_the_order_of_its_outputs(
    order: tuple[int, ...], tmp_path: Path
) -> None:
    outputs = retinaface()
    check(detect([outputs[at] for at in order], tmp_path))


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("points", [True, False])
def test_scrfd_is_decoded_with_and_without_batch_and_points(
    batched: bool, points: bool, tmp_path: Path
) -> None:
    check(detect(scrfd(batched=batched, points=points), tmp_path), points=points)


def test_scrfd_is_decoded_whatever_the_order_of_its_outputs(tmp_path: Path) -> None:
    check(detect(scrfd(batched=False, points=True)[::-1], tmp_path))


@pytest.mark.parametrize("outputs", [retinaface(), scrfd(batched=False, points=True)])
def test_boxes_are_in_pixels_of_the_picture_not_of_the_network(
    outputs: list[np.ndarray], tmp_path: Path
) -> None:
    first = detect(outputs, tmp_path, (SIDE // 2, SIDE * 2))[0]
    assert first.box == pytest.approx([2 * side for side in FACES[0][0]], abs=0.02)


def seen_by(outputs: list[np.ndarray], folder: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    detector = create(f"retinaface={constant_network(folder / 'a.onnx', outputs, [1, 3, SIDE, SIDE])}")
    seen: list[np.ndarray] = []
    monkeypatch.setattr(detector, "run", lambda batch: seen.append(batch) or outputs)
    detector.detect(np.full((SIDE, SIDE, 3), (200, 100, 50), np.uint8))
    return seen[0][0, :, 0, 0]


def test_each_network_is_given_the_colors_that_it_was_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert seen_by(retinaface(), tmp_path, monkeypatch) == pytest.approx((50 - 104, 100 - 117, 200 - 123))
    rgb = ((200 - 127.5) / 128, (100 - 127.5) / 128, (50 - 127.5) / 128)
    assert seen_by(scrfd(batched=True, points=True), tmp_path, monkeypatch) == pytest.approx(rgb)


@pytest.mark.parametrize(
    "outputs",
    [
        [np.zeros((1, 100, width)) for width in (4, 2, 10)],  # RetinaFace of another input size
        [np.zeros((1, 2688, width)) for width in (4, 2, 136)],
        [np.zeros((2048, 1)), np.zeros((2048, 4))],
        [np.zeros((count, width)) for width in (1, 4) for count in (2048, 512, 100)],
        [np.zeros((count, width)) for width in (1, 4, 10) for count in (2048, 512, 128 + 128 * (width == 4))],
        [np.zeros((0, width)) for width in (1, 4) for _ in range(3)],
        [np.zeros((1, 512))],
        [np.zeros(())],
    ],
)
def test_another_network_is_refused_with_its_file(outputs: list[np.ndarray], tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"faces\.onnx: n(ot|either)"):
        detect(outputs, tmp_path)


def test_a_network_of_another_kind_of_input_is_refused(tmp_path: Path) -> None:
    path = constant_network(tmp_path / "audio.onnx", [np.zeros((1, 10))], [1, 16000])
    with pytest.raises(WeightsError, match="not a batch of pictures"):
        create(f"retinaface={path}")
