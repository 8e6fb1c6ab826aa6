"""One page with the groups of unknown faces, to be given names by somebody who looks at them. It is a file by
itself, asks nobody for anything, and saves what was said as a table (facekit.people.named_groups)."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import TextIO

from PIL import Image

from facekit import hints
from facekit.files import outputs, writing
from facekit.people.clustering import Group, Grouping, Sighting
from facekit.text.counting import counted
from facekit.text.escaping import printable

MOST_SUGGESTED = 5_000
"""Names that are suggested while one is typed: of more the page would become slow."""
_GENERATOR = '<meta name="generator" content="facekit groups of faces">'
"""By this a page is known as one, and may be replaced."""


@contextmanager
def review_page(path: Path, inputs: Sequence[str]) -> Iterator[TextIO]:
    """The page's file, to be written; it has its name when it is whole. Raises UsageError where something
    else is there, or the path is one of the inputs, OSError where it cannot be written."""
    outputs.require_replaceable(path, inputs, is_page)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Faces and names are the owner's alone.
    with (
        writing.replacing(path, private=True) as unfinished,
        unfinished.open("w", encoding="utf-8") as file,
    ):
        yield file


def is_page(path: Path) -> bool:
    """Whether the file is such a page."""
    try:
        with path.open("rb") as file:
            return _GENERATOR.encode() in file.read(2048)
    except OSError:
        return False


def write_page(file: TextIO, grouping: Grouping, names: Sequence[str]) -> None:
    """Write the groups, and the `names` that are suggested."""
    style, script = (
        files("facekit.rendering").joinpath(f"review.{kind}").read_text() for kind in ("css", "js")
    )
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    file.write(_head(style, hashed))
    suggested = list(names)[:MOST_SUGGESTED]
    file.writelines(f'<option value="{_text(name)}"></option>\n' for name in suggested)
    file.write("</datalist>\n")
    for group in grouping.groups:
        _write_group(file, group)
    if grouping.single:
        _write_single(file, grouping.single)
    file.write(f"</main>\n{_BAR}<script>{script}</script>\n</body>\n</html>\n")


def _head(style: str, script: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
{_GENERATOR}
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{script}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Who is it? Groups of faces</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>Who is it?</h1>
<p>Give each group whom you know a name, and tick the faces that do not belong to it. Then save the table, and
enroll it: <code>{_text(hints.enroll_groups())}</code>, in the folder in which the page was made. There
groups.json is what the same run printed with <code>--format json</code>, and names.csv has to be moved there
from where your browser saves files. Nothing leaves this page by itself. The
faces in it are biometric data of real people: delete it when you are done.</p>
<datalist id="people">
"""


_BAR = (
    '<div class="bar" role="region" aria-label="Save"><button type="button" id="save">Save names.csv</button>'
    '<span id="status" role="status"></span></div>\n'
)


def _write_group(file: TextIO, group: Group) -> None:
    number, subject = group.number, _text(group.subject or "")
    seen = f"{counted(len(group.faces), 'face')} in {counted(len(group.photos), 'photo')}"
    known = f", {subject}" if subject else ""
    may_be = f" (perhaps {_text(' or '.join(group.contenders))})" if group.contenders else ""
    file.write(
        f'<section data-group="{number}" data-subject="{subject}" aria-labelledby="group-{number}">\n'
        f'<h2 id="group-{number}">Group {number}{known}{may_be}: {seen}</h2>\n'
        f'<label for="name-{number}">Name of group {number}</label>\n{_name(f"name-{number}", subject)}\n'
    )
    if subject:
        file.write(_check("learn", "all are: enroll these photos too") + "\n")
    file.write(_check("ignore", "nobody I want to know: do not propose again") + '\n<ul class="faces">\n')
    for place, face in enumerate(group.faces, 1):
        file.write(f"{_item(face, place)}{_check('out', 'not this group', _which(face))}</li>\n")
    file.write("</ul>\n</section>\n")


def _write_single(file: TextIO, faces: Sequence[Sighting]) -> None:
    file.write(
        '<section data-group="" aria-labelledby="single">\n'
        f'<h2 id="single">{counted(len(faces), "face")} like no other here</h2>\n<ul class="faces">\n'
    )
    for place, face in enumerate(faces, 1):
        field = f'<label for="single-{place}">Name</label>{_name(f"single-{place}")}'
        file.write(f"{_item(face, place)}{field}{_check('ignore', 'ignore', _which(face))}</li>\n")
    file.write("</ul>\n</section>\n")


def _name(identifier: str, value: str = "") -> str:
    more = 'list="people" autocomplete="off" maxlength="300"'
    return f'<input type="text" class="name" id="{identifier}" {more} value="{value}">'


def _check(kind: str, words: str, of: str = "") -> str:
    label = f' aria-label="{words}: {of}"' if of else ""
    return f'<label class="check"><input type="checkbox" class="{kind}"{label}> {words}</label>'


def _which(face: Sighting) -> str:
    return f"face {face.number} of {_text(Path(face.source).name)}"


def _item(face: Sighting, place: int) -> str:
    source = _text(face.source)
    image = f'<img src="data:image/jpeg;base64,{_jpeg(face)}" alt="{_which(face)}" loading="lazy"'
    return (
        f'<li data-number="{place}" data-source="{source}" data-face="{face.number}">'
        f'{image} width="112" height="112"><small>{source}</small>'
    )


def _jpeg(face: Sighting) -> str:
    file = BytesIO()
    Image.fromarray(face.face.crop).save(file, format="JPEG", quality=80)
    return base64.b64encode(file.getvalue()).decode()


def _text(text: str) -> str:
    return escape(printable(text))
