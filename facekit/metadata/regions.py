"""The regions of people that a packet has, whoever wrote it: those of the MWG and those of Microsoft.

digiKam, Lightroom, Picasa, Apple, Mylio, exiftool and others write the first, Windows Photo Gallery the
second, digiKam both. Areas of both are of the stored picture.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from facekit.errors import UsageError
from facekit.metadata import namespaces as ns
from facekit.metadata.areas import Area
from facekit.metadata.namespaces import Name
from facekit.metadata.packet import Element, Packet
from facekit.text.subject_names import subject_name

FACE = "Face"
SAME_FACE = 0.5
"""The overlap (intersection over union) from which two rectangles are of one face: that of PASCAL VOC."""
_SAME_SHAPE = 0.02
"""By so much, as a part, the proportions of two pictures may differ that show the same: sides are rounded."""


@dataclass(frozen=True, eq=False)
class Region:
    """Somebody's place in the stored picture; `name` is None where nobody has said who it is. `element` is
    the structure in the packet, and `name_field` its field of the name."""

    name: str | None
    area: Area
    element: Element
    name_field: Name


def is_of(name: str | None, area: Area, region: Region) -> bool:
    """Whether a region is of the face that is in this area. Programs draw them larger or smaller: one of the
    same name is the same also where it overlaps less."""
    if area.overlap(region.area) >= SAME_FACE:
        return True
    together = area.holds_middle(region.area) and region.area.holds_middle(area)
    return together and same_name(region.name, name)


def same_name(one: str | None, other: str | None) -> bool:
    """Whether two names are stored as one."""
    if one is None or other is None:
        return one is other
    try:
        return subject_name(one) == subject_name(other)
    except UsageError:  # what another program wrote need not be a name
        return one == other


def regions_of(packet: Packet) -> list[Region]:
    """All regions of faces in the packet, in its order; what is damaged is passed over."""
    return [*_mwg(packet), *_microsoft(packet)]


def applied_to(packet: Packet) -> tuple[float, float] | None:
    """Width and height of the stored picture when the regions of the MWG were drawn."""
    for regions in packet.properties(ns.REGIONS):
        if (dimensions := regions.field(ns.APPLIED_TO)) is not None:
            sides = [_number(dimensions.value(Name(ns.DIMENSIONS, side))) for side in ("w", "h")]
            width, height = sides
            if width and height and width > 0 and height > 0:
                return width, height
    return None


def same_shape(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether two pictures of these sizes can be one picture, once resized."""
    (width, height), (other_width, other_height) = one, other
    wide, narrow = width * other_height, other_width * height
    return abs(wide - narrow) <= _SAME_SHAPE * max(wide, narrow)


def region_list(packet: Packet) -> Element | None:
    """The structure of the MWG that has the list of regions, or can have it."""
    found = packet.properties(ns.REGIONS)
    return next(
        (each for each in found if each.field(ns.REGION_LIST) is not None), found[0] if found else None
    )


def _mwg(packet: Packet) -> Iterator[Region]:
    for regions in packet.properties(ns.REGIONS):
        if (listed := regions.field(ns.REGION_LIST)) is None:
            continue
        for item in listed.items:
            # Lightroom has always a type; some programs leave it out for people.
            if (item.value(ns.REGION_TYPE) or FACE) != FACE or (place := item.field(ns.REGION_AREA)) is None:
                continue
            if area := _area(place, applied_to(packet)):
                yield Region(item.value(ns.REGION_NAME) or None, area, item, ns.REGION_NAME)


def _area(element: Element, size: tuple[float, float] | None) -> Area | None:
    x, y, width, height = (_number(element.value(Name(ns.AREA, side))) for side in "xywh")
    if x is None or y is None or width is None or height is None:
        return None
    unit = element.value(Name(ns.AREA, "unit")) or "normalized"
    if unit == "pixel" and size:
        x, y, width, height = x / size[0], y / size[1], width / size[0], height / size[1]
    elif unit != "normalized":
        return None
    return _within(Area(x, y, width, height))


def _microsoft(packet: Packet) -> Iterator[Region]:
    for info in packet.properties(ns.MP_REGIONS):
        if (listed := info.field(ns.MP_REGION_LIST)) is None:
            continue
        for item in listed.items:
            # Left, top, width and height. People who are tagged, but nowhere in the picture, have none.
            numbers = _four(item.value(ns.MP_RECTANGLE) or "")
            if numbers is None:
                continue
            left, top, width, height = numbers
            if area := _within(Area(left + width / 2, top + height / 2, width, height)):
                yield Region(item.value(ns.MP_NAME) or None, area, item, ns.MP_NAME)


def _within(area: Area) -> Area | None:
    """The area, if it can be a face's in the picture."""
    inside = 0 <= area.x <= 1 and 0 <= area.y <= 1
    return area if inside and 0 < area.width <= 1 and 0 < area.height <= 1 else None


def _four(text: str) -> tuple[float, float, float, float] | None:
    parts = re.split(r",\s+|;|\s+", text.strip())
    numbers = [_number(part) for part in (parts if len(parts) == 4 else text.split(","))]
    if len(numbers) != 4 or None in numbers:
        return None
    left, top, width, height = (number for number in numbers if number is not None)
    return left, top, width, height


def _number(text: str | None) -> float | None:
    """A finite number; some programs write it with the comma of their user's country."""
    if text is None or len(text) > 40:
        return None
    try:
        number = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None
