"""Who is in this photo? Face identification on an ordinary computer.

    import facekit

    with facekit.open_gallery() as gallery:
        for result in facekit.identify(["photos/"], gallery):
            print(result.source, [face.subject or "unknown" for face in result.faces])

Importing facekit loads nothing heavy: each name below is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module

# Not of typing, which takes longer to import than all else here.
TYPE_CHECKING = False

__version__ = "0.1.0"

_HOMES = {
    "facekit.alignment": ("align",),
    "facekit.clustering": ("Group", "Grouping", "Sighting"),
    "facekit.enrolment": ("EnrolReport",),
    "facekit.outcomes": ("Outcome",),
    "facekit.errors": (
        "DependencyError",
        "FacekitError",
        "GalleryError",
        "NoFaceError",
        "PictureError",
        "TruncatedError",
        "UsageError",
        "WeightsError",
    ),
    "facekit.evaluation.identification": ("IdentificationReport",),
    "facekit.evaluation.verification": ("VerificationReport",),
    "facekit.gallery.base": ("Gallery",),
    "facekit.folders": ("Listing", "find"),
    "facekit.images": ("read",),
    "facekit.pipeline": ("Pipeline",),
    "facekit.reading": ("Options", "Reading"),
    "facekit.results": (
        "Candidate",
        "Detection",
        "Face",
        "Identification",
        "Picture",
        "PictureResult",
        "Quality",
    ),
    "facekit.live.events": ("Event",),
    "facekit.verbs": (
        *("Verification", "cluster", "detect", "embed", "enroll", "evaluate_identification"),
        *("evaluate_verification", "identify", "open_gallery", "register", "verify", "watch"),
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "__version__",
    *sorted(_HOME_OF),
]

if TYPE_CHECKING:
    from typing import Any

    from facekit.alignment import align as align
    from facekit.clustering import Group as Group
    from facekit.clustering import Grouping as Grouping
    from facekit.clustering import Sighting as Sighting
    from facekit.enrolment import EnrolReport as EnrolReport
    from facekit.errors import DependencyError as DependencyError
    from facekit.errors import FacekitError as FacekitError
    from facekit.errors import GalleryError as GalleryError
    from facekit.errors import NoFaceError as NoFaceError
    from facekit.errors import PictureError as PictureError
    from facekit.errors import TruncatedError as TruncatedError
    from facekit.errors import UsageError as UsageError
    from facekit.errors import WeightsError as WeightsError
    from facekit.evaluation.identification import IdentificationReport as IdentificationReport
    from facekit.evaluation.verification import VerificationReport as VerificationReport
    from facekit.folders import Listing as Listing
    from facekit.folders import find as find
    from facekit.gallery.base import Gallery as Gallery
    from facekit.images import read as read
    from facekit.live.events import Event as Event
    from facekit.outcomes import Outcome as Outcome
    from facekit.pipeline import Pipeline as Pipeline
    from facekit.reading import Options as Options
    from facekit.reading import Reading as Reading
    from facekit.results import Candidate as Candidate
    from facekit.results import Detection as Detection
    from facekit.results import Face as Face
    from facekit.results import Identification as Identification
    from facekit.results import Picture as Picture
    from facekit.results import PictureResult as PictureResult
    from facekit.results import Quality as Quality
    from facekit.verbs import Verification as Verification
    from facekit.verbs import cluster as cluster
    from facekit.verbs import detect as detect
    from facekit.verbs import embed as embed
    from facekit.verbs import enroll as enroll
    from facekit.verbs import evaluate_identification as evaluate_identification
    from facekit.verbs import evaluate_verification as evaluate_verification
    from facekit.verbs import identify as identify
    from facekit.verbs import open_gallery as open_gallery
    from facekit.verbs import register as register
    from facekit.verbs import verify as verify
    from facekit.verbs import watch as watch


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
