"""People and their templates: store, search, export and check.

Importing it loads nothing: each name below is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False

_HOMES = {
    "facekit.gallery.base": ("Gallery",),
    "facekit.gallery.gallery_settings": ("GallerySettings",),
    "facekit.gallery.places": ("Place", "copy_gallery", "create_gallery", "open_gallery", "place_of"),
    "facekit.gallery.problems": ("Problem",),
    "facekit.gallery.search.exact": ("score",),
    "facekit.gallery.search.index": ("Index",),
    "facekit.gallery.templates": ("AddReport", "NewTemplate", "Placement", "Subject", "TemplateInfo"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*sorted(_HOME_OF)]

if TYPE_CHECKING:
    from typing import Any

    from facekit.gallery.base import Gallery as Gallery
    from facekit.gallery.gallery_settings import GallerySettings as GallerySettings
    from facekit.gallery.places import Place as Place
    from facekit.gallery.places import copy_gallery as copy_gallery
    from facekit.gallery.places import create_gallery as create_gallery
    from facekit.gallery.places import open_gallery as open_gallery
    from facekit.gallery.places import place_of as place_of
    from facekit.gallery.problems import Problem as Problem
    from facekit.gallery.search.exact import score as score
    from facekit.gallery.search.index import Index as Index
    from facekit.gallery.templates import AddReport as AddReport
    from facekit.gallery.templates import NewTemplate as NewTemplate
    from facekit.gallery.templates import Placement as Placement
    from facekit.gallery.templates import Subject as Subject
    from facekit.gallery.templates import TemplateInfo as TemplateInfo


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)
