"""People and their templates in one file: store, search, export and check."""

from facekit.gallery.search.exact import score
from facekit.gallery.search.index import Index
from facekit.gallery.sqlite.check import Problem, check
from facekit.gallery.sqlite.gallery import Gallery
from facekit.gallery.templates import AddReport, NewTemplate, Subject, TemplateInfo

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
