"""People and their templates in one file: store, search, export and check."""

from facekit.gallery.check import Problem, check
from facekit.gallery.records import AddReport, NewTemplate, Subject, TemplateInfo
from facekit.gallery.search import Index, score
from facekit.gallery.store import Gallery

__all__ = [
    "AddReport",
    "Gallery",
    "Index",
    "NewTemplate",
    "Problem",
    "Subject",
    "TemplateInfo",
    "check",
    "score",
]
