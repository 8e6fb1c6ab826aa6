"""Measure facekit's speed side by side with face_recognition (dlib's own descriptor), as ratios in one run.

    python scripts/benchmark.py --rival-python VENV/bin/python --photos FOLDER --out benchmark.json

`VENV` is an environment with `face-recognition-ng` and `dlib-bin`; without it facekit is measured alone.
`--photos` is a folder with a sub-folder for each person; without it the test photo is repeated. `--models`
is a folder with `sface.onnx`; iResNet18, with random weights, is timed where PyTorch is installed.
Every comparison takes turns, A B A B …, and quotes the median of the ratios: machines drift. Processes are
started alike, with Python's compiled files kept as pip keeps them, and run once before they count; enrolling,
which takes minutes, is done once by each, from a cold start.
`--short` runs everything once on a few photos, without the networks to compare; its figures mean nothing.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from facekit import settings

if TYPE_CHECKING:
    from facekit.models.runtime import Network
    from facekit.results import Pixels

ROOT = Path(__file__).resolve().parent.parent
ASTRONAUT = ROOT / "tests" / "data" / "astronaut.png"
SUBJECTS, ENROLLED = 50, 6

# Run by the rival's interpreter: everything that its users write to enroll a folder.
RIVAL_ENROLL = """
import sys, face_recognition
for path in sys.argv[1:]:
    face_recognition.face_encodings(face_recognition.load_image_file(path))
"""
# For each line with a number n: the milliseconds of n descriptors of one aligned face, in one call.
RIVAL_EMBED = """
import sys, time, dlib, face_recognition.api as api
picture = api.load_image_file(sys.argv[1])
points = dlib.full_object_detections()
points.append(api._raw_face_landmarks(picture, None, "small")[0])
chip = dlib.get_face_chips(picture, points, size=150, padding=0.25)[0]
for line in sys.stdin:
    count = int(line)
    start = time.perf_counter()
    api.face_encoder.compute_face_descriptor(chip if count == 1 else [chip] * count)
    print(1000 * (time.perf_counter() - start), flush=True)
