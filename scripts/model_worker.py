"""One process of scripts/model_test.py: does to a gallery what chance says, and reports what it is told.

    scripts/model_worker.py work GALLERY FOLDER WORKER SEED
    scripts/model_worker.py command GALLERY FOLDER OPERATION WORD…

FOLDER has the ledger, and what the worker makes for itself.

The second is the command `facekit WORD…`, of which the ledger knows which operation it is.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from gallery_model import (
    BEST,
    NAMES,
    PHOTOS,
    Operation,
    changes,
    ledger_in,
    new_gallery,
    of_rows,
    picture,
    remembered,
    template,
    vector,
)
from model_ledger import Ledger, Recorder

from facekit.errors import GalleryError
from facekit.gallery import Gallery, NewTemplate, copy_gallery, open_gallery, transfer
from facekit.gallery.places import is_address
from facekit.gallery.sqlite import indexing
from facekit.gallery.sqlite.check import check

# So few templates are a large gallery here, that there is a search cache to lie.
SMALL = 8


class Work:
    """What chance lets the worker of this number do. Before and after each thing it is reported; an operation
    has a number that no other worker gives.
    """

    def __init__(self, place: str, folder: Path, worker: int, seed: int) -> None:
        self.place = place
        self._folder = folder
        self._own = folder / f"own-{worker}"
        self._own.mkdir()
        self._chance = random.Random(seed)
        self._operations = itertools.count((worker << 32) + 1)
        self._recorder = Recorder(place, Ledger(ledger_in(folder)))
        self._reading, self._writing = open_gallery(place), open_gallery(place, write=True)

    def go(self, stop: threading.Event) -> None:
        while not stop.is_set():
            kind = self._chance.random()
            if kind < 0.25:
                start = time.monotonic()
                _report({"kind": "read", **self._read(), "start": start, "end": time.monotonic()})
            elif kind < 0.30:
                operation = self._operation()
                if operation[0] == "add":
                    operation[-1] = False  # an import leaves everybody where they are
                self._do(operation, command=True)
            else:
                self._do(self._operation(), command=False)
            if self._chance.random() < 0.1:
                self._writing.close()
                self._writing = open_gallery(self.place, write=True)
        self._writing.close()
        self._reading.close()

    def _do(self, operation: Operation, *, command: bool) -> None:
        number = next(self._operations)
        began = {"operation": operation, "command": command, "start": time.monotonic()}
        _report({"kind": "began", "id": number, **began})
        result = (self._by_command if command else self._by_library)(number, operation)
        ended = {**result, "most": changes(self._reading), "end": time.monotonic()}
        _report({"kind": "ended", "id": number, **ended})

    def _operation(self) -> Operation:
        chance = self._chance
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

    def _by_library(self, number: int, operation: Operation) -> dict[str, Any]:
        self._recorder.begin(number)
        try:
            result = {"outcome": "done", "answer": self._answer(*operation)}
        except GalleryError as error:
            return {"outcome": "refused", "said": str(error), "base": self._recorder.base}
        if self._recorder.changed:
            return {**result, "number": self._writing.change_number}
        return {**result, "base": self._recorder.base}

    def _answer(self, verb: str, *arguments: Any) -> Any:
        gallery = self._writing
        if verb == "add":
            templates = [template(name, sha256) for name, sha256 in arguments[0]]
            again, move = arguments[1:]
            if not move and self._chance.random() < 0.4:
                # The same as adding, through another gallery and an export of it.
                report = transfer.import_into(gallery, transfer.read(self._export(templates)), again=again)
            else:
                report = gallery.add(templates, again=again, move=move)
            return [placement.status for placement in report.placements]
        if verb == "remove_photos" and self._chance.random() < 0.5:
            return gallery.remove_photos(arguments[0], [sha256[:16] for sha256 in arguments[1]])
        return getattr(gallery, verb)(*arguments)

    def _export(self, templates: list[NewTemplate]) -> Path:
        other, file = self._own / "other.db", self._own / f"export{self._chance.choice(transfer.SUFFIXES)}"
        file.unlink(missing_ok=True)
        with new_gallery(other) as exported:
            exported.add(templates)
            transfer.write(exported, file)
        other.unlink()
        return file

    def _by_command(self, number: int, operation: Operation) -> dict[str, Any]:
        words = ["gallery", *self._words(*operation), "--gallery", self.place]
        reports = os.dup(1)
        done = subprocess.run(
            [sys.executable, __file__, "command", self.place, str(self._folder), str(number), *words],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
            # Whoever reads the reports comes to their end when the command has ended too.
            pass_fds=(reports,),
        )
        os.close(reports)
        return {"outcome": "refused" if done.returncode else "done", "said": done.stderr}

    def _words(self, verb: str, *arguments: Any) -> list[str]:
        """The operation as the command line has it."""
        if verb == "add":
            pictures, again, _ = arguments
            file = self._export([template(*each) for each in pictures])
            return ["import", str(file), *(["--again"] if again else [])]
        if verb == "remove":
            return ["remove", *arguments[0]]
        if verb == "merge":
            return ["merge", arguments[0], *arguments[1]]
        if verb == "remove_photos":
            return ["remove", arguments[0], "--photo", arguments[1][0]]
        return [verb.replace("_", "-"), *arguments]

    def _read(self) -> dict[str, Any]:
        """One state of the gallery, seen in one of many ways."""
        gallery, chance = self._reading, self._chance
        way = chance.choice(("templates", "contents", "export", "copy", "search"))
        if way == "copy":
            return self._copied()
        if way == "contents":
            slow, found = chance.random() < 0.1, []
            for item in gallery.contents():
                found.append(item)
                if slow:
                    time.sleep(0.01)  # somebody leafs through an export
            return _seen(gallery, way, of_rows(found))
        if way == "search":
            sha256 = picture(chance.choice(NAMES), chance.randrange(PHOTOS))
            best = [candidate.subject for candidate in gallery.search(vector(sha256)[None], BEST)[0]]
            return {"way": way, "sha256": sha256, "best": best, "most": gallery.change_number}
        with gallery.snapshot():
            if way == "export":
                _, *rows = map(json.loads, transfer.lines(gallery))
                state = of_rows([template(row["subject"], row["sha256"]) for row in rows])
                return _seen(gallery, way, state)
            return _seen(gallery, way, of_rows(gallery.templates())) | {"remembered": remembered(gallery)}

    def _copied(self) -> dict[str, Any]:
        target = self._own / "copy.db"
        copy_gallery(self.place, target)
        problems = [problem.message for problem in check(target)]
        with open_gallery(target) as copied:
            report = _seen(copied, "copy", of_rows(copied.templates()))
        target.unlink()
        return report | {"problems": problems}


def _seen(gallery: Gallery, way: str, state: dict[str, list[str]]) -> dict[str, Any]:
    return {"way": way, "state": state, "most": gallery.change_number}


def _report(report: dict[str, Any]) -> None:
    print(json.dumps(report), flush=True)


def work(place: str, folder: Path, worker: int, seed: int) -> None:
    """Do what chance says until killed or told to stop by the end of standard input."""
    indexing.IN_MEMORY = SMALL
    if is_address(place):
        from facekit.gallery.postgres import indexing as of_servers

        of_servers.IN_MEMORY = SMALL
    stop = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        stop.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    Work(place, folder, worker, seed).go(stop)


def command(place: str, folder: Path, operation: int, words: list[str]) -> None:
    """The command `facekit` with these words."""
    from facekit.__main__ import main

    Recorder(place, Ledger(ledger_in(folder))).begin(operation)
    sys.argv = ["facekit", *words]
    main()


if __name__ == "__main__":
    what, gallery, folder, number, *rest = sys.argv[1:]
    if what == "work":
        work(gallery, Path(folder), int(number), int(rest[0]))
    else:
        command(gallery, Path(folder), int(number), rest)
