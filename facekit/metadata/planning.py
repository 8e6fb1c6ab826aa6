"""What is to be written of a photo's faces, where other programs may have written already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facekit.errors import MetadataError, UsageError
from facekit.metadata import namespaces as ns
from facekit.metadata.areas import Area
from facekit.metadata.editing import Editor, NewRegion, can_be_written
from facekit.metadata.metadata_change import MetadataChange, Status
from facekit.metadata.packet import Packet
from facekit.metadata.regions import Region, applied_to, regions_of, same_shape
from facekit.text.subject_names import subject_name

SAME_FACE = 0.5
"""The overlap (intersection over union) from which two rectangles are of one face: that of PASCAL VOC."""


@dataclass(frozen=True)
class Rules:
    """What is written: regions, also of `unknown` people; the names as `keywords` (dc:subject), and as the
    people in the picture (`person_in_image`). With `replace` a name that is there gives way. With `complete`
    a name that the photo's other packets have is written all the same."""

    keywords: bool = True
    person_in_image: bool = True
    replace: bool = False
    unknown: bool = False
    complete: bool = False


@dataclass(frozen=True)
class Plan:
    """Regions to `add`; regions to `rename`; the names of faces whose regions are `left` alone, and those of
    them that are `agreed` on; names that are `unwritable`, for XML does not hold them; names in the photo's
    other packets that are `superseded`; and of regions left alone the name and that of the gallery, where
    these are `disputed`."""

    add: tuple[NewRegion, ...]
    rename: tuple[tuple[Region, str], ...]
    left: tuple[str | None, ...]
    agreed: tuple[str, ...] = ()
    unwritable: tuple[str, ...] = ()
    superseded: tuple[str, ...] = ()
    disputed: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> list[str]:
        """The names for the lists of keywords and people."""
        added = [region.name for region in self.add if region.name]
        return [*added, *(name for _, name in self.rename), *self.agreed]


@dataclass(frozen=True)
class NamedPhoto:
    """A photo, the size of its stored picture, and its faces there."""

    source: str
    size: tuple[int, int]
    faces: Sequence[NewRegion]


@dataclass(frozen=True)
class Change:
    """What is to become of a packet, and why."""

    plan: Plan
    before: Packet
    after: bytes

    @property
    def is_one(self) -> bool:
        """Whether anything is changed."""
        return self.after != self.before.data

    def outcome(self, file: Path, *, dry_run: bool, notes: Sequence[str] = ()) -> MetadataChange:
        """What is said of it, once the file is written; or would be, in a dry run."""
        status: Status = "unchanged"
        if self.is_one:
            status = "planned" if dry_run else "written"
        return MetadataChange(
            str(file),
            status,
            tuple(region.name for region in self.plan.add),
            tuple((region.name, name) for region, name in self.plan.rename),
            self.plan.left,
            listed(Packet(self.after, file), self.before),
            notes=(
                *notes,
                *(
                    f"the name {name!a} has characters that XMP cannot hold, and is not written"
                    for name in self.plan.unwritable
                ),
                *(
                    f"named {there} there, and {name} by the gallery: left as it is (--replace changes it)"
                    for there, name in self.plan.disputed
                ),
            ),
        )


def change(packet: Packet, photo: NamedPhoto, elsewhere: Sequence[Packet], rules: Rules) -> Change:
    """What the photo's faces change in a packet, where `elsewhere` are other packets of the same photo.
    Raises MetadataError where the packet has regions of another picture."""
    known = usable_regions(packet, photo.size)
    if known is None:
        drawn_on, size = _sides(applied_to(packet)), _sides(photo.size)
        raise MetadataError(
            f"{packet.place}: its regions are of a picture of {drawn_on}, and {photo.source} has {size}: it "
            "was cropped or turned since"
        )
    others = [region for other in elsewhere for region in usable_regions(other, photo.size) or ()]
    planned = plan(photo.faces, known, others, rules)
    return Change(planned, packet, edited(packet, planned, photo.size, elsewhere, rules))


