"""One process of scripts/model_test.py: does to a gallery what chance says, and reports what it is told."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from gallery_model import NAMES, PHOTOS, Operation, changes, new_gallery, of_rows, picture, template, vector

from facekit.errors import GalleryError
from facekit.gallery import AddReport, Gallery, NewTemplate, check, transfer
from facekit.gallery.sqlite import copying, indexing

# So few templates are a large gallery here, that there is a search cache to lie.
SMALL = 8


def work(path: Path, seed: int) -> None:
    """Do what chance says until killed or told to stop, and report each thing before and after it."""
    indexing.IN_MEMORY = SMALL
    chance = random.Random(seed)
    own = path.parent.parent / f"own-{os.getpid()}"
    own.mkdir()
    reading, writing = Gallery.open(path), Gallery.open(path, write=True)
    stop = threading.Event()
    threading.Thread(target=_wait_for_end, args=(stop,), daemon=True).start()
    while not stop.is_set():
        kind = chance.random()
        if kind < 0.25:
            _report(_read(reading, chance, own, path))
        elif kind < 0.30:
            _report(_command(path, _operation(chance), reading))
        else:
            operation = _operation(chance)
            _report({"kind": "began", "operation": operation, "least": changes(reading)})
            _report(_change(path, writing, chance, own, operation, reading))
        if chance.random() < 0.1:
            writing.close()
            writing = Gallery.open(path, write=True)
    writing.close()
    reading.close()


def _wait_for_end(stop: threading.Event) -> None:
    sys.stdin.read()
    stop.set()


def _operation(chance: random.Random) -> Operation:
    name, other = chance.sample(NAMES, 2)
    verbs = ("add", "remove", "rename", "merge", "remove_photos", "forget_removals")
    verb = chance.choices(verbs, (6, 2, 2, 1, 2, 1))[0]
    if verb == "add":
        pairs = {(each, picture(each, chance.randrange(PHOTOS))) for each in (name, name, other)}
        return [verb, sorted(map(list, pairs)), chance.random() < 0.7, chance.random() < 0.5]
    if verb == "remove":
        return [verb, [name] if chance.random() < 0.8 else [name, other]]
    if verb == "rename":
        return [verb, name, other]
    if verb == "merge":
        return [verb, name, [other]]
    if verb == "forget_removals":
        return [verb]
    return [verb, name, [picture(name, chance.randrange(PHOTOS))]]


def _change(
    path: Path, gallery: Gallery, chance: random.Random, own: Path, operation: Operation, reading: Gallery
) -> dict[str, Any]:
    verb, *arguments = operation
    least = changes(reading)
    try:
        if verb == "add":
            templates = [template(name, sha256) for name, sha256 in arguments[0]]
            again, move = arguments[1:]
            if not move and chance.random() < 0.4:
                report = _by_import(gallery, templates, own, chance, again)
            else:
                report = gallery.add(templates, again=again, move=move)
            answer: Any = [placement.status for placement in report.placements]
        elif verb == "remove_photos" and chance.random() < 0.5:
            answer = gallery.remove_photos(arguments[0], [sha256[:16] for sha256 in arguments[1]])
        else:
            answer = getattr(gallery, verb)(*arguments)
    except GalleryError as error:
        return {"kind": "refused", "operation": operation, "why": str(error)} | _window(least, reading)
    # Where all was there already, nothing was changed; where nothing was remembered, perhaps nothing.
    idle = (verb == "add" and "added" not in answer) or (verb == "forget_removals" and not answer)
    number = {} if idle else {"number": gallery.settings.changes}
    return {"kind": "done", "operation": operation, "answer": answer, **number} | _window(least, reading)


def _by_import(
    gallery: Gallery, templates: list[NewTemplate], own: Path, chance: random.Random, again: bool
) -> AddReport:
    """The same as adding, through another gallery and an export of it."""
    other, file = own / "other.db", own / f"export{chance.choice(transfer.SUFFIXES)}"
    with new_gallery(other) as exported:
        exported.add(templates)
        transfer.write(exported, file)
    report = transfer.import_into(gallery, transfer.read(file), again=again)
    file.unlink()
    other.unlink()
    return report


def _command(path: Path, operation: Operation, reading: Gallery) -> dict[str, Any]:
    verb, *arguments = operation
    if verb == "add":
        verb, arguments = "remove", [[arguments[0][0][0]]]
    words = _words(verb, *arguments)
    operation = [verb, *arguments]
    least = changes(reading)
    _report({"kind": "began", "operation": operation, "least": least, "command": True})
    done = subprocess.run(
        [sys.executable, "-m", "facekit", "gallery", *words, "--gallery", str(path)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    report = {"operation": operation, "why": done.stderr} | _window(least, reading)
    return report | {
        "kind": "command" if done.returncode == 0 else "refused",
        "must": "no removed picture" not in done.stderr,
    }


def _words(verb: str, *arguments: Any) -> list[str]:
    """The operation as the command line has it."""
    if verb == "remove":
        return ["remove", *arguments[0]]
    if verb == "merge":
        return ["merge", arguments[0], *arguments[1]]
    if verb == "remove_photos":
        return ["remove", arguments[0], "--photo", arguments[1][0]]
    return [verb.replace("_", "-"), *arguments]


def _read(gallery: Gallery, chance: random.Random, own: Path, path: Path) -> dict[str, Any]:
    """One state of the gallery, seen in one of many ways."""
    way = chance.choice(("templates", "contents", "export", "copy", "search"))
    if way == "copy":
        target = own / "copy.db"
        copying.copy(path, target)
        problems = [problem.message for problem in check(target)]
        with Gallery.open(target) as copied:
            report = _seen(copied, "copy", of_rows(copied.templates()))
        target.unlink()
        return report | {"problems": problems}
    if way == "contents":
        least, found, slow = changes(gallery), gallery.contents(), chance.random() < 0.1
        templates = []
        for item in found:
            templates.append(item)
            if slow:
                time.sleep(0.01)  # somebody leafs through an export
        return {"kind": "seen", "way": way, "state": of_rows(templates)} | _window(least, gallery)
    with gallery.snapshot():
        if way == "search":
            return _searched(gallery, chance)
        if way == "export":
            _, *rows = map(json.loads, transfer.lines(gallery))
            state = of_rows([template(row["subject"], row["sha256"]) for row in rows])
            return _seen(gallery, way, state)
        return _seen(gallery, way, of_rows(gallery.templates()))


def _searched(gallery: Gallery, chance: random.Random) -> dict[str, Any]:
    sha256 = picture(chance.choice(NAMES), chance.randrange(PHOTOS))
    best = gallery.search(vector(sha256)[None], 1)[0]
    name = best[0].subject if best and best[0].score > 0.999 else None
    return {"kind": "searched", "sha256": sha256, "name": name, "number": gallery.settings.changes}


def _seen(gallery: Gallery, way: str, state: dict[str, list[str]]) -> dict[str, Any]:
    return {"kind": "seen", "way": way, "state": state, "number": gallery.settings.changes}


def _window(least: int, gallery: Gallery) -> dict[str, int]:
    """Between which numbers of changes it happened."""
    return {"least": least, "most": changes(gallery)}


def _report(report: dict[str, Any]) -> None:
    print(json.dumps(report), flush=True)
