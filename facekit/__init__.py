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
    "facekit.people.clustering": ("Group", "Grouping", "Sighting"),
    "facekit.people.enroll_report": ("EnrollReport",),
    "facekit.people.finding": ("PhotoMatch",),
    "facekit.people.moving": ("Move",),
    "facekit.people.outcomes": ("Outcome",),
    "facekit.people.syncing": ("SyncChange",),
    "facekit.people.visibility": ("FaceVisibility", "Redaction", "VideoVisibility"),
    "facekit.errors": (
        "DependencyError",
        "FactError",
        "FacekitError",
        "GalleryError",
        "MetadataError",
        "NoFaceError",
        "PictureError",
        "TruncatedError",
        "UsageError",
        "WeightsError",
    ),
    "facekit.evaluation.evaluations": ("Evaluation",),
    "facekit.evaluation.identification_report": ("IdentificationReport",),
    "facekit.evaluation.verification_report": ("VerificationReport",),
    "facekit.calibration.threshold": ("Calibration",),
    "facekit.gallery.base": ("Gallery",),
    "facekit.gallery.facts": ("Fact",),
    "facekit.gallery.gallery_settings": ("GallerySettings",),
    "facekit.gallery.places": ("Place",),
    "facekit.health": ("Checkup",),
    "facekit.library.index_report": ("IndexReport",),
    "facekit.metadata.metadata_change": ("MetadataChange",),
    "facekit.pictures.folders": ("Listing", "list_pictures"),
    "facekit.pictures.left_out": ("LeftOut",),
    "facekit.pictures.inputs": ("NamedPicture", "Input", "Inputs", "read"),
    "facekit.video.events": ("Event",),
    "facekit.faces.pipeline": ("Pipeline",),
    "facekit.faces.reading": ("Options", "Reading"),
    "facekit.rendering.embedded": ("Embedding",),
    "facekit.rendering.trees": ("Crop",),
    "facekit.results": (
        "Candidate",
        "Detection",
        "Diagnosis",
        "Face",
        "GallerySummary",
        "Identification",
        "NetworkFile",
        "Picture",
        "PictureResult",
        "Quality",
        "Verification",
    ),
    "facekit.serving.keys": ("Key", "NewKey", "serve_key_add", "serve_key_list", "serve_key_remove"),
    "facekit.serving.server": ("serve",),
    "facekit.verbs.about": ("info", "weights_list", "weights_verify"),
    "facekit.verbs.calibrate": ("Calibrated", "calibrate"),
    "facekit.verbs.cluster": ("cluster",),
    "facekit.verbs.doctor": ("doctor",),
    "facekit.verbs.enroll": ("enroll",),
    "facekit.verbs.evaluate": ("evaluate_identification", "evaluate_verification"),
    "facekit.verbs.facts": (
        "gallery_facts",
        "gallery_ignore",
        "gallery_not_same",
        "gallery_not_subject",
        "gallery_take_back",
    ),
    "facekit.verbs.find": ("FindReport", "find"),
    "facekit.verbs.galleries": ("open_gallery",),
    "facekit.verbs.gallery": (
        "Check",
        "Import",
        "Removal",
        "gallery_check",
        "gallery_copy",
        "gallery_export",
        "gallery_forget_removals",
        "gallery_import",
        "gallery_list",
        "gallery_merge",
        "gallery_move",
        "gallery_remove",
        "gallery_rename",
        "gallery_show",
    ),
    "facekit.verbs.gallery_servers": ("gallery_create", "gallery_grant", "gallery_upgrade"),
    "facekit.verbs.identify": ("identify",),
    "facekit.verbs.pictures": ("align", "detect", "embed"),
    "facekit.verbs.index": ("index",),
    "facekit.verbs.plot": ("plot",),
    "facekit.verbs.redact": ("redact",),
    "facekit.verbs.register": ("register",),
    "facekit.verbs.sync": ("SyncReport", "sync"),
    "facekit.verbs.train": ("Export", "Training", "export", "train"),
    "facekit.verbs.train_detector": ("train_detector",),
    "facekit.verbs.train_landmarks": ("train_landmarks",),
    "facekit.verbs.train_refiner": ("train_refiner",),
    "facekit.verbs.verify": ("verify",),
    "facekit.verbs.watch": ("watch",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "__version__",
    *sorted(_HOME_OF),
]

