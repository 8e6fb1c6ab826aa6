"""`facekit gallery`: the people in a gallery."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from facekit.cli import DONE, FAILED, paths
from facekit.cli import options as shared
from facekit.rendering.counting import counted, listed
from facekit.rendering.escaping import printable

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.gallery import Gallery

_UNREADABLE = ("file", "integrity", "rows")
_name = click.argument("name", shell_complete=shared.complete_subject)
_names = click.argument("names", nargs=-1, required=True, shell_complete=shared.complete_subject)


@click.group("gallery", short_help="Look after the people in a gallery.")
def gallery() -> None:
    """Look after the people in a gallery.

    The gallery is --gallery FILE, or the one of FACEKIT_GALLERY, or the first there is of ./gallery.db,
    ./gallery/gallery.db and your own in ~/.local/share/facekit/. The shipped gallery of public figures can
    be read but not changed.
    """


@shared.command("list", short_help="List the people.")
@shared.gallery_option
@shared.format_option()
@click.pass_obj
def list_(console: Console, /, gallery: Path | None, style: str) -> int:
    """List the people, with how many templates they have and since when."""
    from facekit.rendering.rows import rows
    from facekit.rendering.tables import Column

    columns = {
        "subject": Column("subject", flexible=True),
        "templates": Column("templates", right=True),
        "added": Column("added"),
    }
    with shared.open_gallery(gallery, console=console) as opened:
        for line in rows(style, columns, (subject.to_dict() for subject in opened.subjects())):
            console.emit(line)
    return DONE


@shared.command("show", short_help="Show what is stored, of a person or in all.")
@click.argument("name", required=False, shell_complete=shared.complete_subject)
@shared.gallery_option
@shared.format_option()
@click.pass_obj
def show(console: Console, /, name: str | None, gallery: Path | None, style: str) -> int:
    """Show the templates of the person NAME: from which pictures, how many pixels wide the face is in them,
    and since when; with --format json also where it is and how good. Without NAME, show what the gallery
    holds in all, and how many removed and renamed pictures it knows, which stay out.

    The vectors are not shown; see: facekit gallery export.
    """
    if name is None:
        _show_all(console, gallery, style)
        return DONE
    from facekit.rendering.rows import rows
    from facekit.rendering.tables import Column

    columns = {
        "source": Column("picture", flexible=True),
        "sha256": Column("SHA-256", flexible=True),
        "size": Column("pixels", right=True),
        "added": Column("added"),
    }
    with shared.open_gallery(gallery, console=console) as opened:
        found = [info.to_dict() for info in opened.templates(name)]
    records = ({**each, "size": round(each["quality"].get("size", 0))} for each in found)
    for line in rows(style, columns, records):
        console.emit(line)
    return DONE


def _show_all(console: Console, gallery: Path | None, style: str) -> None:
    from facekit.rendering.rows import rows
    from facekit.rendering.tables import Column

    with shared.open_gallery(gallery, console=console) as opened:
        stones = opened.tombstones()
        record = {
            "gallery": str(opened.place),
            "people": opened.subject_count,
            "templates": len(opened),
            "removed": stones.count("named"),
            "renamed": stones.count("renamed"),
            "threshold": round(opened.threshold, 4),
            "calibration": opened.settings.calibration.description,
            "embedder": opened.settings.embedder,
        }
    columns = {key: Column(key, flexible=key in ("gallery", "calibration")) for key in record}
    if style == "table":
        for key, value in record.items():
            console.emit(f"{key:12}{printable(str(value))}")
        return
    for line in rows(style, columns, [record]):
        console.emit(line)


@shared.command("forget-removals", short_help="Let removed pictures be enrolled again.")
@shared.gallery_option
@click.pass_obj
def forget_removals(console: Console, /, gallery: Path | None) -> int:
    """Erase what is kept of removed and renamed pictures, all of it.

    Of each, a gallery keeps a keyed hash, neither name nor vector, so that the next enrollment of the same
    folder does not bring it back. After this it does. To take back single pictures: facekit enroll --again.
    """
    with shared.open_gallery(gallery, write=True) as opened:
        pictures = opened.forget_removals()
    console.note(f"{counted(pictures, 'removed picture')} {'forgotten' if pictures else 'was remembered'}")
    return DONE


@shared.command("remove", short_help="Remove people, or pictures of a person, for good.")
@_names
@click.option(
    "--photo",
    "photos",
    multiple=True,
    metavar="PHOTO",
    help="Remove only what is stored of this picture of the one person: its name as facekit gallery show "
    "has it, or the first 8 or more digits of its SHA-256. Can be given several times.",
)
@shared.own_gallery_option
@click.pass_obj
def remove(console: Console, /, names: tuple[str, ...], photos: tuple[str, ...], gallery: Path | None) -> int:
    """Remove people: no byte of their names and vectors is left in the gallery's files.

    All are removed, or none when one of them is not in the gallery. With --photo, only templates of a
    person are, in the same way; with the last of them goes the person.

    What is removed stays removed: the next facekit enroll of the same pictures leaves those faces out, unless
    it is run with --again. A picture removed with --photo may be enrolled for somebody else.

    \b
    Examples:
      facekit gallery remove "Ann Lee"
      facekit gallery remove "Ann Lee" --photo IMG_0301.jpg
    """
    from facekit.gallery.subject_names import subject_name

    people = list(dict.fromkeys(map(subject_name, names)))
    if photos and len(people) > 1:
        raise click.UsageError("--photo is for the pictures of one person: give one name")
    with shared.open_gallery(gallery, console=console, write=True) as opened:
        if photos:
            gone = opened.remove_photos(people[0], photos)
            _note_due(console, opened)
            console.note(f"removed {counted(len(set(photos)), 'picture')} of {people[0]}")
            if gone:
                console.note(f"{people[0]} had no other and is gone")
            return DONE
        templates = opened.remove(people)
        _note_due(console, opened)
    persons = counted(len(people), "person", "people")
    console.note(f"removed {persons} with {counted(templates, 'template')}")
    return DONE


@shared.command("rename", short_help="Give a person another name.")
@click.argument("old", shell_complete=shared.complete_subject)
@click.argument("new")
@shared.own_gallery_option
@click.pass_obj
def rename(console: Console, /, old: str, new: str, gallery: Path | None) -> int:
    """Give the person OLD the name NEW, which nobody in the gallery has yet."""
    from facekit import names
    from facekit.gallery.subject_names import subject_name

    old, new = subject_name(old), subject_name(new)
    with shared.open_gallery(gallery, console=console, write=True) as opened:
        opened.rename(old, new)
        told = names.Register(opened.names()).warning(new, opened.place)
        _note_due(console, opened)
    console.note(f"{old} is now {new}")
    if told:
        console.note(told)
    return DONE


@shared.command("merge", short_help="Make one person of several.")
@click.argument("into", shell_complete=shared.complete_subject)
@click.argument("others", nargs=-1, required=True, shell_complete=shared.complete_subject)
@shared.own_gallery_option
@click.pass_obj
def merge(console: Console, /, into: str, others: tuple[str, ...], gallery: Path | None) -> int:
    """Give the templates of OTHERS to INTO, for one person who was enrolled under several names."""
    from facekit.gallery.subject_names import subject_name

    into = subject_name(into)
    with shared.open_gallery(gallery, console=console, write=True) as opened:
        moved = opened.merge(into, others)
        _note_due(console, opened)
    console.note(f"{into} has {counted(moved, 'more template')}{'' if moved else ': they were all there'}")
    return DONE


@shared.command("export", short_help="Write all templates to a file.")
@click.argument("file", type=paths.PathType())
@shared.gallery_option
@click.pass_obj
def export(console: Console, /, file: Path, gallery: Path | None) -> int:
    """Write all templates, vectors and names, to FILE: NAME.npz or NAME.jsonl, or - for JSON lines on
    standard output.

    The file holds biometric data: whoever has it can recognise these people.
    """
    from facekit.gallery import transfer

    with shared.open_gallery(gallery, console=console) as opened:
        if str(file) == "-":
            for line in transfer.lines(opened):
                console.emit(line)
        else:
            console.note(f"{counted(transfer.write(opened, file), 'template')} written to {file}")
    return DONE


@shared.command("import", short_help="Add the templates of an exported file.")
@click.argument("file", type=paths.PathType())
@click.option("--again", is_flag=True, help="Take also what was removed from this gallery earlier.")
@shared.own_gallery_option
@click.pass_obj
def import_(console: Console, /, file: Path, again: bool, gallery: Path | None) -> int:
    """Add the templates of FILE, made by facekit gallery export with the same embedder; - reads JSON lines
    from standard input. All of them are added or none.

    Makes the gallery when there is none. Templates that are there already are left alone.
    """
    from facekit import names, settings, verbs
    from facekit.gallery import open_gallery, transfer

    place = verbs.changeable(settings.gallery_to_write(gallery))
    exported = transfer.read(sys.stdin.buffer if str(file) == "-" else file)
    shared.tell_gallery(console, gallery, place, shown=True)
    if place.exists():
        with open_gallery(place, write=True) as opened:
            report = transfer.import_into(opened, exported, again=again)
            new, everybody = report.subjects, opened.names()
        added = f"{counted(report.added, 'template')} added to {place}"
        console.note(listed(added, (report.present, "already there")))
        if report.held:
            console.note(f"{report.held} left out: the same face of the same picture has another name here")
        if report.removed:
            console.note(f"{report.removed} left out: removed or renamed earlier (--again takes them)")
    else:
        settings.make_room(place)
        with transfer.create_from(exported, place) as opened:
            stored, new, everybody = len(opened), tuple(opened.names()), []
        console.note(f"{counted(stored, 'template')} in the new gallery {place}")
        if twice := len(exported.templates) - stored:
            console.note(f"{twice} left out: the same face of the same picture is in the file twice")
    for told in names.warnings(new, everybody, place):
        console.note(told)
    return DONE


@shared.command("copy", short_help="Copy a gallery, also one that is in use.")
@click.argument("source", metavar="FROM", type=paths.GALLERY)
@click.argument("target", metavar="TO", type=paths.PathType())
@click.pass_obj
def copy(console: Console, /, source: Path, target: Path) -> int:
    """Copy the gallery FROM to the new file TO, also while others use it.

    The copy is one state of the gallery with every template checked; copying the file by other means
    can miss what was enrolled last. TO may be a folder; an existing file is not overwritten.

    \b
    Example:
      facekit gallery copy people/gallery.db /backup/people-2026-11-26.db
    """
    from facekit.gallery.sqlite import copying

    target = target / source.name if target.is_dir() else target
    copied = copying.copy(source, target)
    people = counted(copied.subjects, "person", "people")
    console.note(f"{people} with {counted(copied.templates, 'template')} copied to {target}")
    return DONE


@shared.command("check", short_help="Look for damage, or for people under a wrong name.")
@click.option(
    "--people", is_flag=True, help="Look also for wrong names, and print what to do about each doubt."
)
@shared.gallery_option
@shared.format_option()
@click.pass_obj
def check(console: Console, /, people: bool, gallery: Path | None, style: str) -> int:
    """Look for damage: the file's structure, every template's checksum and length, what lies beside it.

    Prints each problem in a line; the exit status is 1 when there is one.

    With --people, a gallery that is whole is searched for templates that are more like another person
    than like their own, for people under two names, for templates that are like no other of their person or
    like those of many other people (magnets: pictures so poor that strangers would be taken for the person),
    and for people of whom there are only such poor pictures. Each doubt is printed with its scores and a
    command: look at the pictures before you run it. Doubts do not change the exit status; --format is how
    they are printed.

    \b
    Examples:
      facekit gallery check
      facekit gallery check --people --gallery family.db
    """
    from facekit import settings
    from facekit.gallery.in_use import gallery_in_use
    from facekit.gallery.sqlite.check import check as problems_of

    tried = settings.galleries_to_read(gallery)
    place = gallery_in_use(tried) or tried[0]
    shared.tell_gallery(console, gallery, place, shown=True)
    problems = problems_of(place)
    for problem in problems:
        console.error(problem.message)
    if people and not any(problem.kind in _UNREADABLE for problem in problems):
        _print_doubts(console, gallery, style)
    elif not problems:
        console.emit(f"{place}: no damage found")
    return FAILED if problems else DONE


def _note_due(console: Console, opened: Gallery) -> None:
    """Say when bytes of what was removed could not be erased yet; the removal itself is done."""
    if opened.due:
        console.note(
            f"{opened.place}: its files still hold bytes of what was removed ({opened.due}): the next "
            "command that writes to the gallery erases them"
        )


def _print_doubts(console: Console, place: Path | None, style: str) -> None:
    from facekit import hygiene
    from facekit.cli.enrolling import tell_poor
    from facekit.rendering import doubted

    with shared.open_gallery(place) as opened:
        found = hygiene.doubts(opened)
        tell_poor(console, opened, None)
        for line in doubted.lines(found, style, place):
            console.emit(line)
        people = counted(opened.subject_count, "person", "people")
        looked_at = f"{counted(len(opened), 'template')} of {people} in {opened.place}"
    console.note(f"{counted(len(found), 'doubt')} about {looked_at}")


for _command in (list_, show, forget_removals, remove, rename, merge, export, import_, copy, check):
    gallery.add_command(_command)