"""
RANDOM_IRESNET18 = """
import sys
from facekit.training import export, networks
sys.stdout.buffer.write(export.to_onnx(networks.create("iresnet18")))
"""
# Without its compiled files Python reads every module anew, which nobody has who installed with pip.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def seconds(command: Sequence[str | Path], **options: Any) -> float:
    """Wall time of a process; an exit status other than 0 is an error."""
    start = time.perf_counter()
    words = [str(part) for part in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=ENVIRONMENT, **options)
    spent = time.perf_counter() - start
    if done.returncode:
        raise SystemExit(f"{command[0]} ended with {done.returncode}:\n{done.stderr}")
    return spent


def in_turns(
    runs: int, ours: Callable[[], float], theirs: Callable[[], float] | None, *, warm_up: int | None = None
) -> dict[str, float]:
    """Medians of both and of the ratios ours / theirs, after `warm_up` runs of each that do not count: one,
    where there is more than one that does."""
    warm_up = min(1, runs - 1) if warm_up is None else warm_up
    pairs = [(ours(), theirs() if theirs else float("nan")) for _ in range(warm_up + runs)][warm_up:]
    found = {"facekit_s": statistics.median(mine for mine, _ in pairs)}
    if theirs:
        found["rival_s"] = statistics.median(other for _, other in pairs)
        found["ratio"] = statistics.median(mine / other for mine, other in pairs)
    return {name: round(value, 4) for name, value in found.items()}


def facekit(*arguments: str | Path) -> list[str | Path]:
    return [sys.executable, "-m", "facekit", *arguments]


def start_up(runs: int) -> dict[str, Any]:
    """What `facekit --help` and `import facekit` cost beside an empty Python."""
    bare = [sys.executable, "-c", "pass"]
    return {
        "help": in_turns(runs, lambda: seconds(facekit("--help")), lambda: seconds(bare)),
        "import": in_turns(
            runs, lambda: seconds([sys.executable, "-c", "import facekit"]), lambda: seconds(bare)
        ),
    }


class Photos:
    """The photos to work on, and the first few of each person linked into a folder of their own."""

    def __init__(self, folder: Path | None, scratch: Path, subjects: int) -> None:
        self.enroll, self.flat = scratch / "enroll", scratch / "flat"
        people = sorted(path for path in folder.iterdir() if path.is_dir())[:subjects] if folder else []
        self.probe = sorted(people[0].iterdir())[-1] if people else ASTRONAUT
        self.all: list[Path] = []
        self.flat.mkdir()
        for person in people:
            photos = sorted(person.iterdir())
            self.all += photos
            (self.enroll / person.name).mkdir(parents=True)
            for photo in photos[:ENROLLED]:
                (self.enroll / person.name / photo.name).symlink_to(photo)
            # The rival knows one photo a person, named by the file.
            shutil.copy(photos[0], self.flat / f"{person.name}{photos[0].suffix}")
        if not people:
            (self.enroll / "astronaut").mkdir(parents=True)
            shutil.copy(ASTRONAUT, self.enroll / "astronaut")
            shutil.copy(ASTRONAUT, self.flat / "astronaut.png")
            self.all = [ASTRONAUT] * 4


def identify_cold(
    photos: Photos, gallery: Path, rival: Path | None, runs: int, scratch: Path
) -> dict[str, Any]:
    """One photo in a fresh process, against the rival's command: it encodes all people anew, or nobody."""

    def ours() -> float:
        return seconds(facekit("identify", photos.probe, "--gallery", gallery, "--quiet"))

    if rival is None:
        return {"alone": in_turns(runs, ours, None)}
    command = rival.parent / "face_recognition"
    nobody = scratch / "nobody"
    nobody.mkdir()
    return {
        "against its command with the people's photos": in_turns(
            max(2, runs // 3), ours, lambda: seconds([command, photos.flat, photos.probe])
        ),
        "against its command without anybody to encode": in_turns(
            runs, ours, lambda: seconds([command, nobody, photos.probe])
        ),
    }


def enroll_all(photos: Photos, rival: Path | None, runs: int, scratch: Path) -> dict[str, Any]:
    """Photos a second of enrolling everything, fresh process and fresh gallery."""
    count = [0]
    everything = scratch / "everything"
    for number, photo in enumerate(photos.all):
        place = everything / photo.parent.name
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:04}{photo.suffix}").symlink_to(photo)

    def ours() -> float:
        count[0] += 1
        fresh = scratch / f"enroll-{count[0]}.db"
        return seconds(facekit("enroll", everything, "--accept-poor", "--gallery", fresh, "--quiet"))

    theirs = (lambda: seconds([rival, "-c", RIVAL_ENROLL, *photos.all])) if rival else None
    times = in_turns(runs, ours, theirs, warm_up=0)
    result: dict[str, Any] = {"photos": len(photos.all), **times}
    result["facekit_photos_a_second"] = round(len(photos.all) / times["facekit_s"], 2)
    if rival:
        result["rival_photos_a_second"] = round(len(photos.all) / times["rival_s"], 2)
        result["times_its_photos_a_second"] = round(1 / times["ratio"], 2)
    return result