def plan(faces: Sequence[NewRegion], known: Sequence[Region], inside: Sequence[Region], rules: Rules) -> Plan:
    """What is to become of the faces, where `known` are the regions of the packet that is written, and
    `inside` those of the photo's other packets."""
    unwritable = tuple(face.name for face in faces if face.name and not can_be_written(face.name))
    add: list[NewRegion] = []
    rename: list[tuple[Region, str]] = []
    left: list[str | None] = []
    agreed: list[str] = []
    superseded: list[str] = []
    disputed: list[tuple[str, str]] = []
    for face in faces:
        there = _of(face, known)
        if face.name in unwritable or (face.name is None and not rules.unknown and not there):
            continue
        named = _named(there) or _named(_of(face, inside))
        name = named[0].name if named else None
        stays = name is not None and (_same(name, face.name) or not rules.replace)
        if rules.complete and not there and _same(name, face.name):
            stays = False
        if stays or (face.name is None and (there or named)):
            left.append(name)
            if name and face.name and not _same(name, face.name):
                disputed.append((name, face.name))
            agreed += {region.name for region in there if region.name and _same(region.name, face.name)}
        elif there and face.name is not None:
            rename += [(region, face.name) for region in there if not _same(region.name, face.name)]
        else:
            add.append(face)
            superseded += [region.name for region in named if region.name]
    if add or rename:
        # A program that reads the sidecar reads no regions in the photo.
        for region in _named(inside):
            if not _written(region, known, add):
                add.append(NewRegion(region.name, region.area))
    return Plan(
        tuple(add), tuple(rename), tuple(left), tuple(agreed), unwritable, tuple(superseded), tuple(disputed)
    )


def edited(
    packet: Packet, planned: Plan, size: tuple[int, int], inside: Sequence[Packet], rules: Rules
) -> bytes:
    """The packet with what was planned; `size` is the stored picture's, `inside` are the photo's other
    packets."""
    editor = Editor(packet)
    if planned.add:
        editor.add_regions(planned.add, size)
    for region, name in planned.rename:
        editor.name_region(region, name)
    names = planned.names
    staying = {region.name for region in regions_of(packet)} - {region.name for region, _ in planned.rename}
    gone = {region.name for region, _ in planned.rename if region.name} - staying - set(names)
    for wanted, property in ((rules.keywords, ns.SUBJECT), (rules.person_in_image, ns.PERSON_IN_IMAGE)):
        if wanted and names:
            # A list that the sidecar begins holds what the photo's own does: programs read one of both.
            begun = [] if packet.properties(property) else _listed(inside, property, planned.superseded)
            editor.list_names(property, [*begun, *names], without=gone)
    return editor.result()


def _listed(packets: Sequence[Packet], property: ns.Name, without: Sequence[str]) -> list[str]:
    return [text for packet in packets for text in _texts(packet, property) if text not in without]


def usable_regions(packet: Packet, size: tuple[int, int]) -> list[Region] | None:
    """The regions of a packet for a stored picture of this size; None where they are of a picture of other
    proportions: it was cropped or turned since, and they lie elsewhere now."""
    drawn_on = applied_to(packet)
    return None if drawn_on and not same_shape(drawn_on, size) else regions_of(packet)


def listed(after: Packet, before: Packet) -> tuple[str, ...]:
    """The names that the lists of keywords and people have now and had not."""
    had, has = (
        [name for property in (ns.SUBJECT, ns.PERSON_IN_IMAGE) for name in _texts(packet, property)]
        for packet in (before, after)
    )
    return tuple(name for name in dict.fromkeys(has) if has.count(name) > had.count(name))


def _texts(packet: Packet, property: ns.Name) -> list[str]:
    return [item.text for element in packet.properties(property) for item in element.items if item.text]


def _sides(size: tuple[float, float] | None) -> str:
    return "×".join(f"{side:.0f}" for side in size or ())


def _of(face: NewRegion, regions: Sequence[Region]) -> list[Region]:
    """The regions of the same face. Programs draw them larger or smaller: one of the same name is the same
    also where it overlaps less."""
    return [region for region in regions if _is_of(face.name, face.area, region)]


def _is_of(name: str | None, area: Area, region: Region) -> bool:
    if area.overlap(region.area) >= SAME_FACE:
        return True
    together = area.holds_middle(region.area) and region.area.holds_middle(area)
    return together and _same(region.name, name)


def _named(regions: Sequence[Region]) -> list[Region]:
    return [region for region in regions if region.name]


def _written(region: Region, known: Sequence[Region], add: Sequence[NewRegion]) -> bool:
    others = [*((other.name, other.area) for other in known), *((other.name, other.area) for other in add)]
    return any(_is_of(name, area, region) for name, area in others)


def _same(one: str | None, other: str | None) -> bool:
    """Whether two names are stored as one."""
    if one is None or other is None:
        return one is other
    try:
        return subject_name(one) == subject_name(other)
    except UsageError:  # what another program wrote need not be a name
        return one == other
