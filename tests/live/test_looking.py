"""Where faces are in a frame: small ones too, whatever its size."""

from __future__ import annotations

import numpy as np
import pytest
import videos

from facekit import settings
from facekit.live.frames import Frame
from facekit.live.looking import PipelineEyes
from facekit.pipeline import Pipeline

pytestmark = pytest.mark.skipif(
    not (settings.weights_folder() / "manifest.toml").is_file(), reason="the weights are not built yet"
)


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080)])
def test_a_face_of_the_least_size_is_seen_in_a_large_frame_and_followed(size: tuple[int, int]) -> None:
    image = videos.background(*size)
    videos.put(image, videos.head(), (size[0] // 2, size[1] // 2), 110)  # the face has 46 pixels of it
    frame = Frame(np.asarray(image), 0, 0.0)
    eyes = PipelineEyes(Pipeline(min_face=40))
    [face] = eyes.whole(frame, deep=True)
    x0, y0, x1, y1 = face.box
    assert x0 < size[0] / 2 < x1
    assert y0 < size[1] / 2 < y1
    assert x1 - x0 < 65
    assert len(eyes.near(frame, [face.box])) == 1
