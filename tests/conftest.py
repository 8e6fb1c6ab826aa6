"""Where tests find pictures and networks that do not travel with the code."""

import atexit
import itertools
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

# How long an example takes says nothing on a machine that does other things too, and a first one may import
# a library; the same examples in each run fail for one reason alone: the code.
settings.register_profile("facekit", deadline=None, derandomize=True)
settings.load_profile("facekit")

# A shell that starts the tests in the background leaves Ctrl-C ignored, and nohup the end of the terminal,
# for all that they start as well.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

ROOT = Path(__file__).parent.parent

# Nothing here may read or write the gallery of whoever runs the tests: not even what is started by a fixture
# that several tests share.
os.environ.pop("FACEKIT_GALLERY", None)
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="facekit-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_DATA_HOME"], ignore_errors=True)

NEEDS = {
    "torch": (
        "training",
        "train",
        [
            *("training", "cli/test_train.py", "cli/test_train_settings.py"),
            *("faces/test_refiner.py", "models/test_external_data.py", "scripts/test_set_aside.py"),
        ],
    ),
    "fastapi": ("the server", "serve", ["serving"]),
    "matplotlib": ("plots", "plot", ["plots", "cli/test_plot.py"]),
}
"""What is tested only where a package is installed: what to call it, the extra that brings it, the tests."""

MISSING = {package: need for package, need in NEEDS.items() if find_spec(package) is None}
collect_ignore = [place for _, _, places in MISSING.values() for place in places]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for what, extra, _ in MISSING.values():
        terminalreporter.write_line(f"tests of {what} were left out: they need pip install '.[{extra}]'")


_numbers = itertools.count(1)


def _folder_for_a_test(factory: pytest.TempPathFactory, name: str) -> Path:
    """pytest's own way looks through all folders that there are before it makes one more, which takes half a
    minute of a few thousand tests."""
    place = factory.getbasetemp() / f"{next(_numbers)}-{re.sub(r'[^A-Za-z0-9_]', '_', name)[:30]}"
    place.mkdir(mode=0o700)
    return place


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder for each test."""
    return _folder_for_a_test(tmp_path_factory, request.node.name)


@pytest.fixture(autouse=True)
def user_data(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the user's own data: an empty one for each test."""
    folder = _folder_for_a_test(tmp_path_factory, "data")
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[Any]:
    """A PostgreSQL server of its own; see scripts/postgres_server.py."""
    from loading import script

    if find_spec("psycopg") is None or find_spec("pgvector") is None:
        pytest.skip("galleries on a server need pip install '.[postgres]'")
    try:
        with script("postgres_server").running() as server:
            yield server
    except script("postgres_server").CannotStartError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"there is no PostgreSQL server: {error}")


@pytest.fixture(scope="session")
def astronaut() -> Path:
    """A public-domain photo of one face, 512×512."""
    return Path(__file__).parent / "data" / "astronaut.png"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of faces-val.zip, photos-val.zip …"""
    return _folder("FACEKIT_DATA", ROOT.parent / "shared" / "data")


@pytest.fixture(scope="session")
def models_folder() -> Path:
    """The folder of yunet.onnx, a detector that users bring themselves."""
    return _folder("FACEKIT_MODELS", ROOT.parent / "shared" / "models")


def _folder(variable: str, beside_the_checkout: Path) -> Path:
    folder = Path(os.environ.get(variable, beside_the_checkout))
    if not folder.is_dir():
        pytest.skip(f"set {variable} to the folder of the measuring data")
    return folder
