"""`facekit sync`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from facekit.cli import options as shared
from facekit.cli import paths

if TYPE_CHECKING:
    from facekit.cli.console import Console
    from facekit.faces.reading import Options
    from facekit.people.syncing import Plan


@shared.command("sync")
@click.argument("paths", nargs=-1, required=True, type=paths.INPUT, metavar="FOLDER...")
@click.option("--yes", "-y", is_flag=True, help="Make the changes without asking first.")
@shared.rehearsal_option
@click.option(
    "--again", is_flag=True, help="Follow the folders also where you removed, renamed or moved by hand."
)
@shared.enrollment_options
@shared.users_gallery_option
@shared.picture_options
@shared.format_option()
@click.pass_obj
def sync(console: Console, /, options: Options, style: str, dry_run: bool, **wanted: Any) -> int:
    """Make a gallery what its folders are.

    FOLDER has a sub-folder for each person, as for facekit enroll. Photos that are new there are enrolled,
    photos that lie in another person's folder now change their person, a renamed folder renames its person,
    and photos and people that are gone from it are removed. First it is printed what will change, and asked.

    A photo that lies in its person's folder and was enrolled from elsewhere, as with --groups, is followed
    from then on, as if it had been enrolled from there; so is all of a FOLDER that was moved or renamed.
    Other people who were not enrolled from FOLDER are left alone, and so is what you removed, renamed or
    moved with facekit gallery. A FOLDER without any picture, or a person's in it, changes nothing: it may not
    be mounted. Stopped at any time, the gallery is whole, and the next run goes on.

    \b
    Examples:
      facekit sync people/ --dry-run
      facekit sync people/ --yes
    """
    from facekit.cli.results import Writer
    from facekit.rendering.synced import Synced
    from facekit.verbs.sync import sync

    wanted |= {"options": options, "dry_run": dry_run, "confirm": _agreed}
    view = Synced(dry_run=dry_run)
    with Writer(console, style, view) as writer:
        report = sync(**wanted, on_result=writer.one, **writer.listeners)
        view.agreed, view.refused = report.agreed, report.failed
    return writer.status


def _agreed(plan: Plan) -> bool:
    from facekit.errors import UsageError
    from facekit.rendering.synced import lines

    for line in lines(plan.changes):
        click.echo(line, err=True)
    if plan.added:
        click.echo("What enrollment would refuse is not added, and said at the end.", err=True)
    try:
        return click.confirm("Make these changes?", err=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        raise UsageError("nobody answers: --yes makes the changes, --dry-run shows them") from None