if TYPE_CHECKING:
    from typing import Any

    from facekit.calibration.threshold import Calibration as Calibration
    from facekit.errors import DependencyError as DependencyError
    from facekit.errors import FacekitError as FacekitError
    from facekit.errors import FactError as FactError
    from facekit.errors import GalleryError as GalleryError
    from facekit.errors import MetadataError as MetadataError
    from facekit.errors import NoFaceError as NoFaceError
    from facekit.errors import PictureError as PictureError
    from facekit.errors import TruncatedError as TruncatedError
    from facekit.errors import UsageError as UsageError
    from facekit.errors import WeightsError as WeightsError
    from facekit.evaluation.evaluations import Evaluation as Evaluation
    from facekit.evaluation.identification_report import IdentificationReport as IdentificationReport
    from facekit.evaluation.verification_report import VerificationReport as VerificationReport
    from facekit.faces.pipeline import Pipeline as Pipeline
    from facekit.faces.reading import Options as Options
    from facekit.faces.reading import Reading as Reading
    from facekit.gallery.base import Gallery as Gallery
    from facekit.gallery.facts import Fact as Fact
    from facekit.gallery.gallery_settings import GallerySettings as GallerySettings
    from facekit.gallery.places import Place as Place
    from facekit.health import Checkup as Checkup
    from facekit.library.index_report import IndexReport as IndexReport
    from facekit.metadata.metadata_change import MetadataChange as MetadataChange
    from facekit.people.clustering import Group as Group
    from facekit.people.clustering import Grouping as Grouping
    from facekit.people.clustering import Sighting as Sighting
    from facekit.people.enroll_report import EnrollReport as EnrollReport
    from facekit.people.finding import PhotoMatch as PhotoMatch
    from facekit.people.moving import Move as Move
    from facekit.people.outcomes import Outcome as Outcome
    from facekit.people.syncing import SyncChange as SyncChange
    from facekit.people.visibility import FaceVisibility as FaceVisibility
    from facekit.people.visibility import Redaction as Redaction
    from facekit.people.visibility import VideoVisibility as VideoVisibility
    from facekit.pictures.folders import Listing as Listing
    from facekit.pictures.folders import list_pictures as list_pictures
    from facekit.pictures.inputs import Input as Input
    from facekit.pictures.inputs import Inputs as Inputs
    from facekit.pictures.inputs import NamedPicture as NamedPicture
    from facekit.pictures.inputs import read as read
    from facekit.pictures.left_out import LeftOut as LeftOut
    from facekit.rendering.embedded import Embedding as Embedding
    from facekit.rendering.trees import Crop as Crop
    from facekit.results import Candidate as Candidate
    from facekit.results import Detection as Detection
    from facekit.results import Diagnosis as Diagnosis
    from facekit.results import Face as Face
    from facekit.results import GallerySummary as GallerySummary
    from facekit.results import Identification as Identification
    from facekit.results import NetworkFile as NetworkFile
    from facekit.results import Picture as Picture
    from facekit.results import PictureResult as PictureResult
    from facekit.results import Quality as Quality
    from facekit.results import Verification as Verification
    from facekit.serving.keys import Key as Key
    from facekit.serving.keys import NewKey as NewKey
    from facekit.serving.keys import serve_key_add as serve_key_add
    from facekit.serving.keys import serve_key_list as serve_key_list
    from facekit.serving.keys import serve_key_remove as serve_key_remove
    from facekit.serving.server import serve as serve
    from facekit.verbs.about import info as info
    from facekit.verbs.about import weights_list as weights_list
    from facekit.verbs.about import weights_verify as weights_verify
    from facekit.verbs.calibrate import Calibrated as Calibrated
    from facekit.verbs.calibrate import calibrate as calibrate
    from facekit.verbs.cluster import cluster as cluster
    from facekit.verbs.doctor import doctor as doctor
    from facekit.verbs.enroll import enroll as enroll
    from facekit.verbs.evaluate import evaluate_identification as evaluate_identification
    from facekit.verbs.evaluate import evaluate_verification as evaluate_verification
    from facekit.verbs.facts import gallery_facts as gallery_facts
    from facekit.verbs.facts import gallery_ignore as gallery_ignore
    from facekit.verbs.facts import gallery_not_same as gallery_not_same
    from facekit.verbs.facts import gallery_not_subject as gallery_not_subject
    from facekit.verbs.facts import gallery_take_back as gallery_take_back
    from facekit.verbs.find import FindReport as FindReport
    from facekit.verbs.find import find as find
    from facekit.verbs.galleries import open_gallery as open_gallery
    from facekit.verbs.gallery import Check as Check
    from facekit.verbs.gallery import Import as Import
    from facekit.verbs.gallery import Removal as Removal
    from facekit.verbs.gallery import gallery_check as gallery_check
    from facekit.verbs.gallery import gallery_copy as gallery_copy
    from facekit.verbs.gallery import gallery_export as gallery_export
    from facekit.verbs.gallery import gallery_forget_removals as gallery_forget_removals
    from facekit.verbs.gallery import gallery_import as gallery_import
    from facekit.verbs.gallery import gallery_list as gallery_list
    from facekit.verbs.gallery import gallery_merge as gallery_merge
    from facekit.verbs.gallery import gallery_move as gallery_move
    from facekit.verbs.gallery import gallery_remove as gallery_remove
    from facekit.verbs.gallery import gallery_rename as gallery_rename
    from facekit.verbs.gallery import gallery_show as gallery_show
    from facekit.verbs.gallery_servers import gallery_create as gallery_create
    from facekit.verbs.gallery_servers import gallery_grant as gallery_grant
    from facekit.verbs.gallery_servers import gallery_upgrade as gallery_upgrade
    from facekit.verbs.identify import identify as identify
    from facekit.verbs.index import index as index
    from facekit.verbs.pictures import align as align
    from facekit.verbs.pictures import detect as detect
    from facekit.verbs.pictures import embed as embed
    from facekit.verbs.plot import plot as plot
    from facekit.verbs.redact import redact as redact
    from facekit.verbs.register import register as register
    from facekit.verbs.sync import SyncReport as SyncReport
    from facekit.verbs.sync import sync as sync
    from facekit.verbs.train import Export as Export
    from facekit.verbs.train import Training as Training
    from facekit.verbs.train import export as export
    from facekit.verbs.train import train as train
    from facekit.verbs.train_detector import train_detector as train_detector
    from facekit.verbs.train_landmarks import train_landmarks as train_landmarks
    from facekit.verbs.train_refiner import train_refiner as train_refiner
    from facekit.verbs.verify import verify as verify
    from facekit.verbs.watch import watch as watch
    from facekit.video.events import Event as Event


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
