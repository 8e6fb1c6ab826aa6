"""Pages of the site that lie elsewhere: what is written beside the thing it describes is written once.

MkDocs calls these functions (`hooks` in mkdocs.yml). Links between those files and docs/ work on a
checkout as they are; on the site they lead to the pages, and what has no page is named without a link.
"""

from __future__ import annotations

import os.path
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent

ELSEWHERE = {
    "weights/README.md": "model-card.md",
    "gallery/README.md": "reference-gallery.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
}
"""Pages by the file that they are made of."""

_LINK = re.compile(r"(?<!!)\[(?P<text>[^]]+)\]\((?!https?:|#)(?P<target>[^)#\s]+)(?P<anchor>#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    for source, page in ELSEWHERE.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    sources = {made: place for place, made in ELSEWHERE.items()}
    folder = os.path.dirname(sources.get(page.file.src_uri, "docs/"))
    return _LINK.sub(lambda link: _on_site(link, folder), markdown)


def _on_site(link: re.Match[str], folder: str) -> str:
    place = os.path.normpath(os.path.join(folder, link["target"]))
    page = ELSEWHERE.get(place, place.removeprefix("docs/") if place.startswith("docs/") else None)
    return f"[{link['text']}]({page}{link['anchor'] or ''})" if page else link["text"]
