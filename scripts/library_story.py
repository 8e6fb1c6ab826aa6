#!/usr/bin/env python3
"""Go the whole way of docs/photo-library.md in a library that scripts/make_library.py made, as printed there.

    scripts/library_story.py LIBRARY

The commands are those below `<!-- story -->` in the page. What a person does between them is done by the
script, which knows the truth: it names each group in names.csv after most of its faces and says which do not
belong, and gives one photo of Ada Lovelace to Ben by mistake, which `gallery move` then puts right. Prints
what came of each command and the time it took, and holds it against truth.csv. Status 1 where a command
fails, a wrong name is written, a second run changes a byte, or a photo is changed at all."""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import facekit
from facekit.people.named_groups import COLUMNS, NAMED, NOT_THIS_GROUP

PAGE = Path(__file__).parent.parent / "docs" / "photo-library.md"
ADA, BEN = "Ada Lovelace", "Ben"
WRONG = 0.01
"""The part of all faces with a name that may have a wrong one: those of a group that has two people."""


class StoryError(Exception):
    """Something is not as the page says."""


def printed_commands(page: str) -> list[str]:
    """The lines of the story."""
    found = re.search(r"<!-- story -->\n```console\n(.*?)```", page, re.DOTALL)
    if found is None:
        raise StoryError(f"{PAGE}: has no story")
    return found[1].splitlines()


@dataclass
class Story:
    """A library, and what is known of it."""

    folder: Path
    truth: dict[str, set[str]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        with (self.folder / "truth.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                self.truth[row["file"]] = set(filter(None, row["people"].split(";")))

    def run(self, command: str) -> str:
        """Run a line as it is printed; what it printed."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        (home / "facekit").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m facekit "$@"\n')
        (home / "facekit").chmod(0o755)
        environment = {name: text for name, text in os.environ.items() if not name.startswith("FACEKIT_G")}
        environment |= {"HOME": str(home.absolute()), "XDG_DATA_HOME": str(home.absolute() / "data")}
        environment["PATH"] = f"{home.absolute()}:{environment['PATH']}"
        environment["PYTHONPATH"] = str(Path(facekit.__file__).parent.parent)
        began = time.monotonic()
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        # Of photos that are refused, as too poor, enrolling says that something failed.
        allowed = (0, 1) if command.startswith(("facekit enroll", "facekit sync")) else (0,)
        if done.returncode not in allowed:
            raise StoryError(f"{command}: status {done.returncode}: {done.stderr.strip()[-500:]}")
        last = (done.stderr.strip() or done.stdout.strip() or "-").splitlines()[-1]
        self.lines.append(
            f"| `{command}` | {time.monotonic() - began:.0f} s | {last.removeprefix('facekit: ')} |"
        )
        print(self.lines[-1], flush=True)
        return done.stdout

    def name_groups(self) -> None:
        """What a person says in the page: who most faces of a group are, and which do not belong to it;
        nothing of single faces."""
        groups = json.loads((self.folder / "groups.json").read_text(encoding="utf-8"))["results"]
        with (self.folder / "names.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for group in groups:
                people = Counter(name for face in group["faces"] for name in self.truth[face["source"]])
                if group["group"] is None or not people:
                    continue
                number, name = group["group"], people.most_common(1)[0][0]
                writer.writerow((number, "", "", "", NAMED, name))
                for place, face in enumerate(group["faces"], 1):
                    if name not in self.truth[face["source"]]:
                        row = (number, place, face["source"], face["face"], NOT_THIS_GROUP, name)
                        writer.writerow(row)

    def misplace(self) -> str:
        """Give a photo of Ada's to Ben, as happens; the photo."""
        stored = self.run(f'facekit gallery show "{ADA}" --format jsonl')
        photo = json.loads(stored.splitlines()[0])["source"]
        self.run(f"facekit gallery move {shlex.quote(photo)} --to {BEN}")
        return str(photo)

    def add_photo(self) -> None:
        """Put a photo of Ben, saved anew, into a folder of his."""
        from PIL import Image

        files = (file for file, people in self.truth.items() if people == {BEN} and file.endswith(".jpg"))
        place = self.folder / "people" / BEN / "new.jpg"
        place.parent.mkdir(parents=True)
        with Image.open(self.folder / next(files)) as image:
            image.convert("RGB").save(place, quality=90)

    def check_names(self) -> None:
        """The names of all photos are right, but for a few of groups that hold two people."""
        right = wrong = unknown = 0
        for line in self.run("facekit identify photos/ --format jsonl").splitlines():
            result = json.loads(line)
            names = {face["subject"] for face in result["faces"]} - {None}
            people = self.truth[result["source"]]
            right, wrong = right + len(names & people), wrong + len(names - people)
            unknown += sum(face["subject"] is None for face in result["faces"])
        print(f"names: {right} right, {wrong} wrong; {unknown} faces unknown", flush=True)
        if wrong > WRONG * max(right, 100):
            raise StoryError(f"{wrong} wrong names")

    def digests(self, sidecars: bool) -> dict[str, str]:
        """Of all photos, or of all files beside them too."""
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted((self.folder / "photos").rglob("*"))
            if path.is_file() and (sidecars or path.suffix != ".xmp")
        }


def tell(folder: Path, page: str) -> Story:
    """Run all of it."""
    story = Story(folder)
    photos = story.digests(sidecars=False)
    for command in printed_commands(page):
        if "--groups" in command:
            story.name_groups()
        if "sync" in command and not (folder / "people" / BEN).exists():
            story.add_photo()
        if "PHOTO" in command:
            command = command.replace("PHOTO", shlex.quote(story.misplace()))
        story.run(command)
        if command.endswith("--xmp"):
            before = story.digests(sidecars=True)
            story.run(command)
            if story.digests(sidecars=True) != before:
                raise StoryError("a second run changed a file")
    if "new.jpg" not in story.run(f"facekit gallery show {BEN} --format jsonl"):
        raise StoryError("sync did not enroll the photo that was added")
    found = {path.name for path in (folder / "people" / ADA).iterdir()}
    if not found:
        raise StoryError(f"no photo of {ADA} was found")
    story.check_names()
    if story.digests(sidecars=False) != photos:
        raise StoryError("a photo was changed")
    return story


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("library", type=Path)
    try:
        tell(parser.parse_args(arguments).library, PAGE.read_text(encoding="utf-8"))
    except StoryError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
