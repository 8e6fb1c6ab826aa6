"""What every gallery can do, whatever keeps it: the protocol that the rest of facekit is written against.

A new kind of gallery implements `Gallery` and `Place` (facekit.gallery.places), passes the tests in
tests/gallery/behavior, and is one line in `places.SERVERS`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TypeGuard

from numpy.typing import ArrayLike

from facekit.calibration.threshold import Calibration
from facekit.gallery.facts import Fact
from facekit.gallery.gallery_settings import GallerySettings
from facekit.gallery.search.exact import FloatArray
from facekit.gallery.search.index import Index
from facekit.gallery.templates import AddReport, NewTemplate, Subject, TemplateInfo
from facekit.gallery.tombstones import Tombstones
from facekit.results import Candidate

if TYPE_CHECKING:
    from facekit.gallery.places import Place


class Gallery(Protocol):
    """People and their templates. Made by `create_gallery` or `open_gallery`; a context manager.

    Every method sees one committed state. A method that changes the gallery does so in one transaction,
    waits for other writers, and has stored all or nothing when it returns or raises. It may be shared between
    threads, and the next call of any method sees what other threads and processes have changed meanwhile.

    Vectors are float32 unit vectors of the embedder's dimension. Names are compared as
    `subject_names.subject_name` makes them. Pictures are known by the SHA-256 of their bytes, in hexadecimal
    digits. Dates are ISO 8601, UTC.

    All methods raise GalleryError for a gallery that is damaged, full, out of reach, held by others for too
    long, or was closed; and UsageError for a value of another type or out of range. A message says what
    happened, names the place without its password, and says what to do.
    """

    @property
    def place(self) -> Place:
        """Where it is."""

    @property
    def settings(self) -> GallerySettings:
        """As they were last read, the threshold in them as it was set."""

    @property
    def threshold(self) -> float:
        """The lowest score at which a face is given a name: as it was set, carried over to as many templates
        as there were when it was last read (`Calibration.threshold_for`).
        """

    @property
    def cohort(self) -> float:
        """The score with its fifth-best candidate above which a face needs more than the threshold
        (facekit.people.identification.rise); infinite where none does.
        """

    @property
    def change_number(self) -> int:
        """How many changes the state has that was read last. A change that changes nothing is not counted."""

    @property
    def untouched(self) -> bool:
        """Whether nothing was stored in it, nor set, since it was made."""

    @property
    def may_remove(self) -> bool:
        """Whether who opened it may also take away what is stored, as far as the place knows: a database may
        have given this user no right to."""

    @property
    def version(self) -> int:
        """The format in which it is kept."""

    @property
    def due(self) -> str | None:
        """Why bytes of what was removed are still kept somewhere, or None. Whoever writes next erases
        them.
        """

    @property
    def subject_count(self) -> int:
        """The number of subjects, at no cost."""

    def __len__(self) -> int:
        """The number of templates, at no cost."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def close(self) -> None:
        """Let go of it. An erasure that is due is finished, if nobody is in its way."""

    def require(self, fingerprint: str) -> None:
        """Raise GalleryError unless its vectors are of the embedder of this fingerprint."""

    def snapshot(self) -> AbstractContextManager[None]:
        """Everything that this thread reads inside sees the same committed state."""

    def subjects(self) -> list[Subject]:
        """All subjects, sorted by name."""

    def names(self) -> list[str]:
        """The names of all subjects, sorted, without looking at their templates."""

    def templates(self, subject: str | None = None) -> list[TemplateInfo]:
        """The templates of one subject or of all, sorted by subject and order of enrollment. Raises
        GalleryError when the subject is not in the gallery.
        """

    def contents(self) -> Iterator[NewTemplate]:
        """All templates with their vectors, in the order of enrollment. One committed state, held until the
        iteration is over: as long, what is removed cannot be erased.
        """

    def stored(self, subject: str) -> list[NewTemplate]:
        """The subject's templates with their vectors, in the order of enrollment; none if the subject is not
        in the gallery.
        """

    def vectors(self, subject: str) -> FloatArray:
        """The vectors of `stored`, (n, dimension)."""

    def known(self, sha256s: Sequence[str]) -> dict[str, list[TemplateInfo]]:
        """Of these pictures those that are in the gallery, with the templates enrolled from them, by name."""

    def tombstones(self) -> Tombstones:
        """What is kept of pictures that were removed or renamed."""

    def facts(self) -> list[Fact]:
        """What was said of people and faces, in the order in which it was recorded."""

    def search(self, probes: ArrayLike, k: int = 5) -> list[list[Candidate]]:
        """For each probe, a unit vector of (n, dimension), its k best subjects, best first.

        Exact; a subject's score is that of its best template, the exactly rounded dot product
        (`search.exact.score`); equal scores stand by name. A template that is poor counts only if its subject
        has no other. Those who the face was said not to be are marked (`facts.Denials`). Nobody for an empty
        gallery. Raises GalleryError for NaN, zero or not-unit vectors.
        """

    def matrix(self) -> Index:
        """The search index of the present content, usable while the gallery is open; the same object as long
        as the content is the same. It does not see who is added later.
        """

    def add(
        self,
        templates: Sequence[NewTemplate],
        *,
        again: bool = False,
        move: bool = False,
        replace: bool = False,
        tombstones: Tombstones | None = None,
        facts: Sequence[Fact] = (),
    ) -> AddReport:
        """Store the templates, all or none, but leave out and count: one whose subject already has a template
        of the same picture; one that was removed earlier, or was said not to be the subject's, unless
        `again`; and one of a face that another subject has from the same picture, unless it may `move`. With
        `replace` the subject's template of another face of the same picture gives way, and is erased.
        `tombstones` and `facts` are another gallery's, kept from now on here too, as far as they say nothing
        else than what is enrolled here; facts that were taken back or erased here come only `again`. A face
        that is stored is ignored no longer.
        """

    def record(self, facts: Sequence[Fact]) -> list[Fact]:
        """Store what was said, all or none; as it is stored. Raises GalleryError for people who are not in
        the gallery, and for a face that is enrolled as the one who it is said not to be.
        """

    def withdraw(self, numbers: Sequence[int]) -> list[Fact]:
        """Take back and erase the facts of these numbers, all or none; as they were. Raises GalleryError when
        there is none of a number.
        """

    def remove(self, names: Sequence[str]) -> int:
        """Remove subjects with all their templates and all facts about them, also those about faces that may
        be theirs, and erase them; the number of templates. Raises GalleryError, and removes nobody, when one
        is not in the gallery.
        """

    def remove_photos(self, subject: str, photos: Sequence[str], *, remember: bool = True) -> bool:
        """Remove and erase the templates of some pictures of a subject; the subject goes with its last
        template. Returns whether it went. Unless it is to `remember`, they may be added again as if they had
        never been there.

        A picture is given by its name, as `templates` has it, or by the first eight or more digits of its
        SHA-256. Raises GalleryError, and removes nothing, when one is not the subject's or is not the only
        one of that name.
        """

    def relocate(self, subject: str, places: Mapping[str, str]) -> None:
        """Say where pictures of a subject are now: the `source` of each SHA-256, all or none. What the
        subject has none of is left out. Raises GalleryError when the subject is not in the gallery.
        """

    def forget_removals(self) -> int:
        """Erase all that is kept of removed pictures, so that they can come back; how many there were."""

    def rename(self, old: str, new: str, *, remember: bool = True) -> None:
        """Give a subject another name and erase the old one. Unless it is to `remember`, the pictures may be
        added under the old name again. Raises GalleryError when `old` is not in the gallery or `new` is.
        """

    def exchange(self, names: Mapping[str, str]) -> None:
        """Give subjects each other's names, all or none: the new names, by the old ones, are these in another
        order. The pictures may be added under the old names again. Raises GalleryError when one is not in
        the gallery.
        """

    def merge(self, into: str, others: Sequence[str]) -> int:
        """Give the templates of other subjects to `into` and erase the others; return how many came. A
        picture that both have is kept once. Raises GalleryError when one is not in the gallery, or is by a
        fact not the same as another, UsageError when `into` is among the others.
        """

    def set_calibration(self, calibration: Calibration) -> None:
        """Set the score from which a face has a name, and say how it was chosen."""


_METHODS = ("add", "search", "subjects", "snapshot", "require", "close")


def is_gallery(value: object) -> TypeGuard[Gallery]:
    """Whether it is an open gallery of any kind. Its class is asked, so that nothing is read."""
    return all(hasattr(type(value), name) for name in _METHODS)
