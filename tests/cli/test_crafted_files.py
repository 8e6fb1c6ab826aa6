"""No crafted file in the place of a table, a list or a gallery ends a command in anything but a plain line;
scripts/fuzz_files.py gives all commands many more."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Run
from loading import script

fuzz = script("fuzz_files")

FILES = ("scores.csv", "searches.csv", "metrics.csv", "pairs.csv", "pairs.txt", "people.csv", "lfw.bin")
PLOTTED = ("searches.csv", "metrics.csv")


@pytest.mark.parametrize("file", FILES)
def test_a_crafted_file_is_refused_in_a_line_that_names_it(
    file: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every third of the contents: the rest differs little."""
    if file in PLOTTED:
        pytest.importorskip("matplotlib")
    chosen = [case for case in fuzz.cases("none.png") if case.file == file][::3]
    assert len(chosen) > 4
    found = []
    for number, case in enumerate(chosen):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        found += list(fuzz.faults(case, folder))
    assert found == []
