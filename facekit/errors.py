"""Every error a caller may want to catch.

    FacekitError
    ├── PictureError      a picture is missing, unreadable, damaged, too large
    │   ├── NoFaceError   no picture has a face (exit status 3)
    │   └── TruncatedError  a JPEG lacks its last bytes, and was not to be taken so
    ├── WeightsError      a network or landmark file is missing or not the one that was released
    ├── GalleryError      a gallery is missing, empty, damaged, newer, or of another embedder
    │   └── FactError     what is to be done is against what was said of people or faces, or is enrolled
    ├── MetadataError     a sidecar, or people's names in a photo's metadata, cannot be read or kept
    ├── DependencyError   a Python package or system library is not installed
    └── UsageError        the arguments do not make sense together (exit status 2)

A message says what happened, to which file, and what to do.
"""

from __future__ import annotations


class FacekitError(Exception):
    """Base of all errors that facekit raises on purpose."""


class PictureError(FacekitError):
    """A picture is missing, unreadable, damaged or too large."""


class NoFaceError(PictureError):
    """No picture has a face."""


class TruncatedError(PictureError):
    """A JPEG lacks its last bytes; what is there of it can be decoded (`accept_truncated`)."""


class WeightsError(FacekitError):
    """A network or landmark file is missing or is not the one that was released."""


class GalleryError(FacekitError):
    """A gallery is missing, empty, damaged, newer than this program, or of another embedder."""


class FactError(GalleryError):
    """What is to be done is against what was said of people or faces, or against what is enrolled."""


class MetadataError(FacekitError):
    """A sidecar, or what other programs wrote of people into a photo, cannot be read or kept."""


class DependencyError(FacekitError):
    """A Python package or a system library is not installed."""


class UsageError(FacekitError):
    """The arguments do not make sense together."""
