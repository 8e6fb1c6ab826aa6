"""What is to be written of a photo's faces, where other programs may have written already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from facekit.errors import MetadataError
from facekit.metadata import namespaces as ns
from facekit.metadata.editing import Editor, NewRegion, can_be_written
from facekit.metadata.erasing import erase
from facekit.metadata.metadata_change import MetadataChange, Status
from facekit.metadata.packet import Packet
from facekit.metadata.regions import Region, applied_to, is_of, regions_of, same_name, same_shape


@dataclass(frozen=True)
class Rules:
    """What is written: regions, also of `unknown` people; the names as `keywords` (dc:subject), and as the
    people in the picture (`person_in_image`). With `replace` a name that is there gives way. With `complete`
    a name that the photo's other packets have is written all the same. Names to `erase` are taken out
    wherever no face is theirs."""

    keywords: bool = True
    person_in_image: bool = True
    replace: bool = False
    unknown: bool = False
    complete: bool = False
    erase: tuple[str, ...] = ()


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
    """What is to become of a packet, and why: of the plan's names some were `erased` first; `remarks` are
    where they are left."""

    plan: Plan
    before: Packet
    after: bytes
    erased: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

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
            self.erased,
            notes=(
                *notes,
                *self.remarks,
                *(
                    f"the name {name!a} has characters that XMP cannot hold, and is not written"
                    for name in self.plan.unwritable
                ),
                *(
                    f"named {there} in {file.name}, and {name} by the gallery: left as it is "
                    "(--replace changes it)"
                    for there, name in self.plan.disputed
                ),
            ),
        )


def change(packet: Packet, photo: NamedPhoto, elsewhere: Sequence[Packet], rules: Rules) -> Change:
    """What the photo's faces change in a packet, where `elsewhere` are other packets of the same photo.
    Raises MetadataError where the packet has regions of another picture."""
    known = usable_regions(packet, photo.size)
    # Where regions lie elsewhere now, only who is not in the photo at all can be told.
    present = [face.name for face in photo.faces]
    absent = tuple(name for name in rules.erase if not any(same_name(name, other) for other in present))
    own = erase(packet, absent if known is None else rules.erase, photo.faces)
    others = [erase(other, rules.erase, photo.faces) for other in elsewhere]
    left = [
        (own.packet.place, own.remaining),
        *((other.packet.place, other.names + other.remaining) for other in others),
    ]
    remarks = tuple(f"{place} still has {', '.join(names)}: look at it" for place, names in left if names)
    if known is None and own.names:
        return Change(Plan((), (), ()), packet, own.packet.data, own.names, remarks)
    if known is None:
        drawn_on, size = _sides(applied_to(packet)), _sides(photo.size)
        raise MetadataError(
            f"{packet.place}: its regions are of a picture of {drawn_on}, and {photo.source} has {size}: it "
            "was cropped or turned since"
        )
    packets = [other.packet for other in others]
    regions = [region for other in packets for region in usable_regions(other, photo.size) or ()]
    planned = plan(photo.faces, regions_of(own.packet), regions, rules)
    after = edited(own.packet, planned, photo.size, packets, rules)
    return Change(planned, packet, after, own.names, remarks)


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
        stays = name is not None and (same_name(name, face.name) or not rules.replace)
        if rules.complete and not there and same_name(name, face.name):
            stays = False
        if stays or (face.name is None and (there or named)):
            left.append(name)
            if name and face.name and not same_name(name, face.name):
                disputed.append((name, face.name))
            agreed += {region.name for region in there if region.name and same_name(region.name, face.name)}
        elif there and face.name is not None:
            rename += [(region, face.name) for region in there if not same_name(region.name, face.name)]
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
    return [region for region in regions if is_of(face.name, face.area, region)]


def _named(regions: Sequence[Region]) -> list[Region]:
    return [region for region in regions if region.name]


def _written(region: Region, known: Sequence[Region], add: Sequence[NewRegion]) -> bool:
    others = [*((other.name, other.area) for other in known), *((other.name, other.area) for other in add)]
    return any(is_of(name, area, region) for name, area in others)