def where_time_goes(photos: Photos) -> dict[str, float]:
    """Mean milliseconds a photo of each step, in one process that is warm."""
    from facekit.faces.pipeline import Pipeline
    from facekit.pictures import images
    from facekit.results import Detection, Picture

    pipeline = Pipeline()
    pipeline.faces(images.read(photos.probe))
    spent = dict.fromkeys(("decode", "detect", "align", "embed"), 0.0)

    def timed(step: str, call: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = call()
        spent[step] += time.perf_counter() - start
        return result

    def aligned(picture: Picture, detections: list[Detection]) -> Pixels:
        return pipeline.aligned(picture, detections)[1]

    for path in photos.all:
        picture = timed("decode", functools.partial(images.read, path))
        detections = timed("detect", functools.partial(pipeline.detect, picture))
        if detections:
            crops = timed("align", functools.partial(aligned, picture, detections))
            timed("embed", functools.partial(pipeline.embedder, crops))
    return {step: round(1000 * value / len(photos.all), 2) for step, value in spent.items()}


def embedding(rival: Path | None, models: Path | None, runs: int, *, compare: bool = True) -> dict[str, Any]:
    """Milliseconds a face at batch 1 and 32, beside SFace and iResNet18 in the same runtime, and dlib's
    descriptor: from the aligned crop to the vector, in turns. Without `compare`, of ours alone.
    """
    import numpy as np

    from facekit.faces.pipeline import Pipeline
    from facekit.pictures import images

    pipeline = Pipeline()
    crop = pipeline.faces(images.read(ASTRONAUT))[0].crop
    networks = {name: loaded(data) for name, data in (other_networks(models) if compare else ())}
    descriptor = Descriptor(rival) if rival else None
    result: dict[str, Any] = {}
    for size in (1, 32):
        crops = np.repeat(crop[None], size, axis=0)
        calls = {"facekit": functools.partial(timed_ms, functools.partial(pipeline.embedder, crops))}
        for name, network in networks.items():
            calls[name] = functools.partial(timed_ms, functools.partial(run, network, crops))
        if descriptor:
            calls["dlib"] = functools.partial(descriptor, size)
        medians = {name: ms / size for name, ms in medians_in_turns(calls, runs).items()}
        result |= {f"{name}_ms_batch_{size}": round(ms, 3) for name, ms in medians.items()}
        if descriptor:
            times = medians["dlib"] / medians["facekit"]
            result[f"times_faster_than_dlib_batch_{size}"] = round(times, 1)
    return result


def other_networks(models: Path | None) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of the networks that ours is compared with, of those that are there."""
    if models and (models / "sface.onnx").exists():
        yield "sface", (models / "sface.onnx").read_bytes()
    if settings.has_package("torch"):
        # In a process of its own: PyTorch's threads would stay.
        made = subprocess.run(
            [sys.executable, "-c", RANDOM_IRESNET18], capture_output=True, check=True, env=ENVIRONMENT
        )
        yield "iresnet18", made.stdout


def loaded(network: bytes) -> Network:
    from facekit.models import runtime

    return runtime.load(network)


def run(network: Network, crops: Pixels) -> None:
    """What the embedder does, except that it gives no unit vectors."""
    import numpy as np

    network(np.ascontiguousarray((crops.transpose(0, 3, 1, 2).astype(np.float32) - 127.5) / 127.5))


def timed_ms(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)


def medians_in_turns(calls: Mapping[str, Callable[[], float]], runs: int) -> dict[str, float]:
    """The median of what each call returns; a first round does not count."""
    rounds = [{name: call() for name, call in calls.items()} for _ in range(runs + 1)][1:]
    return {name: statistics.median(turn[name] for turn in rounds) for name in calls}


class Descriptor:
    """dlib's descriptor in a process of the rival's Python: milliseconds for a number of faces."""

    def __init__(self, rival: Path) -> None:
        self._process = subprocess.Popen(
            [rival, "-c", RIVAL_EMBED, ASTRONAUT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
        )

    def __call__(self, faces: int) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(faces, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())


def search(templates: int, dimension: int) -> dict[str, Any]:
    """What scripts/measure_search.py finds."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "search.json"
        script = Path(__file__).with_name("measure_search.py")
        sizes = ["--templates", str(templates), "--dimension", str(dimension)]
        seconds([sys.executable, script, *sizes, "--json", out])
        figures: dict[str, Any] = json.loads(out.read_text())
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, help="a folder with a sub-folder for each person")
    parser.add_argument("--rival-python", type=Path, help="Python with face-recognition-ng")
    parser.add_argument("--models", type=Path, help="a folder with sface.onnx")
    parser.add_argument("--out", type=Path, help="where the JSON goes; standard output if not given")
    parser.add_argument(
        "--short", action="store_true", help="everything once, on little: proves that it runs"
    )
    options = parser.parse_args()
    runs = 1 if options.short else 9
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        photos = Photos(options.photos, scratch, 2 if options.short else SUBJECTS)
        gallery = scratch / "gallery.db"
        seconds(facekit("enroll", photos.enroll, "--accept-poor", "--gallery", gallery, "--quiet"))
        rival = options.rival_python
        result = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "load_before": round(os.getloadavg()[0], 2),
            "start_up": start_up(runs),
            "identify_cold": identify_cold(photos, gallery, rival, runs, scratch),
            "embedding": embedding(
                rival, options.models, runs if options.short else 50, compare=not options.short
            ),
            "enroll": enroll_all(photos, rival, 1, scratch),
            "milliseconds_a_photo": where_time_goes(photos),
            "search": search(2_000 if options.short else 1_000_000, 256),
        }
    text = json.dumps(result, indent=2)
    options.out.write_text(text + "\n") if options.out else print(text)


if __name__ == "__main__":
    main()
