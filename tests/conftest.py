"""Where tests find pictures and networks that do not travel with the code."""

import os
import signal
from importlib.util import find_spec
from pathlib import Path

import pytest

# A shell that starts the tests in the background leaves Ctrl-C ignored, for all that they start as well.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent.parent

NO_TORCH = find_spec("torch") is None
collect_ignore = ["training", "cli/test_train.py", "test_refiner.py"] if NO_TORCH else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if NO_TORCH:
        terminalreporter.write_line("tests of training were left out: they need pip install '.[train]'")


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
