"""The four published layouts of YOLO-face exports are decoded to the boxes and points that were put in."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from facekit.detection import create
from facekit.errors import WeightsError
from facekit.results import Detection

from .networks import constant_network

SIDE = 320
# In pixels of the 320×320 input: box, score, five points.
FACES = [
    (
        (40.0, 60.0, 104.0, 140.0),
        0.9,
        [(56.0, 90.0), (88.0, 92.0), (71.0, 108.0), (58.0, 124.0), (86.0, 126.0)],
    ),
    (
        (180.0, 160.0, 300.0, 300.0),
        0.7,
        [(210.0, 210.0), (270.0, 205.0), (241.0, 240.0), (215.0, 268.0), (268.0, 262.0)],
    ),
]
CELLS = [(SIDE // stride) ** 2 for stride in (8, 16, 32)]


def logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def v5_joined() -> list[np.ndarray]:
    rows = np.zeros((1, 3 * sum(CELLS), 16), np.float32)
    for at, ((x0, y0, x1, y1), score, points) in zip((5, 6000), FACES, strict=True):
        middle = [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0]
        rows[0, at] = rows[0, at + 1] = [*middle, score / 0.95, *np.ravel(points), 0.95]
        rows[0, at + 1, 4] *= 0.8  # a worse one of the same face
    return [rows]


def v5_by_stride() -> list[np.ndarray]:
    outputs = [np.full((1, 3, SIDE // s, SIDE // s, 16), -9.0, np.float32) for s in (8, 16, 32)]
    anchors = {16: [(23, 29), (43, 55), (73, 105)], 32: [(146, 217), (231, 300), (335, 433)]}
    for stride, anchor, ((x0, y0, x1, y1), score, points) in zip((16, 32), (2, 0), FACES, strict=True):
        size = np.array(anchors[stride][anchor], float)
        middle, sides = np.array([x0 + x1, y0 + y1]) / 2, np.array([x1 - x0, y1 - y0])
        cell = (middle // stride).astype(int)
        row = outputs[stride // 16][0, anchor, cell[1], cell[0]]
        row[0:2] = [logit(v) for v in (middle / stride - cell + 0.5) / 2]
        row[2:4] = [logit(v) for v in np.sqrt(sides / size) / 2]
        row[4], row[15] = logit(score / 0.95), logit(0.95)
        row[5:15] = ((np.array(points) - cell * stride) / size).ravel()
    return outputs


def v8_joined() -> list[np.ndarray]:
    output = np.zeros((1, 20, sum(CELLS)), np.float32)
    for at, ((x0, y0, x1, y1), score, points) in zip((3, 2000), FACES, strict=True):
        visible = np.column_stack([points, np.ones(5)])
        output[0, :, at] = [(x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0, score, *visible.ravel()]
    return [output]


def v8_by_stride() -> list[np.ndarray]:
    outputs = [np.full((1, 80, SIDE // s, SIDE // s), -9.0, np.float32) for s in (8, 16, 32)]
    for stride, ((x0, y0, x1, y1), score, points) in zip((16, 32), FACES, strict=True):
        cell = (np.array([x0 + x1, y0 + y1]) / 2 // stride).astype(int)
        middle = cell + 0.5
        sides = np.concatenate([middle - np.array([x0, y0]) / stride, np.array([x1, y1]) / stride - middle])
        column = outputs[stride // 16][0, :, cell[1], cell[0]]
        for side, distance in enumerate(sides):
            low = int(distance)
            bins = np.full(16, -60.0)
            bins[low], bins[low + 1] = np.log(low + 1 - distance + 1e-9), np.log(distance - low + 1e-9)
            column[side * 16 : side * 16 + 16] = bins
        column[64] = logit(score)
        column[65:80] = np.column_stack([(np.array(points) / stride - middle + 0.5) / 2, np.ones(5)]).ravel()
    return outputs


LAYOUTS: list[Callable[[], list[np.ndarray]]] = [v5_joined, v5_by_stride, v8_joined, v8_by_stride]


def detect(
    outputs: Sequence[np.ndarray], path: Path, shape: tuple[int, int], **options: int
) -> list[Detection]:
    network = constant_network(path / "yolo.onnx", outputs, [1, 3, SIDE, SIDE])
    return create(f"yolo={network}").detect(np.zeros((*shape, 3), np.uint8), **options)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("reverse", [False, True])
def test_every_layout_gives_the_boxes_and_points(
    layout: Callable[[], list[np.ndarray]], reverse: bool, tmp_path: Path
) -> None:
    outputs = layout()[::-1] if reverse else layout()
    found = detect(outputs, tmp_path, (SIDE, SIDE))
    assert len(found) == len(FACES)
    for face, (box, score, points) in zip(found, FACES, strict=True):
        assert face.box == pytest.approx(box, abs=0.05)
        assert face.score == pytest.approx(score, abs=1e-3)
        assert face.points is not None
        assert face.points.dtype == np.float32
        assert np.abs(face.points - points).max() < 0.05


def test_boxes_are_in_pixels_of_the_picture_not_of_the_network(tmp_path: Path) -> None:
    # 640×320 is halved and lies in the middle of the square, 80 pixels from its top.
    first = detect(v8_joined(), tmp_path, (320, 640))[0]
    assert first.box == pytest.approx((80, -40, 208, 120))
    assert first.points is not None
    assert first.points[0] == pytest.approx((112, 20))


def test_faces_smaller_than_wanted_are_left_out(tmp_path: Path) -> None:
    assert len(detect(v8_joined(), tmp_path, (SIDE, SIDE), min_face=100)) == 1


def test_colors_go_in_as_rgb_from_0_to_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = constant_network(tmp_path / "yolo.onnx", v8_joined(), [1, 3, SIDE, SIDE])
    detector = create(f"yolo={network}")
    seen: list[np.ndarray] = []
    monkeypatch.setattr(detector, "run", lambda batch: seen.append(batch) or v8_joined())
    detector.detect(np.full((SIDE, 160, 3), (255, 51, 0), np.uint8))
    (batch,) = seen
    assert batch.shape == (1, 3, SIDE, SIDE)
    assert batch[0, :, 100, 160] == pytest.approx((1, 0.2, 0))
    assert batch[0, :, 100, 10] == pytest.approx(114 / 255)


def test_a_network_of_open_size_sees_the_picture_without_much_border(tmp_path: Path) -> None:
    detector = create(f"yolo={constant_network(tmp_path / 'y.onnx', v8_joined(), ['n', 3, 'h', 'w'])}")
    assert detector.fitted(np.zeros((300, 500, 3), np.uint8), 40, fill=0, centered=True).canvas.shape == (
        320,
        512,
        3,
    )


@pytest.mark.parametrize(
    "outputs",
    [
        [np.zeros((1, 84, 2100))],  # the 80 classes of COCO
        [np.zeros((1, 5, 2100))],  # faces without points
        [np.zeros((1, 6300, 15))],
        [np.zeros((1, 3, 40, 40, 16))],
        [np.zeros((1, 512))],
        [np.zeros(())],
    ],
)
def test_another_network_is_refused_with_its_shapes(outputs: list[np.ndarray], tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"yolo\.onnx: not YOLOv5-face or YOLOv8-face.*outputs \["):
        detect(outputs, tmp_path, (SIDE, SIDE))


def test_a_box_whose_points_are_one_point_is_no_face(tmp_path: Path) -> None:
    (output,) = v8_joined()
    output[0, 5:, 3] = 50
    assert len(detect([output], tmp_path, (SIDE, SIDE))) == len(FACES) - 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_a_broken_network(value: float, tmp_path: Path) -> None:
    (output,) = v8_joined()
    output[0, :, 100] = value
    with pytest.raises(WeightsError, match=r"\.onnx: gives values that are no numbers, or infinite"):
        detect([output], tmp_path, (SIDE, SIDE))
