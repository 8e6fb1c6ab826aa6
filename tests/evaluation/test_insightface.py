"""InsightFace's .bin: what real files hold is read, whatever wrote it; a pickle that runs code is refused."""

import os
import pickle
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from facekit.errors import UsageError
from facekit.evaluation import insightface

CROPS = [b"first", b"second\x00\xff", b"third", b""]


def file(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "lfw.bin"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "same",
    [
        [True, False],
        (1, 0),
        [np.bool_(True), np.bool_(False)],
        np.array([True, False]),
    ],
    ids=["bools", "whole numbers", "NumPy's", "an array"],
)
def test_pictures_and_truth_of_every_protocol(tmp_path: Path, protocol: int, same: Any) -> None:
    crops, pairs = insightface.read(file(tmp_path, pickle.dumps((CROPS, same), protocol)))
    assert crops == CROPS
    assert pairs.mated.tolist() == [True, False]
    assert (pairs.a, pairs.b) == (("lfw.bin:0", "lfw.bin:2"), ("lfw.bin:1", "lfw.bin:3"))


@pytest.mark.parametrize("kind", [lambda data: np.frombuffer(data, np.uint8), bytearray])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_pictures_as_arrays_of_bytes(tmp_path: Path, kind: Callable[[bytes], Any], protocol: int) -> None:
    content = pickle.dumps(([kind(data) for data in CROPS[:2]], [True]), protocol)
    assert insightface.read(file(tmp_path, content))[0] == CROPS[:2]


def test_what_python_2_wrote(tmp_path: Path) -> None:
    """str as SHORT_BINSTRING (U), booleans as I01 and I00, protocol 1 with its marks."""
    content = b"((lU\x03\xff\x00aaU\x02bbaU\x01caU\x01da(lI01\naI00\nat."
    crops, pairs = insightface.read(file(tmp_path, content))
    assert crops == [b"\xff\x00a", b"bb", b"c", b"d"]
    assert pairs.mated.tolist() == [True, False]


def test_folds_are_tenths_in_order(tmp_path: Path) -> None:
    content = pickle.dumps(([b"x"] * 60, [True, False] * 15))
    assert insightface.read(file(tmp_path, content))[1].folds.tolist() == np.repeat(range(10), 3).tolist()


class Run:
    """A pickle that runs a command when it is loaded."""

    def __init__(self, call: Callable[..., Any], *arguments: Any) -> None:
        self.call = call, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    "call",
    [
        Run(os.system, "touch ran"),
        Run(subprocess.check_call, ["touch", "ran"]),
        Run(eval, "open('ran', 'w')"),
        Run(exec, "open('ran', 'w')"),
        Run(print, "ran"),
    ],
    ids=["system", "subprocess", "eval", "exec", "print"],
)
def test_a_pickle_that_runs_code_is_refused_and_does_not(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    call: Run,
    protocol: int,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for content in (call, ([call], [True]), ([b"a", b"b"], [call])):
        with pytest.raises(UsageError, match="refused") as error:
            insightface.read(file(tmp_path, pickle.dumps(content, protocol)))
        assert "lfw.bin" in str(error.value)
    assert not (tmp_path / "ran").exists()
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    "content",
    [
        b"cposix\nsystem\n(S'touch ran'\ntR.",
        b"c__builtin__\neval\n(S'1'\ntR.",
        b"(lp0\nS'x'\np1\nacnumpy\nload\n(S'ran'\ntR.",
        b"(S'x'\nios\nsystem\n.",
        b"\x80\x02cbuiltins\nbytes\nq\x00)\x81.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
        b"\x80\x02Pperson\n.",
    ],
)
def test_instructions_beyond_values_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UsageError):
        insightface.read(file(tmp_path, content))


def test_a_tuple_without_its_beginning_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cut off .*MARK"):
        insightface.read(file(tmp_path, b"\x80\x02K\x01t."))


def test_a_number_that_asks_for_memory_without_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="refused: holds a value noted in place 4294967295"):
        insightface.read(file(tmp_path, b"\x80\x02]r\xff\xff\xff\xff."))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (({"a": 1}, [True]), "refused"),
        ((["text", b"b"], [True]), "refused: holds a str as a picture"),
        (([b"a", b"b"], ["yes"]), "refused: holds a str as a truth value"),
        (([b"a", b"b"], [2]), "refused: holds a int as a truth value"),
        (([b"a"], [True]), "holds 1 pictures for 1 pairs"),
        (([], []), "holds 0 pictures"),
        ([1, 2, 3], "refused: holds a list"),
        ((3, 4), "refused"),
    ],
)
def test_other_contents_are_told(tmp_path: Path, value: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        insightface.read(file(tmp_path, pickle.dumps(value, 3)))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.data())
def test_damage_is_an_error_in_words(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(pickle.dumps((CROPS, [True, False]), data.draw(st.integers(0, 5))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    try:
        crops, _ = insightface.read(file(tmp_path, bytes(content[:cut])))
        assert len(crops) == 4
    except UsageError:
        pass


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.bin: cannot be read"):
        insightface.read(tmp_path / "none.bin")
