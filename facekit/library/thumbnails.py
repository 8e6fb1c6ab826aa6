"""Small pictures of enrolled faces, beside a gallery, where somebody chose to keep them.

They are known by the template: by the SHA-256 of its photo and the box in it, so that they go with it when
its person is renamed or merged, and are erased when it is.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import TYPE_CHECKING

from facekit.errors import GalleryError
from facekit.gallery.values import checksum
from facekit.library.side_file import Kind, SideFile
from facekit.results import CROP_SIDE, Box, Pixels
from facekit.text.subject_names import subject_name

if TYPE_CHECKING:
    from facekit.gallery.base import Gallery

QUALITY = 80
"""Of JPEG: some 4 kB a face."""

Key = tuple[str, str]
"""The SHA-256 of a photo, and a box in it."""


class Thumbnails(SideFile):
    """An open store; a context manager, for one thread."""

    KIND = Kind(
        noun="the store of thumbnails",
        remedy="remove this file; no template is in it",
        suffix=".thumbnails",
        application_id=0x666B7468,  # "fkth"
        format=1,
        schema=(
            """CREATE TABLE thumbnails (sha256 TEXT NOT NULL, box TEXT NOT NULL, jpeg BLOB NOT NULL,
                checksum BLOB NOT NULL, PRIMARY KEY (sha256, box)) WITHOUT ROWID""",
        ),
    )

    def keep(self, pictures: Callable[[], Mapping[Key, bytes]]) -> None:
        """Keep pictures, JPEG; one that was kept before is replaced. They are asked for while nobody can
        erase any: a template that is there then is erased only afterwards, and its picture with it."""
        with self._changing() as connection:
            rows = [(*key, jpeg, _checksum(key, jpeg)) for key, jpeg in pictures().items()]
            connection.executemany("INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?, ?)", rows)

    def of(self, keys: Iterable[Key]) -> dict[Key, bytes]:
        """Those of these that are kept. Raises GalleryError for one that does not fit its checksum."""
        query = "SELECT jpeg, checksum FROM thumbnails WHERE sha256 = ? AND box = ?"
        kept = {}
        with self._reading() as connection:
            for key in keys:
                for jpeg, code in connection.execute(query, key):
                    if code != _checksum(key, jpeg):
                        raise self.KIND.damaged(self.path, "a picture does not fit its checksum")
                    kept[key] = bytes(jpeg)
        return kept

    def require_sound(self) -> None:
        """Raise GalleryError unless every picture fits its checksum."""
        super().require_sound()
        with self._reading() as connection:
            for sha256, box, jpeg, code in connection.execute("SELECT * FROM thumbnails"):
                if code != _checksum((sha256, box), jpeg):
                    raise self.KIND.damaged(self.path, "a picture does not fit its checksum")

    def keep_only(self, living: Callable[[], set[Key]]) -> int:
        """Erase all others; how many. `living` is asked while nobody else can add any: what is enrolled and
        kept meanwhile is not taken for an orphan."""
        with self._changing() as connection:
            gone = self.orphans(living())
            connection.executemany("DELETE FROM thumbnails WHERE sha256 = ? AND box = ?", gone)
            if gone:
                self._delete_for_good(connection)
        if gone:
            self._erase()
        return len(gone)

    def orphans(self, living: Set[Key]) -> list[Key]:
        """Those that are kept, and of no living template."""
        with self._reading() as connection:
            kept = connection.execute("SELECT sha256, box FROM thumbnails")
            return [(sha256, box) for sha256, box in kept if (sha256, box) not in living]


def key_of(sha256: str, box: Box) -> Key:
    return sha256, json.dumps([float(side) for side in box])


def erase_orphans(gallery: Gallery) -> int:
    """Erase the thumbnails of templates that are in the gallery no more; how many. To be called after every
    change that takes any away."""
    try:
        path = Thumbnails.KIND.file_of(gallery.place)
    except GalleryError:  # there is no home folder, and so no store of a gallery elsewhere
        return 0
    if not os.path.lexists(path):
        return 0
    with Thumbnails.made(path) as store:
        return store.keep_only(lambda: living(gallery))


def living(gallery: Gallery) -> set[Key]:
    """Of all templates that are in the gallery."""
    return {key_of(info.sha256, info.box) for info in gallery.templates()}


def keep(gallery: Gallery, subject: str, pictures: Mapping[str, bytes]) -> None:
    """Keep pictures of a subject's faces by the SHA-256 of their photos, of those that are enrolled."""

    def enrolled() -> dict[Key, bytes]:
        boxes = boxes_of(gallery, subject, list(pictures))
        return {key_of(digest, boxes[digest]): pictures[digest] for digest in boxes}

    with Thumbnails.made(Thumbnails.KIND.file_of(gallery.place)) as store:
        store.keep(enrolled)


def boxes_of(gallery: Gallery, subject: str, sha256s: Sequence[str]) -> dict[str, Box]:
    """Where the subject is in those of these photos that are enrolled as theirs."""
    name = subject_name(subject)
    return {
        digest: info.box
        for digest, infos in gallery.known(sha256s).items()
        for info in infos
        if info.subject == name
    }


def of_subject(gallery: Gallery, subject: str) -> dict[str, bytes]:
    """The thumbnails of a subject by the SHA-256 of their photos."""
    store = Thumbnails.open(Thumbnails.KIND.file_of(gallery.place))
    if store is None:
        return {}
    keys = {key_of(info.sha256, info.box): info.sha256 for info in gallery.templates(subject)}
    with store:
        return {keys[key]: jpeg for key, jpeg in store.of(keys).items()}


def encoded(crop: Pixels) -> bytes:
    """A crop as JPEG, without any metadata."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(crop).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def cut(pixels: Pixels, box: Sequence[float]) -> Pixels:
    """What is around a box of an upright picture, as large as a crop."""
    import numpy as np
    from PIL import Image

    x0, y0, x1, y1 = box
    half = 0.65 * max(x1 - x0, y1 - y0)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    area = (round(x - half), round(y - half), round(x + half), round(y + half))
    small = Image.fromarray(pixels).crop(area).resize((CROP_SIDE, CROP_SIDE), Image.Resampling.BILINEAR)
    return np.asarray(small)


def _checksum(key: Key, jpeg: bytes) -> bytes:
    return checksum("thumbnail", *key, vector=jpeg)
