"""What a description of an embedder may say, and what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from facekit import weights
from facekit.errors import WeightsError


def described(folder: Path, *lines: str) -> Path:
    (folder / "net.onnx").write_bytes(b"network")
    (folder / "net.toml").write_text("\n".join(["[embedder]", "dimension = 512", *lines]))
    return folder / "net.onnx"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('color = "bgr"', "it is called colour"),
        ('colour = "BGR"', "colour = 'BGR': it is rgb or bgr"),
        ('layout = "NHWC"', "layout = 'NHWC': it is nchw or nhwc"),
        ('mean = "grey"', "does not describe a network"),
        ('side = "112"', "does not describe a network"),
        ("side = 112.5", "does not describe a network"),
    ],
)
def test_a_description_that_would_be_misread_is_refused(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(WeightsError, match=told):
        weights.user_embedder(described(tmp_path, line))


def test_a_number_is_the_same_however_it_is_written(tmp_path: Path) -> None:
    prints = {
        weights.user_embedder(described(tmp_path, line)).fingerprint for line in ("mean = 0", "mean = 0.0")
    }
    assert len(prints) == 1
