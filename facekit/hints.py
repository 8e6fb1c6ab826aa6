"""What messages tell the user to run: each command in one place, quoted for a shell, with every option that
it needs here. PHOTO, FOLDER and STRANGERS stand for what only the user knows; all else can be pasted.

A test runs each of them as it is printed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from facekit.errors import UsageError
from facekit.gallery import usual_places
from facekit.gallery.places import AnyPlace, Place, place_of
from facekit.text.escaping import shell_command

# For a gallery that was set for a stricter rate, or for none. A rate takes 3/RATE searches, a few more here.
_RATE = 0.01
_SEARCHES = 3.2
_SET_FOR = re.compile(r"FPIR at most (0\.\d+) ")


def enroll(gallery: AnyPlace | None = None, embedder: Path | None = None) -> str:
    """Enroll people into the gallery; without one, where `enroll` writes."""
    place = None if gallery is None else place_of(gallery)
    with suppress(UsageError):  # there is no home folder
        place = None if place == usual_places.to_write() else place
    return _command("enroll", "FOLDER", gallery=place, embedder=embedder)


def identify(gallery: AnyPlace, embedder: Path | None = None) -> str:
    """Say who is in a photo, by this gallery."""
    return _command("identify", "PHOTO", gallery=_needed(gallery), embedder=embedder)


def calibrate(
    gallery: AnyPlace, templates: int, embedder: Path | None = None, *, calibration: str = ""
) -> str:
    """Set the gallery's threshold from its own templates; from photos of strangers if so few cannot show the
    rate. That is never looser than what the gallery's `calibration` has: whoever follows a hint must not get
    more wrong names than before.
    """
    promised = _SET_FOR.match(calibration)
    rate = max(_RATE, float(promised[1])) if promised else _RATE
    images = () if rate * templates >= _SEARCHES else ("--images", "STRANGERS")
    words = ("calibrate", "--fpir", f"{rate:g}", *images)
    return _command(*words, gallery=_needed(gallery), embedder=embedder)


def serve_key() -> str:
    """Make a key for the server."""
    return _command("serve", "key", "add", "NAME")


def check_people(gallery: AnyPlace) -> str:
    """Find photos under a wrong name."""
    return _command("gallery", "check", "--people", gallery=_needed(gallery))


def check(gallery: AnyPlace) -> str:
    """Find damage."""
    return _command("gallery", "check", gallery=_needed(gallery))


def bug_report() -> str:
    """What belongs into a bug report."""
    return _command("info")


def list_people(gallery: AnyPlace) -> str:
    """Who is in the gallery."""
    return _command("gallery", "list", gallery=_needed(gallery))


def show_person(gallery: AnyPlace, name: str) -> str:
    """What is stored of a person."""
    return _command("gallery", "show", *_not_an_option(name), gallery=_needed(gallery))


def rename_person(gallery: AnyPlace, old: str, new: str) -> str:
    """Write a person's name otherwise."""
    end = ("--",) if any(word.startswith("-") for word in (old, new)) else ()
    return _command("gallery", "rename", *end, old, new, gallery=_needed(gallery))


def remove_person(gallery: AnyPlace) -> str:
    """Remove a person with all that is stored of them."""
    return _command("gallery", "remove", "NAME", gallery=_needed(gallery))


def move_photo(gallery: AnyPlace, photo: str, name: str) -> str:
    """Give a stored photo to another person."""
    to = (f"--to={name}",) if name.startswith("-") else ("--to", name)
    return _command("gallery", "move", *to, *_not_an_option(photo), gallery=_needed(gallery))


def remove_photo(gallery: AnyPlace, name: str, photo: str) -> str:
    """Remove what is stored of one photo of a person."""
    given = (f"--photo={photo}",) if photo.startswith("-") else ("--photo", photo)
    return _command("gallery", "remove", *given, *_not_an_option(name), gallery=_needed(gallery))


def rewrite_names(gallery: AnyPlace) -> str:
    """Write the gallery's names into photos' sidecars in which others stand."""
    return _command("identify", "FOLDER", "--xmp", "--replace", gallery=_needed(gallery))


def erase_names(gallery: AnyPlace, names: Sequence[str]) -> str:
    """Take the names of people out of photos' metadata."""
    options = (word for name in names for word in ("--erase", name))
    return _command("identify", "FOLDER", "--xmp", *options, gallery=_needed(gallery))


def merge_people(gallery: AnyPlace, into: str, other: str) -> str:
    """Make one person of two."""
    words = (into, other)
    end = ("--",) if any(word.startswith("-") for word in words) else ()
    return _command("gallery", "merge", *end, *words, gallery=_needed(gallery))


def create_gallery(gallery: AnyPlace) -> str:
    """Make an empty gallery at an address."""
    return _command("gallery", "create", *_not_an_option(place_of(gallery).argument))


def upgrade_gallery(gallery: AnyPlace) -> str:
    """Bring the tables of a gallery to the present format."""
    return _command("gallery", "upgrade", *_not_an_option(place_of(gallery).argument))


def grant(gallery: AnyPlace) -> str:
    """Let a user of the database enroll."""
    return _command("gallery", "grant", "ROLE", "--to", "enroll", gallery=place_of(gallery))


def copy_gallery(gallery: AnyPlace) -> str:
    """Copy the gallery to a place that the user chooses."""
    return _command("gallery", "copy", *_not_an_option(place_of(gallery).argument), "TO")


def forget_removals(gallery: AnyPlace) -> str:
    """Let what was removed from the gallery be enrolled again."""
    return _command("gallery", "forget-removals", gallery=_needed(gallery))


def name_groups() -> str:
    """Group faces, and make the page in which the groups are named."""
    return _command("cluster", "FOLDER", "--review", "groups.html", "--format", "json")


def enroll_groups() -> str:
    """Enroll what was named in that page."""
    return _command("enroll", "--groups", "groups.json", "names.csv")


def list_facts(gallery: AnyPlace) -> str:
    """What was said of people and faces."""
    return _command("gallery", "facts", gallery=_needed(gallery))


def take_back(gallery: AnyPlace, fact: int) -> str:
    """Take back something that was said."""
    return _command("gallery", "take-back", str(fact), gallery=_needed(gallery))


def export_run(run: Path) -> str:
    """Make an embedder file of a training run."""
    return _command("export", *_not_an_option(str(run)))


def _command(*words: str, gallery: Place | None = None, embedder: Path | None = None) -> str:
    given = [] if embedder is None else ["--embedder", _path(embedder)]
    given += [] if gallery is None else ["--gallery", gallery.argument]
    end = words.index("--") if "--" in words else len(words)
    return shell_command(["facekit", *words[:end], *given, *words[end:]])


def _path(path: Path) -> str:
    """As an option takes it: a leading `~` of a file's own name is no home folder."""
    return f"./{path}" if str(path).startswith("~") else str(path)


def _not_an_option(word: str) -> tuple[str, ...]:
    return ("--", word) if word.startswith("-") else (word,)


def _needed(gallery: AnyPlace) -> Place | None:
    """The gallery, unless it is the one that is used anyway."""
    place = place_of(gallery)
    return None if place == usual_places.first_existing(usual_places.to_read()) else place
