"""What `pip install .` brings, and that facekit starts at once."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import typing
import zipfile
from itertools import product
from pathlib import Path
from typing import Any

import pytest

import facekit

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
HEAVY = {
    "PIL",
    "av",
    "cv2",
    "dlib",
    "fastapi",
    "hatchling",
    "matplotlib",
    "numpy",
    "onnxruntime",
    "openvino",
    "torch",
}


def run(code: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python code in a fresh interpreter, in a folder, with this facekit and no gallery of one's own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FACEKIT")}
    environment["PYTHONPATH"] = str(Path(facekit.__file__).parent.parent)
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)


def loaded_by(code: str) -> set[str]:
    """The modules that are loaded when `code` has run."""
    done = run(code + "\nimport json, sys; sys.stderr.write(json.dumps(list(sys.modules)))")
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr))


HELP = """
from facekit.cli import group
try:
    group.main({arguments})
except SystemExit as end:
    assert end.code == 0, end.code
"""


@pytest.mark.parametrize(
    "code",
    [
        "import facekit",
        "import facekit; assert facekit.__version__; dir(facekit)",
        HELP.format(arguments=["--help"]),
        HELP.format(arguments=["--version"]),
        HELP.format(arguments=["identify", "--help"]),
        HELP.format(arguments=["enroll", "--help"]),
        HELP.format(arguments=["watch", "--help"]),
        HELP.format(arguments=["register", "--help"]),
        HELP.format(arguments=["train", "--help"]),
        HELP.format(arguments=["train-landmarks", "--help"]),
    ],
)
def test_nothing_heavy_is_loaded_before_there_is_work(code: str) -> None:
    assert not loaded_by(code) & HEAVY


def test_identify_does_without_opencv_and_torch(astronaut: Path, tmp_path: Path) -> None:
    """`import cv2` fails where the system has no libGL; a value of None in sys.modules does the same."""
    blocked = "import sys; sys.modules.update(dict.fromkeys(['cv2', 'torch', 'matplotlib', 'imutils']))"
    arguments = ["identify", str(astronaut), "--format", "jsonl"]
    code = blocked + HELP.format(arguments=arguments)
    done = run(code, tmp_path)
    assert done.returncode == 0, done.stderr
    (face,) = json.loads(done.stdout)["faces"]
    assert len(face["candidates"]) == 5


def test_a_detector_that_needs_opencv_says_so_in_one_line(astronaut: Path, models_folder: Path) -> None:
    blocked = "import sys; sys.modules['cv2'] = None"
    arguments = ["detect", str(astronaut), "--detector", f"yunet={models_folder / 'yunet.onnx'}"]
    code = f"{blocked}\nfrom facekit.cli import group\ngroup.main({arguments})"
    done = run(code)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "OpenCV" in done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of a copy of this checkout, in whose gallery folder somebody keeps people of their own."""
    pytest.importorskip("hatchling", reason="building a wheel needs hatchling: pip install '.[dev]'")
    folder = tmp_path_factory.mktemp("wheel")
    unwanted = shutil.ignore_patterns(".git", ".venv", "runs", "build", "dist", ".*_cache", "__pycache__")
    copy = shutil.copytree(ROOT, folder / "copy", ignore=unwanted)
    (copy / "gallery" / "Anna").mkdir()
    (copy / "gallery" / "Anna" / "private.jpg").write_bytes(b"private")
    (copy / "gallery" / "gallery.db").write_bytes(b"private")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--wheel-dir", str(folder), str(copy)], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_weights_gallery_and_types(wheel: Path) -> None:
    manifest = tomllib.loads((ROOT / "weights" / "manifest.toml").read_text(encoding="utf-8"))
    shipped = {table["file"] for table in manifest.values() if isinstance(table, dict) and "file" in table}
    assert shipped >= {"landmarks.dat"}
    needed = {
        "facekit/py.typed",
        "facekit/serving/page/index.html",
        "facekit/_data/gallery/reference.db",
        "facekit/_data/weights/manifest.toml",
    }
    assert set(zipfile.ZipFile(wheel).namelist()) >= needed | {
        f"facekit/_data/weights/{name}" for name in shipped
    }


