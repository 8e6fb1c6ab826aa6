"""Pictures to faces: in order, the same with any number of jobs, one bad one never stopping the rest."""

import logging
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import FakeOptions, photo

from facekit.errors import WeightsError
from facekit.faces.reading import Options, Reading, _Workers, read_faces

JOBS = [1, 3]


def read(*sources: Path | str, **options: Any) -> list[Reading]:
    return list(read_faces([str(each) for each in sources], FakeOptions(**options)))


@pytest.mark.parametrize("jobs", JOBS)
def test_readings_come_in_the_order_of_the_inputs(tmp_path: Path, jobs: int) -> None:
    names = ["slow.png", *(f"{number}.png" for number in range(9))]
    sources = [photo(tmp_path / name, "red", "blue", seed=number) for number, name in enumerate(names)]
    readings = read(*sources, jobs=jobs)
    assert [reading.source for reading in readings] == [str(source) for source in sources]
    assert [len(reading.faces) for reading in readings] == [2] * 10
    assert readings[0].size == (200, 120)
    assert len({reading.sha256 for reading in readings}) == 10


@pytest.mark.parametrize("jobs", JOBS)
def test_a_bad_picture_is_told_and_the_others_are_read(tmp_path: Path, jobs: int) -> None:
    good = photo(tmp_path / "good.png", "red")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    bug = photo(tmp_path / "bug.png", "red")
    readings = read(tmp_path / "missing.png", tmp_path / "bad.png", bug, good, jobs=jobs)
    assert [reading.error is None for reading in readings] == [
        False,
        False,
        False,
        True,
    ]
    for reading in readings[:3]:
        assert reading.source in str(reading.error)
        assert "\n" not in str(reading.error)


@pytest.mark.parametrize("jobs", JOBS)
def test_where_an_unexpected_error_came_from_is_logged(
    tmp_path: Path, jobs: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "facekit")
    sources = [photo(tmp_path / name, "red") for name in ("bug.png", "good.png")]
    bug, good = read(*sources, jobs=jobs)
    assert good.error is None
    [record] = caplog.records
    assert "Traceback" in record.getMessage()
    assert "fakes.py" in record.getMessage()
    assert "Traceback" not in str(bug.error)


@pytest.mark.parametrize(("jobs", "seconds"), [(1, 0.3), (2, 6.0)])
def test_a_picture_that_takes_too_long_is_given_up_and_the_others_are_read(
    tmp_path: Path, jobs: int, seconds: float
) -> None:
    names = ["1.png", "stuck.png", "2.png", "3.png"]
    sources = [photo(tmp_path / name, "red") for name in names]
    readings = read(*sources, jobs=jobs, max_seconds=seconds)
    assert [reading.source for reading in readings] == [str(source) for source in sources]
    assert [len(reading.faces) for reading in readings] == [1, 0, 1, 1]
    assert readings[1].error == f"{sources[1]}: given up after {seconds:.0f} s"


def test_a_process_that_dies_costs_its_picture_only(tmp_path: Path) -> None:
    names = ["1.png", "segfault.png", "2.png", "3.png", "segfault2.png"]
    readings = read(*(photo(tmp_path / name, "red") for name in names), jobs=2)
    assert [reading.error is None for reading in readings] == [
        True,
        False,
        True,
        True,
        False,
    ]
    assert "SIGSEGV" in str(readings[1].error)


@pytest.mark.parametrize("jobs", JOBS)
def test_a_pipeline_that_cannot_be_opened_is_the_callers_error(tmp_path: Path, jobs: int) -> None:
    sources = [str(photo(tmp_path / f"{number}.png", "red")) for number in range(4)]
    with pytest.raises(WeightsError, match=r"embedder\.onnx"):
        list(read_faces(sources, FakeOptions(detector="broken", jobs=jobs)))


@pytest.mark.parametrize("jobs", JOBS)
def test_a_network_that_fails_on_a_face_is_the_callers_error(tmp_path: Path, jobs: int) -> None:
    sources = [str(photo(tmp_path / f"{name}.png", "red")) for name in ("1", "2", "3", "nan", "4")]
    with pytest.raises(WeightsError, match="not finite"):
        list(read_faces(sources, FakeOptions(jobs=jobs)))


def test_limits_reach_the_reader_and_the_pipeline(tmp_path: Path) -> None:
    source = photo(tmp_path / "a.png", "red", face=40)
    assert len(read(source, min_face=51)[0].faces) == 0
    assert "--max-pixels" in str(read(source, max_pixels=1000)[0].error)


@pytest.mark.parametrize("jobs", JOBS)
def test_pictures_are_kept_only_on_demand(tmp_path: Path, jobs: int) -> None:
    sources = [photo(tmp_path / name, "red") for name in ("a.png", "b.png")]
    assert all(reading.picture is None for reading in read(*sources, jobs=jobs))
    kept = read(*sources, jobs=jobs, keep_pictures=True)
    for reading in kept:
        assert reading.picture is not None
        assert reading.picture.pixels.shape == (120, 200, 3)
        assert reading.picture.pixels.dtype == np.uint8


def test_a_reader_that_is_no_longer_wanted_stops(tmp_path: Path) -> None:
    sources = [str(photo(tmp_path / f"slow{number}.png", "red")) for number in range(8)]
    before = threading.enumerate()
    readings = read_faces(sources, FakeOptions())
    next(readings)
    readings.close()
    reader = [each for each in threading.enumerate() if each not in before]
    for each in reader:
        each.join(3)
        assert not each.is_alive()


def test_nothing_to_read_is_no_error() -> None:
    assert read() == []


def test_processes_are_started_by_themselves_only_for_many_pictures() -> None:
    assert Options(jobs=0).jobs_for(1) == 1
    assert Options(jobs=0).jobs_for(100_000) >= 1
    assert Options(jobs=3).jobs_for(1) == 3


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="no signal masks here")
def test_a_worker_hears_nothing_of_control_c_from_the_first_on() -> None:
    """In a process of its own: Python's resource tracker, which every worker needs, is started once."""
    code = (
        "import signal; from multiprocessing import resource_tracker\n"
        "from facekit.faces import worker_processes\n"
        "with worker_processes.uninterrupted():\n"
        "    resource_tracker.getfd()\n"
        "    print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))\n"
        "print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no signals of POSIX here")
@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
def test_a_signal_while_a_worker_is_started_comes_after_it(
    number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that is not told what it is for shows a traceback."""
    came = getattr(signal, number)
    done: list[str] = []

    class Process:
        def __init__(self, **_: object) -> None:
            pass

        def start(self) -> None:
            signal.raise_signal(came)
            done.append("started")

    def end(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    workers = _Workers(Options(), 1)
    monkeypatch.setattr(workers._context, "Process", Process)
    before = signal.signal(came, end)
    try:
        with pytest.raises(KeyboardInterrupt):
            workers._start()
        assert signal.getsignal(came) is end
    finally:
        signal.signal(came, before)
    assert (done, len(workers._workers)) == (["started"], 1)
    for connection in workers._workers:
        connection.close()


def test_a_program_that_each_of_its_processes_would_run_anew_is_told_so_once(
    tmp_path: Path, astronaut: Path
) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import facekit\n"
        f"photos = [{str(astronaut)!r}] * 20\n"
        "print([found.error for found in facekit.identify(photos, options=facekit.Options(jobs=2))])\n"
    )
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert done.stdout == ""
    assert "__name__ == '__main__'" in done.stderr.splitlines()[-1]
    assert done.stderr.count("Traceback") <= 2  # the error, and that the process had ended
