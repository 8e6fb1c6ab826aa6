"""What a description of an embedder may say, and what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from facekit.errors import WeightsError
from facekit.models import weights


def described(folder: Path, *lines: str) -> Path:
    (folder / "net.onnx").write_bytes(b"network")
    (folder / "net.toml").write_text("\n".join(["[embedder]", "dimension = 512", *lines]))
    return folder / "net.onnx"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('colour = "bgr"', "it is called color"),
        ('color = "BGR"', "color = 'BGR': it is rgb or bgr"),
        ('layout = "NHWC"', "layout = 'NHWC': it is nchw or nhwc"),
        ('mean = "gray"', "mean = 'gray': it is a number"),
        ('side = "112"', "side = '112': it is a whole number from 16 to 1024"),
        ("side = 112.5", "side = 112.5: it is a whole number from 16 to 1024"),
        ("side = [112]", "side = a list: it is a whole number"),
        ("side = true", "side = True: it is a whole number"),
        ("scale = 0", "scale = 0: it is a number above 0"),
        ("scale = 1e-44", "scale = 1e-44: it is a number above 0, and at least"),
        ("scale = nan", "scale = nan: it is a number from"),
        ("mean = inf", "mean = inf: it is a number from"),
        ("mean = 0x" + "f" * 20_000, "mean = a huge number: it is a number from"),
        ("threshold = 7", "threshold = 7: it is a number from -1 to 1"),
        ("flip = 1", "flip = 1: it is true or false"),
        ('sha256 = "0"', "sha256 = '0': it is 64 hexadecimal digits"),
        ("name = {a = 1}", "name = a table: it is a text"),
        ("tail = " + "[" * 5000, "is nested too deep"),
        ("a." * 5000 + "b = 1", "nested too deep"),
        ("mean = 1\nmean = 2", "is no TOML .Cannot overwrite a value"),
        ('probability = \'{"kind": "logistic"}\'', "it is what facekit calibrate writes"),
    ],
)
def test_a_description_that_would_be_misread_is_refused(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(WeightsError, match=told) as caught:
        weights.user_embedder(described(tmp_path, line))
    assert str(tmp_path / "net.toml") in str(caught.value)
    assert len(str(caught.value)) < 400


def test_a_number_is_the_same_however_it_is_written(tmp_path: Path) -> None:
    prints = {
        weights.user_embedder(described(tmp_path, line)).fingerprint for line in ("mean = 0", "mean = 0.0")
    }
    assert len(prints) == 1
