"""Where faces are in a frame: small ones too, whatever its size."""

from __future__ import annotations

import numpy as np
import pytest
import videos

from facekit import settings
from facekit.faces.pipeline import Pipeline
from facekit.results import Detection, Pixels
from facekit.video.frame_detection import PipelineDetector, Sizes
from facekit.video.frames import Frame

pytestmark = pytest.mark.skipif(
    not (settings.weights_folder() / "manifest.toml").is_file(), reason="the weights are not built yet"
)


@pytest.mark.parametrize("detector", ["auto", "dlib"])
@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_a_face_of_the_least_size_is_seen_in_a_large_frame_and_followed(
    size: tuple[int, int], detector: str
) -> None:
    image = videos.background(*size)
    videos.put(image, videos.head(), (size[0] // 2, size[1] // 2), 110)  # the face has 46 pixels of it
    frame = Frame(np.asarray(image), 0, 0.0)
    detector = PipelineDetector(Pipeline(detector=detector, min_face=40))
    [face] = detector.detect(frame, deep=True)
    x0, y0, x1, y1 = face.box
    assert x0 < size[0] / 2 < x1
    assert y0 < size[1] / 2 < y1
    assert x1 - x0 < 65
    assert len(detector.detect_near(frame, [face.box])) == 1


@pytest.mark.parametrize(
    ("size", "full"), [((640, 480), 1.3e6), ((1920, 1080), 8.3e6), ((3840, 2160), 8.3e6)]
)
def test_looks_for_small_faces_cost_no_more_in_large_frames(
    size: tuple[int, int], full: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    areas: list[int] = []

    def detect(pixels: Pixels, *, min_face: int) -> list[Detection]:
        areas.append(pixels.shape[0] * pixels.shape[1])
        return []

    detector = PipelineDetector(Pipeline(detector="dlib", min_face=40))
    monkeypatch.setattr(detector._detector, "detect", detect)
    frame = Frame(np.zeros((size[1], size[0], 3), np.uint8), 0, 0.0)
    for _ in range(25):
        detector.detect(frame, deep=True)
    assert areas[0] == pytest.approx(full, rel=0.1)
    assert max(areas[1:]) == pytest.approx(full, rel=0.1)
    assert sum(areas) <= 25 * Sizes().deep + Sizes().most


def test_a_deep_look_at_those_who_pose_finds_whom_a_photo_shows() -> None:
    image = videos.background(480, 480)
    videos.put(image, videos.head().rotate(50), (240, 240), 300)
    frame = Frame(np.asarray(image), 0, 0.0)
    detector = PipelineDetector(Pipeline(), posing=True)
    assert detector.detect(frame) == []
    assert len(detector.detect(frame, deep=True)) == 1
