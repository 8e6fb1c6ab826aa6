"""Say what is so about people and faces: `facekit gallery ignore` is `facekit.gallery_ignore`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from facekit.arguments import integer_of, integers_of, texts_of
from facekit.errors import PictureError, UsageError
from facekit.faces.reading import Options
from facekit.gallery.base import Gallery
from facekit.gallery.facts import Fact, Kind
from facekit.people import face_facts
from facekit.people.chosen_face import face_or_box
from facekit.pictures.inputs import Inputs, NamedPicture, Source, listed, name_of
from facekit.text.subject_names import subject_name
from facekit.verbs.galleries import AnyGallery, changing, reading
from facekit.verbs.listeners import OnNote, no_note
from facekit.verbs.rehearsal import rehearsed_change

if TYPE_CHECKING:
    from facekit.faces.pipeline import Pipeline
    from facekit.people.clustering import Sighting
    from facekit.people.named_groups import GroupFace
    from facekit.results import Box


def gallery_not_same(
    names: str | Sequence[str],
    *,
    dry_run: bool = False,
    gallery: AnyGallery | None = None,
    on_note: OnNote = no_note,
) -> list[Fact]:
    """Say that people of the gallery, two or more, are not the same, however alike they are: `gallery_check`
    proposes no two of them as one any more, and `gallery_merge` refuses to merge them. With `dry_run` nothing
    is changed."""
    people = list(dict.fromkeys(map(subject_name, texts_of(names, "the names"))))
    if len(people) < 2:
        raise UsageError("give the names of two people or more who are not the same")
    facts = [Fact("not_same", one, other) for one, other in combinations(sorted(people), 2)]
    return _recorded(lambda opened: facts, gallery, on_note, dry_run=dry_run)


def gallery_not_subject(
    pictures: Inputs,
    *,
    subject: str,
    face: int | None = None,
    box: tuple[float, float, float, float] | None = None,
    holder: str | None = None,
    dry_run: bool = False,
    gallery: AnyGallery | None = None,
    options: Options | None = None,
    pipeline: Pipeline | None = None,
    on_note: OnNote = no_note,
) -> list[Fact]:
    """Say that a face is not the `subject`, whom it is taken for: that face, and others that are more like it
    than like the person, do not get the name any more.

    Of a picture of several faces it is the one of the number `face` (from 1, as tables and annotated pictures
    show it), the one in the `box` (x, y, width and height in pixels), or else the one that is taken for the
    subject. A picture that is no file is one of which the gallery has templates, by its name or the first
    digits of its SHA-256; `holder` is whose, where several people have it. With `dry_run` nothing is changed.
    """
    said = _Said("not_subject", subject_name(subject), holder, options, pipeline)
    return said.of(listed(pictures, "pictures"), face, box, gallery, on_note, dry_run=dry_run)


def gallery_ignore(
    pictures: Inputs,
    *,
    face: int | None = None,
    box: tuple[float, float, float, float] | None = None,
    holder: str | None = None,
    group: int | Sequence[int] = (),
    dry_run: bool = False,
    gallery: AnyGallery | None = None,
    options: Options | None = None,
    pipeline: Pipeline | None = None,
    on_note: OnNote = no_note,
) -> list[Fact]:
    """Say that nobody wants to know whose the faces of pictures are: `cluster` proposes neither them nor
    groups of the same person any more, and `gallery_check` has no doubts about them.

    Pictures, `face`, `box` and `holder` are as in `gallery_not_subject`; without one of the last three, all
    faces are meant that nobody in the gallery has. With numbers of a `group` or several, the one picture is
    the JSON that `cluster` wrote, and all faces of these groups are meant whom the gallery does not name.
    With `dry_run` nothing is changed.
    """
    sources = listed(pictures, "pictures")
    said = _Said("ignored", None, holder, options, pipeline)
    if numbers := integers_of(group, "the group", least=1):
        if face is not None or box is not None or holder is not None:
            raise UsageError("a group has all of its faces: give no face, box or holder")
        faces = _faces_of_groups(sources, numbers)
        return _recorded(
            lambda opened: said.of_groups(opened, faces, on_note), gallery, on_note, dry_run=dry_run
        )
    return said.of(sources, face, box, gallery, on_note, dry_run=dry_run)


def say_of_faces(
    faces: Sequence[Sighting], gallery: Gallery, kind: Kind, subject: str | None = None
) -> list[Fact]:
    """`gallery_not_subject` and `gallery_ignore` for faces that are there already."""
    who = None if subject is None else subject_name(subject)
    with changing(gallery) as opened:
        facts = [
            Fact(
                kind,
                who,
                vector=sighting.face.vector,
                sha256=sighting.sha256,
                source=sighting.source,
                box=sighting.face.detection.box,
            )
            for sighting in faces
        ]
        if kind == "ignored":
            face_facts.require_unnamed(opened, facts)
        return opened.record(facts)


def gallery_facts(gallery: AnyGallery | None = None, *, on_note: OnNote = no_note) -> list[Fact]:
    """All that was said of people and faces, in the order in which it was recorded."""
    with reading(gallery, on_note) as opened:
        return opened.facts()


def gallery_take_back(
    facts: int | Sequence[int],
    *,
    dry_run: bool = False,
    gallery: AnyGallery | None = None,
    on_note: OnNote = no_note,
) -> list[Fact]:
    """Take back what was said, by the numbers that `gallery_facts` has, all or none; it is erased. With
    `dry_run` nothing is changed."""
    numbers = integers_of(facts, "the facts", least=1)
    wanted = [integer_of(number, "the number of a fact", least=1) for number in numbers]
    if dry_run:
        with rehearsed_change(gallery, on_note) as tried, tried.copy.open(write=True) as copy:
            return [replace(fact, status="planned") for fact in copy.withdraw(wanted)]
    with changing(gallery, on_note) as opened:
        return opened.withdraw(wanted)


class _Said:
    """What is said of faces of pictures; the networks are opened when the first picture is read."""

    def __init__(
        self,
        kind: Kind,
        subject: str | None,
        holder: str | None,
        options: Options | None,
        pipeline: Pipeline | None,
    ) -> None:
        self._kind, self._subject = kind, subject
        self._holder = None if holder is None else subject_name(holder)
        self._options, self._pipeline = Options.of(options), pipeline

    def of(
        self,
        sources: Sequence[Source],
        face: int | None,
        box: Sequence[float] | None,
        gallery: AnyGallery | None,
        on_note: OnNote,
        *,
        dry_run: bool,
    ) -> list[Fact]:
        chosen = face_or_box(face, box, one=len(sources) == 1, needs="give one")
        if not sources:
            raise UsageError("say which faces are meant: give pictures")

        def facts(opened: Gallery) -> list[Fact]:
            return [fact for source in sources for fact in self._faces(opened, source, chosen)]

        return _recorded(facts, gallery, on_note, dry_run=dry_run)

    def of_groups(self, gallery: Gallery, faces: Sequence[GroupFace], on_note: OnNote) -> list[Fact]:
        """Of faces of groups, all or none; but of those who are named all the same."""
        pipeline = self._pipeline or self._options.pipeline()
        gallery.require(pipeline.fingerprint)
        problems: list[str] = []
        said = [(face, self._subject) for face in faces]
        facts = list(face_facts.group_facts(said, self._options, pipeline, problems))
        if problems:
            raise PictureError("; ".join(problems))
        holders = [face_facts.taken_for(gallery, fact) for fact in facts]
        if named := Counter(filter(None, holders)):
            words = face_facts.keeps_names(named)
            if all(holders):
                raise UsageError(words)
            on_note(words)
        return [fact for fact, holder in zip(facts, holders, strict=True) if holder is None]

    def _faces(self, gallery: Gallery, source: Source, chosen: int | Box | None) -> list[Fact]:
        if chosen is None and face_facts.is_stored(source):
            photo = name_of(source)
            return face_facts.stored_faces(gallery, photo, self._kind, self._subject, self._holder)
        self._pipeline = self._pipeline or self._options.pipeline()
        gallery.require(self._pipeline.fingerprint)
        facts = face_facts.picture_faces(
            gallery, source, chosen, self._kind, self._subject, self._options, self._pipeline
        )
        if self._kind == "ignored":
            face_facts.require_unnamed(gallery, facts)
        return facts


def _faces_of_groups(sources: Sequence[Source], numbers: Sequence[int]) -> list[GroupFace]:
    from facekit.people.named_groups import read_groups

    if len(sources) != 1 or isinstance(sources[0], NamedPicture) or sources[0] == "-":
        raise UsageError("--group is for groups of one file: give the JSON that they were written to")
    groups = read_groups(Path(sources[0]))
    for number in numbers:
        if number not in groups:
            raise UsageError(f"{sources[0]}: has no group {number}")
    return [face for number in dict.fromkeys(numbers) for face in groups[number]]


def _recorded(
    facts: Callable[[Gallery], list[Fact]],
    gallery: AnyGallery | None,
    on_note: OnNote,
    *,
    dry_run: bool,
) -> list[Fact]:
    if dry_run:
        with rehearsed_change(gallery, on_note) as tried, tried.copy.open(write=True) as copy:
            return [_planned(fact) for fact in copy.record(facts(copy))]
    with changing(gallery, on_note) as opened:
        return opened.record(facts(opened))


def _planned(fact: Fact) -> Fact:
    """A fact that would be recorded: it has no number yet."""
    return fact if fact.status == "already there" else replace(fact, status="planned", id=None, added=None)
