"""A detector is made from its name; a wrong name or file is told in one line; OpenCV is not always needed."""

import builtins
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from facekit.detection import KINDS, create
from facekit.errors import DependencyError, UsageError, WeightsError
from facekit.faces.pipeline import Pipeline
from facekit.results import Detection, Picture, Pixels

FILE_KINDS = [kind.removesuffix("=FILE") for kind in KINDS if kind.endswith("=FILE")]


@pytest.mark.parametrize(
    "spec", ["", "hog", "dlib=", "dlib=a.dat", "yunet", "yunet=", "mtcnn=a.onnx", "=a", "DLIB"]
)
def test_a_name_that_means_nothing_is_a_usage_error(spec: str) -> None:
    with pytest.raises(UsageError, match=f"use one of {', '.join(KINDS)}"):
        create(spec)


@pytest.mark.parametrize(
    ("spec", "meant"),
    [("dilb", "dlib"), ("haar", ""), ("yuent=a.onnx", "yunet=a.onnx"), ("yunet", "yunet=FILE")],
)
def test_a_mistyped_name_is_asked_after(spec: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        create(spec)
    assert str(caught.value).endswith(f" Did you mean {meant!r}?" if meant else ".")


@pytest.mark.parametrize("kind", FILE_KINDS)
def test_a_missing_file_is_named(kind: str, tmp_path: Path) -> None:
    for missing in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(WeightsError, match="no such file") as caught:
            create(f"{kind}={missing}")
        assert str(missing) in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"not a network", bytes(range(256)) * 40, b"\x08\x09\x12\x04test:\x00"]
)
@pytest.mark.parametrize("kind", FILE_KINDS)
def test_a_wrong_file_is_refused_in_one_line(
    kind: str, content: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a=b.onnx"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        create(f"{kind}={path}")
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def refuse_opencv(monkeypatch: pytest.MonkeyPatch, error: ImportError) -> None:
    plain_import = builtins.__import__

    def guarded(name: str, *arguments: Any, **options: Any) -> Any:
        if name == "cv2":
            raise error
        return plain_import(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", guarded)


@pytest.mark.parametrize("library", ["libGL.so.1", "libgthread-2.0.so.0"])
def test_a_missing_system_library_is_told_with_its_packages(
    library: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refuse_opencv(
        monkeypatch, ImportError(f"{library}: cannot open shared object file: No such file or directory")
    )
    (tmp_path / "yunet.onnx").touch()
    with pytest.raises(DependencyError, match=f"apt-get install libgl1 libglib2.0-0.*{library}"):
        create(f"yunet={tmp_path / 'yunet.onnx'}")


def test_opencv_not_installed_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refuse_opencv(monkeypatch, ModuleNotFoundError("No module named 'cv2'"))
    (tmp_path / "yunet.onnx").touch()
    with pytest.raises(DependencyError, match="pip install opencv-python"):
        create(f"yunet={tmp_path / 'yunet.onnx'}")


def test_the_way_of_identify_needs_no_opencv() -> None:
    code = (
        "import sys, facekit.pictures.images, facekit.faces.alignment, facekit.faces.quality\n"
        "from facekit.detection import create\n"
        "create('dlib')\n"
        "sys.exit('cv2' in sys.modules or 'onnxruntime' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_detector_is_one_file_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class FixedBox:
        name = "fixed"

        def __init__(self, *, threads: int = 0) -> None:
            pass

        def longest_look(self, min_face: int) -> int | None:
            return None

        def detect(self, pixels: Pixels, *, min_face: int = 24) -> list[Detection]:
            height, width = pixels.shape[:2]
            return [Detection((width / 4, height / 4, 3 * width / 4, 3 * height / 4), score=1.0)]

    module = ModuleType("facekit.detection.fixed")
    module.FixedBox = FixedBox  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(KINDS, "fixed", f"{module.__name__}:FixedBox")
    picture = Picture("made", np.full((200, 160, 3), 128, np.uint8), "")
    (face,) = Pipeline(detector="fixed").faces(picture)
    assert face.detection.box == (40, 50, 120, 150)
