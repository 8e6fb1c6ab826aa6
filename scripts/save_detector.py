"""Save the face detector that dlib carries as a file that is read at once, with its entry in the manifest.

    python scripts/save_detector.py [--output weights/detector.dat]

dlib unpacks its detector anew in every process, which takes 0.3 s; the same detector, saved, is read in a
millisecond.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import dlib

from facekit import settings
from facekit.models import weights
from facekit.training import manifest


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=settings.weights_folder() / "detector.dat")
    path = parser.parse_args().output
    dlib.get_frontal_face_detector().save(str(path))
    entry = manifest.made(path) | {"command": "python scripts/save_detector.py"}
    manifest.update(path.with_name(weights.MANIFEST), entry, name="detector")
    print(f"{path}: {path.stat().st_size} bytes, SHA-256 {entry['sha256']}")


if __name__ == "__main__":
    main()
