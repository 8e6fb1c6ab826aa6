#!/usr/bin/env python3
"""Give every command that takes a file crafted ones in its place.

    scripts/fuzz_files.py [--only TEXT] [--debug]

The commands run in this process. Each must end with status 1 or 2 and one line on standard error that names
the file, or take it where it means something after all (status 0); without a traceback or an internal error,
and within LONGEST seconds. Prints what broke a promise;
the exit status is 1 then. `--only` takes the cases whose name has TEXT in it.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import re
import struct
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from click.testing import CliRunner
from PIL import Image

from facekit.cli import group

LONGEST = 120.0
HUGE = "9" * 5000
ODD: tuple[Any, ...] = ([1], {}, -1, "x", None)

Commands = Callable[[Path], list[list[str]]]
Contents = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A crafted file and the commands that are given it; `beside` are files that must be there too."""

    name: str
    file: str
    content: bytes | None
    commands: Commands
    beside: dict[str, Any]


class Bomb:
    """What a pickle does when it is loaded."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch run-by-a-pickle",)


def anything() -> Contents:
    """Contents that no kind of file has. None stands for a pipe."""
    return {
        "empty": b"",
        "blank": b"\n\n\n",
        "zeros": bytes(1000),
        "utf-16": "subject,a\nx,1\n".encode("utf-16"),
        "latin": b"subject,a\n\xe4\xff,1\n",
        "noise": bytes(range(256)) * 40,
        "brackets": b"[" * 100_000,
        "braces": b'{"a":' * 20_000,
        "long": b"a" * 3_000_000,
        "pickle": pickle.dumps(Bomb()),
        "old pickle": pickle.dumps(Bomb(), 0),
        "zip": zipped({"a": b"1"}),
        "pipe": None,
    }


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def header(text: str) -> bytes:
    line = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(line)) + line


def safetensors(notes: dict[str, str], *, tensors: dict[str, Any] | None = None, data: bytes = b"") -> bytes:
    text = json.dumps({"__metadata__": notes, **(tensors or {})}).encode()
    return struct.pack("<Q", len(text)) + text + data


def table(names: str, *rows: str) -> bytes:
    return "\n".join([names, *rows, ""]).encode()


VALUES = ("nan", "-inf", "1e999", HUGE, "-1", "0x10", "1.5", "x" * 200_000, "=1+1", "\x1b[2J", "")


def varied(names: str, row: str) -> Contents:
    """A table that is right, with one thing wrong at a time."""
    columns, cells = names.split(","), row.split(",")
    made: Contents = {
        "no rows": table(names),
        "short row": table(names, cells[0]),
        "long row": table(names, row + ",1,2,3"),
        "name twice": table(f"{names},{columns[0]}", f"{row},1"),
        "open quote": table(names, '"' + row),
        "no header": table(row),
        "first missing": table(",".join(columns[1:]), ",".join(cells[1:])),
        "zero byte": table(names, row + "\0"),
    }
    for place, column in enumerate(columns):
        for number, value in enumerate(VALUES):
            changed = [*cells[:place], value, *cells[place + 1 :]]
            made[f"{column} {number}"] = table(names, *[",".join(changed)] * 3)
    return made


def network_cases() -> Contents:
    made: Contents = {}
    try:
        import onnx
        from onnx import TensorProto, helper
    except ImportError:
        return made

    def network(nodes: Any, shape: Any, output: Any) -> bytes:
        graph = helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, output)],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        return bytes(model.SerializeToString())

    relu = [helper.make_node("Relu", ["x"], ["y"])]
    made["identity"] = network(relu, ["n", 3, 112, 112], ["n", 3, 112, 112])
    made["flat"] = network(relu, ["n", 3], ["n", 3])
    made["gray"] = network(relu, ["n", 1, 112, 112], ["n", 1, 112, 112])
    made["log"] = network([helper.make_node("Log", ["x"], ["y"])], ["n", 3, "h", "w"], ["n", 3, "h", "w"])
    made["unknown"] = network(
        [helper.make_node("Own", ["x"], ["y"], domain="z")], ["n", 3, 112, 112], ["n", 3]
    )
    made["cut off"] = made["identity"][:-20] if made["identity"] else b""
    external = onnx.load_from_string(made["identity"] or b"")
    tensor = external.graph.initializer.add(name="w", data_type=1, dims=[4], data_location=1)
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "/etc/passwd"
    made["external"] = external.SerializeToString()
    return made


TOML: Contents = {
    "list": b"embedder = []",
    "text": b'embedder = "x"',
    "tables": b"[[embedder]]\ndimension = 1\n",
    "nothing": b"",
    **{
        f"{name} {number}": f"[embedder]\ndimension = 128\n{name} = {value}\n".encode()
        for name in (
            *("side", "mean", "scale", "threshold", "tail", "calibrated_templates", "template"),
            *("color",),
            *("layout", "flip", "sha256", "name", "probability", "calibration", "precision", "file"),
        )
        for number, value in enumerate(
            ("[1]", "{a = 1}", "nan", "-inf", "0x" + "f" * 5000, "1e999", '"\\u0000"', "-1", "1979-05-27")
        )
    },
}  # fmt: skip
# What a network may well be called, and a usual value, is no fault.
FINE = re.compile(r"(file .|name 6|calibration 6|threshold 7|mean 7|precision 6)$")

SCORES = ("a,b,mated,score,fold", "p/1,p/2,1,0.5,0")
SEARCHES = (
    "split,probe,subject,top_subject,top_score,mate_score,mate_rank,gallery_subjects,person",
    "0,p/1,p,p,0.5,0.5,1,9,p",
)


def cases(picture: str) -> Iterator[Case]:
    """All of them; `picture` is one with a face."""

    def of(
        file: str,
        contents: Contents,
        commands: Commands,
        beside: dict[str, Any] | None = None,
    ) -> Iterator[Case]:
        for name, content in contents.items():
            yield Case(f"{file}: {name}", file, content, commands, beside or {})

    def scores(path: Path) -> list[list[str]]:
        return [
            ["plot", str(path), "-o", "plots"],
            ["evaluate", "verification", "--from-scores", str(path)],
            ["evaluate", "identification", "--from-scores", str(path)],
            ["calibrate", "--fpir", "0.1", "--scores", str(path), "--dry-run"],
        ]

    yield from of("scores.csv", anything() | varied(*SCORES), scores)
    yield from of("searches.csv", varied(*SEARCHES), scores)
    yield from of("scores.parquet", anything(), scores)
    yield from of(
        "metrics.csv", varied("step,accuracy", "1,0.5"), lambda path: [["plot", str(path), "-o", "p"]]
    )

    def pairs(path: Path) -> list[list[str]]:
        return [["evaluate", "verification", "--pairs", str(path), "--images", "."]]

    yield from of("pairs.csv", anything() | varied("a,b,mated,fold", "x,y,1,0"), pairs)
    lists = {
        "huge": f"{HUGE}\t{HUGE}\n".encode(),
        "negative": b"-1 -1\n",
        "many": b"99999 99999\nx 1 2\n",
        "bad line": b"1 1\nx\ny 1 z 2\n",
        "big number": f"1 1\nx 1 {HUGE}\nx 1 y 2\n".encode(),
    }
    yield from of("pairs.txt", {**anything(), **lists}, pairs)
    yield from of("lfw.bin", anything() | {"long list": pickle.dumps(([b"1"] * 9, [True]))}, pairs)
    people = {"row": table("subject,x", "a\x01b,1"), **varied("subject,x", "p,1")}
    yield from of(
        "people.csv",
        anything() | people,
        lambda path: [["evaluate", "identification", "--from-scores", "s.csv", "--people", str(path)]],
        {"s.csv": table(*SEARCHES)},
    )

    crops = np.zeros((2, 112, 112, 3), np.uint8)
    arrays: Contents = {
        "floats": npy(crops.astype(np.float32)),
        "flat": npy(crops[0]),
        "none": npy(crops[:0]),
        "objects": npy_objects(),
        "huge": header("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999, 112, 112, 3)}"),
        "overflow": header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({10**25}, 1)}}"),
        "negative": header("{'descr': '|u1', 'fortran_order': False, 'shape': (-1, 112, 112, 3)}"),
        "deep": header("(" * 90),
    }

    def training(path: Path) -> list[list[str]]:
        return [
            ["train", "--data", str(path), "--output", "run"],
            ["train-refiner", str(path), "-o", "r.onnx"],
        ]

    yield from of("crops.npy", anything() | arrays, training, {"crops.csv": table("subject", "a", "b")})
    yield from of(
        "crops.csv",
        anything() | {"short": table("subject", "a"), "other": table("who", "a", "b")},
        lambda path: [["train", "--data", str(path.with_suffix(".npy")), "--output", "run"]],
        {"crops.npy": npy(crops)},
    )
    yield from of(
        "crops.zip",
        anything() | {"no member": zipped({"x": b""}), "no picture": zipped({"a": b"x"})},
        lambda path: [["train", "--data", str(path), "--output", "run"]],
        {"crops.csv": table("subject,name", "a,a", "b,b")},
    )

    def checkpoints(path: Path) -> list[list[str]]:
        return [["export", str(path)], ["train", "--data", "c.npy", "--init", str(path), "--output", "run"]]

    notes = {"config": "{}", "run": "{}"}
    good: dict[str, Any] = {"phases": [[112, 1]], "network": "resnet18", "dimension": 128}
    facts: dict[str, Any] = {"step": 1, "best": 0.1, "seconds": 1, "history": []}
    large = {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 4]}

    def saved(config: dict[str, Any], run: dict[str, Any]) -> bytes:
        return safetensors({"config": json.dumps(config), "run": json.dumps(run)})

    crafted: Contents = {
        "no notes": safetensors({}),
        "empty notes": safetensors(notes),
        "lists": safetensors({"config": "[]", "run": "[]"}),
        "deep": safetensors({"config": "[" * 50_000, "run": "{}"}),
        "nan": safetensors({"config": '{"phases": NaN}', "run": "{}"}),
        "length": struct.pack("<Q", 1 << 60) + b"{}",
        "tensor": safetensors(notes, tensors={"a": large}, data=b"1234"),
        **{
            f"config {name} {number}": saved(good | {name: value}, facts)
            for name in ("phases", "network", "dimension", "batch", "augmentation", "rate", "optimizer")
            for number, value in enumerate(([], {}, -1, 10**15, "x", [[1]], True))
        },
        **{
            f"run {name} {number}": saved(good, facts | {name: value})
            for name in facts
            for number, value in enumerate(ODD)
        },
    }
    faces = {"c.npy": npy(crops), "c.csv": table("subject", "a", "b")}
    yield from of("last.safetensors", anything() | crafted, checkpoints, faces)

    def embedder(path: Path) -> list[list[str]]:
        return [["identify", picture, "--embedder", str(path.with_suffix(".onnx"))]]

    shipped = (Path(__file__).resolve().parent.parent / "weights" / "embedder.onnx").read_bytes()
    described: Contents = {name: text for name, text in TOML.items() if not FINE.search(name)}
    yield from of("net.toml", anything() | described, embedder, {"net.onnx": shipped})
    yield from of(
        "net.onnx", anything() | network_cases(), embedder, {"net.toml": b"[embedder]\ndimension = 3\n"}
    )

    def detectors(path: Path) -> list[list[str]]:
        kinds = ("yolo", "retinaface", "yunet", "dlib-cnn")
        return [["detect", picture, "--detector", f"{kind}={path}"] for kind in kinds]

    yield from of("net.dat", anything() | network_cases(), detectors)
    parts = ("left_eye", "right_eye", "nose", "left_mouth", "right_mouth")
    points = ",".join(["name", *(f"{part}_{axis}" for part in parts for axis in "xy")])
    yield from of(
        "points.csv",
        anything() | varied(points, "a.png,30,30,60,30,45,45,35,60,55,60"),
        lambda path: [["train-landmarks", "photos", str(path), "-o", "l.dat"]],
        {"photos/a.png": png()},
    )
    yield from of("keys.json", anything(), lambda path: [["serve", "key", "list", "--keys", str(path)]])
    yield from of(
        "gallery.jsonl", anything(), lambda path: [["gallery", "import", str(path), "-g", "new.db"]]
    )
    yield from of("gallery.npz", anything(), lambda path: [["gallery", "import", str(path), "-g", "new.db"]])


def npy_objects() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array([Bomb()], object), allow_pickle=True)
    return buffer.getvalue()


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (90, 90), (120, 120, 120)).save(buffer, "PNG")
    return buffer.getvalue()


def faults(case: Case, folder: Path, *, debug: bool = False) -> Iterator[str]:
    """What breaks a promise, a line each."""
    path = folder / case.file
    for name, content in case.beside.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    if case.content is None:
        os.mkfifo(path)
    else:
        path.write_bytes(case.content)
    for command in case.commands(path):
        began = time.monotonic()
        result = CliRunner().invoke(group, [*command, *(["--debug"] if debug else [])], prog_name="facekit")
        told = result.stderr.strip().splitlines()
        said = f"{case.name}: {' '.join(command)[:80]}"
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            yield f"{said}: raised {type(result.exception).__name__}: {result.exception}"
        elif "internal error" in result.stderr or "Traceback" in result.output:
            yield f"{said}: {told[-1][:200]}"
        elif result.exit_code not in (0, 1, 2):
            yield f"{said}: status {result.exit_code}: {result.output[-200:]!r}"
        elif result.exit_code and not any(case.file.split(".")[0] in line for line in told):
            yield f"{said}: does not name the file: {told[-1:]}"
        elif max(map(len, told), default=0) > 1000:
            yield f"{said}: a line of {max(map(len, told))} letters"
        elif time.monotonic() - began > LONGEST:
            yield f"{said}: {time.monotonic() - began:.0f} s"
    if (folder / "run-by-a-pickle").exists():
        yield f"{case.name}: ran a program"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="")
    parser.add_argument("--debug", action="store_true")
    chosen = parser.parse_args()
    picture = str(Path(__file__).resolve().parent.parent / "tests" / "data" / "astronaut.png")
    count = broken = 0
    for case in cases(picture):
        if chosen.only not in case.name:
            continue
        count += 1
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            for fault in faults(case, Path(folder), debug=chosen.debug):
                broken += 1
                print(fault, flush=True)
            os.chdir("/")
    print(f"{count} files, {broken} faults")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
