"""The runtime keeps to itself: nothing is counted, written or sent."""

import os
import subprocess
import sys
from pathlib import Path


def test_loading_the_runtime_writes_nothing_to_the_home_folder(tmp_path: Path) -> None:
    code = "from facekit import runtime; import onnxruntime; onnxruntime.SessionOptions()"
    environment = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / ".cache")}
    subprocess.run([sys.executable, "-c", code], env=environment | home, check=True)
    assert list(tmp_path.rglob("*")) == []