def test_the_wheel_holds_nobodys_own_people(wheel: Path) -> None:
    names = [name for name in zipfile.ZipFile(wheel).namelist() if "_data/gallery/" in name]
    assert sorted(Path(name).name for name in names) == ["README.md", "reference.db"]


def test_the_wheel_is_light(wheel: Path) -> None:
    assert wheel.stat().st_size < 40_000_000
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("tests")]


def test_exactly_one_dlib_is_asked_for_on_every_machine() -> None:
    requirements = pytest.importorskip("packaging.requirements")
    both = [requirements.Requirement(text) for text in PROJECT["dependencies"] if text.startswith("dlib")]
    assert sorted(each.name for each in both) == ["dlib", "dlib-bin"]
    systems, machines = (
        ("linux", "darwin", "win32", "freebsd"),
        ("x86_64", "aarch64", "arm64", "AMD64", "ppc64"),
    )
    for python, version, system, machine in product(("cpython", "pypy"), ("3.11", "3.16"), systems, machines):
        environment = {
            "implementation_name": python,
            "python_version": version,
            "sys_platform": system,
            "platform_machine": machine,
        }
        asked = [each.name for each in both if each.marker.evaluate(environment)]
        assert len(asked) == 1, environment


def test_the_base_install_has_nothing_to_train_or_plot_with() -> None:
    names = {re.split(r"[^a-z-]", text)[0] for text in PROJECT["dependencies"]}
    assert not names & {"torch", "torchvision", "matplotlib", "onnx", "openvino", "tensorboard"}


def test_all_brings_every_extra_that_users_need() -> None:
    extras = PROJECT["optional-dependencies"]
    (everything,) = extras["all"]
    assert set(re.findall(r"[a-z]+", everything.split("[")[1])) == set(extras) - {"all", "dev", "docs"}


def test_extras_of_itself_are_of_this_distribution() -> None:
    """`facekit` on PyPI is somebody else's: an extra of that name would install it."""
    wanted = [text for texts in PROJECT["optional-dependencies"].values() for text in texts]
    itself = [text for text in wanted if text.startswith("facekit")]
    assert PROJECT["name"] != "facekit"
    assert {text.split("[")[0] for text in itself} == {PROJECT["name"]}
    others = [*(ROOT / "facekit").rglob("*.py"), *(ROOT / "docs").iterdir(), *(ROOT / "scripts").iterdir()]
    others.append(ROOT / "README.md")
    for path in others:
        if path.is_file() and path.suffix in (".py", ".md", ".sh"):
            assert "facekit[" not in path.read_text(encoding="utf-8"), path


def test_the_version_is_the_one_of_the_package() -> None:
    assert PROJECT["version"] == facekit.__version__


@pytest.mark.parametrize("name", facekit.__all__)
def test_public_names_are_there_and_typed(name: str) -> None:
    value = getattr(facekit, name)
    assert name in dir(facekit)
    if not callable(value) or (inspect.isclass(value) and issubclass(value, BaseException)):
        return
    assert value.__doc__, f"{name} has no docstring"
    if getattr(value, "_is_protocol", False):
        return
    function = value.__init__ if inspect.isclass(value) else value
    public = {each: getattr(facekit, each) for each in facekit.__all__}
    hints = typing.get_type_hints(function, localns=public)
    parameters = [p for p in inspect.signature(function).parameters.values() if p.name not in ("self", "cls")]
    assert {p.name for p in parameters} <= set(hints)


def test_the_test_command_of_the_readme_is_one_line() -> None:
    """.ci/run takes it from there."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"<!-- tests -->\n```console\n(.*?)\n```\n", readme, re.DOTALL)
    assert block
    assert block[1].count("\n") == 0
    assert block[1].endswith("pytest -n auto")
