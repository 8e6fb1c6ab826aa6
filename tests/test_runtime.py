"""The runtime keeps to itself, and computes the same on every processor."""

import os
import subprocess
import sys
from pathlib import Path

from facekit import runtime, weights


def test_loading_the_runtime_writes_nothing_to_the_home_folder(tmp_path: Path) -> None:
    code = "from facekit import runtime; import onnxruntime; onnxruntime.SessionOptions()"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / ".cache")}
    subprocess.run([sys.executable, "-c", code], env=environment | home, check=True)
    assert list(tmp_path.rglob("*")) == []


def test_int8_sums_may_not_overflow_on_older_processors() -> None:
    """By default they do on x86 without VNNI: scripts/prove_processors.py compares the vectors."""
    network = runtime.load(weights.shipped_refiner().path.read_bytes())
    options = network._session.get_session_options()  # type: ignore[attr-defined]
    assert options.get_session_config_entry("session.x64quantprecision") == "1"
