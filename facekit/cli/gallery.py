"""`facekit gallery`: the people in a gallery."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import DONE, FAILED, facts, paths
from facekit.cli import options as shared
from facekit.text.counting import counted, listed
from facekit.text.escaping import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from facekit.cli.console import Console
    from facekit.gallery.places import Place
    from facekit.output.view import View
    from facekit.verbs.gallery import Import, Removal

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
def list_(console: Console, /, gallery: Place | None, style: str) -> int:
    """List the people, with how many templates they have and since when."""
    from facekit.cli.results import Writer
    from facekit.rendering.people import subjects
    from facekit.verbs.gallery import gallery_list

    return Writer(console, style, subjects()).write(gallery_list(gallery, on_note=console.note))


@shared.command("show", short_help="Show what is stored, of a person or in all.")
@click.argument("name", required=False, shell_complete=shared.complete_subject)
@shared.gallery_option
@shared.format_option()
@click.pass_obj
def show(console: Console, /, name: str | None, gallery: Place | None, style: str) -> int:
    """Show the templates of the person NAME: from which pictures, how many pixels wide the face is in them,
    and since when; with --format json also where it is and how good. Without NAME, show what the gallery
    holds in all, and how many removed and renamed pictures it knows, which stay out.

    The vectors are not shown; see: facekit gallery export.
    """
    from facekit.cli.results import Writer
    from facekit.rendering.people import Summary, Templates
    from facekit.verbs.gallery import gallery_show

    found = gallery_show(name, gallery=gallery, on_note=console.note)
    view: View[Any] = Summary() if name is None else Templates()
    return Writer(console, style, view).write(found)


@shared.command("forget-removals", short_help="Let removed pictures be enrolled again.")
@shared.rehearsal_option
@shared.users_gallery_option
@click.pass_obj
def forget_removals(console: Console, /, dry_run: bool, gallery: Place | None) -> int:
    """Erase what is kept of removed and renamed pictures, all of it.

    Of each, a gallery keeps a keyed hash, neither name nor vector, so that the next enrollment of the same
    folder does not bring it back. After this it does. To take back single pictures: facekit enroll --again.
    """
    from facekit.verbs.gallery import gallery_forget_removals

    pictures = gallery_forget_removals(dry_run=dry_run, gallery=gallery, on_note=console.note)
    forgotten = "would be forgotten" if dry_run else "forgotten"
    console.note(f"{counted(pictures, 'removed picture')} {forgotten if pictures else 'was remembered'}")
    return DONE


@shared.command("remove", short_help="Remove people, or pictures of a person, for good.")
@_names
@click.option(
    "--photo",
    "photos",
    multiple=True,
    metavar="PHOTO",
    help="Remove only what is stored of this picture of the one person: the file, its name as facekit "
    "gallery show has it, or the first 8 or more digits of its SHA-256. Can be given several times.",
)
@click.option("--yes", "-y", is_flag=True, help="Do not ask first, as is done on a terminal.")
@shared.rehearsal_option
@shared.users_gallery_option
@click.pass_obj
def remove(
    console: Console,
    /,
    names: tuple[str, ...],
    photos: tuple[str, ...],
    yes: bool,
    dry_run: bool,
    gallery: Place | None,
) -> int:
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
    from facekit.verbs.gallery import gallery_remove

    gone = gallery_remove(
        names,
        photos=photos,
        yes=yes or not _somebody_answers(),
        dry_run=dry_run,
        gallery=gallery,
        confirm=lambda removal: click.confirm(_question(removal, photos=bool(photos)), err=True),
        on_note=console.note,
    )
    for line in _removed(gone, photos=bool(photos), done=not dry_run):
        console.note(line)
    return DONE


@shared.command("rename", short_help="Give a person another name.")
@click.argument("old", shell_complete=shared.complete_subject)
@click.argument("new")
@shared.rehearsal_option
@shared.users_gallery_option
@click.pass_obj
def rename(console: Console, /, old: str, new: str, dry_run: bool, gallery: Place | None) -> int:
    """Give the person OLD the name NEW, which nobody in the gallery has yet."""
    from facekit.text.subject_names import subject_name
    from facekit.verbs.gallery import gallery_rename

    gallery_rename(old, new, dry_run=dry_run, gallery=gallery, on_note=console.note)
    console.note(f"{subject_name(old)} {'would be' if dry_run else 'is now'} {subject_name(new)}")
    return DONE


@shared.command("move", short_help="Give photos to the person they show.")
@click.argument("pictures", nargs=-1, required=True, type=paths.INPUT, metavar="PHOTO...")
@click.option(
    "--to",
    required=True,
    metavar="NAME",
    shell_complete=shared.complete_subject,
    help="The person whom the photos show.",
)
@click.option(
    "--from",
    "holder",
    metavar="NAME",
    shell_complete=shared.complete_subject,
    help="Who has them now; needed for a photo of which several people have a face.",
)
@shared.dry_run_option
@shared.users_gallery_option
@shared.format_option()
@click.pass_obj
def move(console: Console, /, style: str, **wanted: Any) -> int:
    """Give what is stored of each PHOTO to the person it shows, from whoever has it: for photos that were
    enrolled under a wrong name.

    PHOTO is the file, its name as facekit gallery show has it, or the first 8 or more digits of its SHA-256.
    All are moved, or none. They stay moved when their old folder is enrolled again.

    \b
    Example:
      facekit gallery move IMG_0301.jpg --to "Tom Bell"
    """
    from facekit.cli.results import Writer
    from facekit.rendering.people import Moves
    from facekit.verbs.gallery import gallery_move

    return Writer(console, style, Moves()).write(gallery_move(**wanted, on_note=console.note))


@shared.command("merge", short_help="Make one person of several.")
@click.argument("into", shell_complete=shared.complete_subject)
@click.argument("others", nargs=-1, required=True, shell_complete=shared.complete_subject)
@shared.rehearsal_option
@shared.users_gallery_option
@click.pass_obj
def merge(
    console: Console, /, into: str, others: tuple[str, ...], dry_run: bool, gallery: Place | None
) -> int:
    """Give the templates of OTHERS to INTO, for one person who was enrolled under several names."""
    from facekit.text.subject_names import subject_name
    from facekit.verbs.gallery import gallery_merge

    moved = gallery_merge(into, others, dry_run=dry_run, gallery=gallery, on_note=console.note)
    came = f"{counted(moved, 'more template')}{'' if moved else ': they were all there'}"
    console.note(f"{subject_name(into)} {'would have' if dry_run else 'has'} {came}")
    return DONE


@shared.command("export", short_help="Write all templates to a file.")
@click.argument("file", type=paths.PathType())
@shared.gallery_option
@click.pass_obj
def export(console: Console, /, file: Path, gallery: Place | None) -> int:
    """Write all templates, vectors and names, to FILE: NAME.npz or NAME.jsonl, or - for JSON lines on
    standard output.

    The file holds biometric data: whoever has it can recognize these people.
    """
    from facekit.verbs.gallery import gallery_export, gallery_export_lines

    if str(file) == "-":
        for line in gallery_export_lines(gallery, on_note=console.note):
            console.emit(line)
        return DONE
    templates = gallery_export(file, gallery=gallery, on_note=console.note)
    console.note(f"{counted(templates, 'template')} written to {file}")
    return DONE


@shared.command("import", short_help="Add the templates of an exported file.")
@click.argument("file", type=paths.PathType())
@click.option("--again", is_flag=True, help="Take also what was removed from this gallery earlier.")
@shared.rehearsal_option
@shared.users_gallery_option
@click.pass_obj
def import_(console: Console, /, file: Path, gallery: Place | None, dry_run: bool, **wanted: Any) -> int:
    """Add the templates of FILE, made by facekit gallery export with the same embedder; - reads JSON lines
    from standard input. All of them are added or none.

    Makes the gallery when there is none. Templates that are there already are left alone.
    """
    from facekit.verbs.gallery import gallery_import

    source = sys.stdin.buffer if str(file) == "-" else file
    wanted |= {"gallery": gallery, "dry_run": dry_run, "on_note": console.note}
    for line in _imported(gallery_import(source, **wanted), done=not dry_run):
        console.note(line)
    return DONE


@shared.command("copy", short_help="Copy a gallery, also one that is in use.")
@click.argument("source", metavar="FROM", type=paths.GALLERY)
@click.argument("target", metavar="TO", type=paths.PATH_OR_ADDRESS)
@click.pass_obj
def copy(console: Console, /, source: Place, target: Place | Path) -> int:
    """Copy the gallery FROM to the new file TO, also while others use it.

    The copy is one state of the gallery with every template checked; copying the file by other means
    can miss what was enrolled last. TO may be a folder; an existing file is not overwritten. FROM and TO may
    be addresses of a database. Printed is how the copy was proved.

    \b
    Example:
      facekit gallery copy people/gallery.db /backup/people-2026-11-26.db
    """
    from facekit.verbs.gallery import gallery_copy

    proof: list[str] = []
    copied = gallery_copy(source, target, on_note=proof.append)
    people = counted(copied.people, "person", "people")
    console.note(f"{people} with {counted(copied.templates, 'template')} copied to {copied.gallery}")
    for line in proof:
        console.note(line)
    return DONE


@shared.command("create", short_help="Make an empty gallery.")
@click.argument("gallery", metavar="WHERE", type=paths.GALLERY)
@click.option(
    "--embedder",
    type=paths.FILE,
    metavar="FILE",
    help="Make it for this embedder, an ONNX file with its TOML beside it, instead of the shipped one.",
)
@click.pass_obj
def create(console: Console, /, gallery: Place, embedder: Path | None) -> int:
    """Make an empty gallery at WHERE: a file, or an address of a PostgreSQL database.

    In a database the gallery is a schema: facekit, or the one named by ?schema=NAME. The user has to be
    allowed to make it, and the extension vector has to be there or to be allowed. facekit enroll makes one
    too.

    \b
    Example:
      facekit gallery create postgresql://ann@db.example/people
    """
    from facekit.verbs.gallery_servers import gallery_create

    console.note(f"made {gallery_create(gallery, embedder=embedder)}")
    return DONE


@shared.command("upgrade", short_help="Bring a gallery on a server to the present format.")
@click.argument("gallery", metavar="ADDRESS", type=paths.GALLERY)
@click.pass_obj
def upgrade(console: Console, /, gallery: Place) -> int:
    """Bring the tables of the gallery at ADDRESS to the format of this facekit, in one transaction.

    Its owner runs it once, after facekit was updated wherever it uses the gallery.
    """
    from facekit.verbs.gallery_servers import gallery_upgrade

    upgraded, before, after = gallery_upgrade(gallery)
    console.note(f"{upgraded}: format {after}" + ("" if before != after else ", as before"))
    return DONE


@shared.command("grant", short_help="Say what a user of the database may do.")
@click.argument("name", metavar="ROLE")
@click.option(
    "--to",
    required=True,
    type=click.Choice(["read", "enroll"]),
    help="read: search and list. enroll: add templates as well.",
)
@shared.users_gallery_option
@click.pass_obj
def grant(console: Console, /, name: str, to: str, gallery: Place | None) -> int:
    """Let ROLE, a user of the database, use a gallery on a server: to read it, or to enroll into it as well.

    What ROLE was allowed there before is taken back first. Only the owner of the gallery removes, renames,
    merges, moves and calibrates.

    \b
    Example:
      facekit gallery grant door --to read --gallery postgresql://ann@db.example/people
    """
    from facekit.gallery import usual_places
    from facekit.verbs.gallery_servers import gallery_grant

    place = gallery_grant(name, to=to, gallery=usual_places.to_write(gallery))
    console.note(f"{name} may {to} at {place}")
    return DONE


@shared.command("check", short_help="Look for damage, or for people under a wrong name.")
@click.option(
    "--people", is_flag=True, help="Look also for wrong names, and print what to do about each doubt."
)
@shared.gallery_option
@shared.format_option()
@click.pass_obj
def check(console: Console, /, people: bool, gallery: Place | None, style: str) -> int:
    """Look for damage: the file's structure, every template's checksum and length, what lies beside it, and
    the index of photos.

    Prints each problem in a line; the exit status is 1 when there is one.

    With --people, a gallery that is whole is searched for templates that are more like another person
    than like their own, for people under two names, for templates that are like no other of their person or
    like those of many other people (magnets: pictures so poor that strangers would be taken for the person),
    and for people of whom there are only such poor pictures. Each doubt is printed with its scores and a
    command: look at the pictures before you run it. A doubt that is none does not come back after facekit
    gallery not-same, not-subject or ignore. Doubts do not change the exit status; --format is how they are
    printed.

    \b
    Examples:
      facekit gallery check
      facekit gallery check --people --gallery family.db
    """
    from facekit.cli.results import Writer
    from facekit.rendering.doubted import Doubted
    from facekit.verbs.gallery import gallery_check

    found = gallery_check(people=people, gallery=gallery, on_note=console.note)
    for problem in found.problems:
        console.error(problem)
    if not people and found.intact:
        console.emit(f"{found.gallery}: no damage found")
    if people and found.readable:
        Writer(console, style, Doubted()).write(found.findings)
        persons = counted(found.people, "person", "people")
        looked_at = f"{counted(found.templates, 'template')} of {persons} in {found.gallery}"
        console.note(f"{counted(len(found.findings), 'doubt')} about {looked_at}")
    return DONE if found.intact else FAILED


def _somebody_answers() -> bool:
    """Whether there is anybody to be asked; a script goes on without."""
    return sys.stdin.isatty()


def _question(removal: Removal, *, photos: bool) -> str:
    people, templates = printable(", ".join(removal.people)), removal.templates
    if photos:
        return f"Remove {counted(templates, 'picture')} of {people} for good?"
    return f"Remove {people} with {counted(templates, 'template')} for good?"


def _removed(gone: Removal, *, photos: bool, done: bool) -> Iterator[str]:
    if not gone.agreed:
        yield "nothing was removed"
        return
    removed = "removed" if done else "would remove"
    facts = f" and {counted(gone.facts, 'fact')}, which said something of them" if gone.facts else ""
    if not photos:
        persons = counted(len(gone.people), "person", "people")
        yield f"{removed} {persons} with {counted(gone.templates, 'template')}{facts}"
        return
    yield f"{removed} {counted(gone.templates, 'picture')} of {gone.people[0]}{facts}"
    if gone.emptied:
        yield f"{gone.people[0]} {'had no other and is gone' if done else 'has no other and would be gone'}"


def _imported(report: Import, *, done: bool) -> Iterator[str]:
    would = "" if done else "would be "
    if report.new:
        yield f"{counted(report.added, 'template')} {would}in the new gallery {report.gallery}"
        if report.held:
            yield f"{report.held} left out: the same face of the same picture is in the file twice"
        if report.facts_left_out:
            yield f"{_facts_left_out(report)} said twice, or not true of who is enrolled"
        return
    added = f"{counted(report.added, 'template')} {would}added to {report.gallery}"
    yield listed(added, (report.present, "already there"))
    if report.held:
        yield f"{report.held} left out: the same face of the same picture has another name here"
    if report.denied:
        yield f"{report.denied} left out: said not to be that person's face (--again takes them)"
    if report.removed:
        yield f"{report.removed} left out: removed or renamed earlier (--again takes them)"
    if report.facts_left_out:
        yield (
            f"{_facts_left_out(report)} about people who are not here, erased or taken back earlier (--again "
            "takes those), or not true of who is enrolled"
        )


def _facts_left_out(report: Import) -> str:
    return f"{counted(report.facts_left_out, 'fact')} left out:"


for _command in (
    *(list_, show, forget_removals, remove, rename, move, merge, export, import_, copy, check),
    *(create, upgrade, grant, *facts.COMMANDS),
):
    gallery.add_command(_command)
