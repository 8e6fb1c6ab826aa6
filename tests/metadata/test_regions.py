"""Regions are read as each program writes them."""

from __future__ import annotations

import pytest

from facekit.metadata.areas import Area
from facekit.metadata.packet import Packet
from facekit.metadata.regions import applied_to, regions_of, same_shape
from metadata import samples

ADA = Area(0.25, 0.5, 0.2, 0.3)


@pytest.mark.parametrize("program", samples.WITH_ADA)
def test_the_same_person_is_read_from_what_each_program_writes(program: str) -> None:
    regions = regions_of(Packet(samples.ALL[program], "a.xmp"))
    assert [region.name for region in regions] == ["Ada"] * (2 if program == "digikam" else 1)
    for region in regions:
        area = region.area
        assert (area.x, area.y, area.width, area.height) == pytest.approx((0.25, 0.5, 0.2, 0.3))


@pytest.mark.parametrize("program", sorted(set(samples.WITH_ADA) - {"microsoft"}))
def test_the_size_that_regions_were_drawn_on_is_read(program: str) -> None:
    assert applied_to(Packet(samples.ALL[program], "a.xmp")) == (200, 120)


def test_a_face_without_a_name_is_one_and_a_focus_is_none() -> None:
    [face] = regions_of(Packet(samples.APPLE, "a.xmp"))
    assert (face.name, face.area) == (None, ADA)
    assert regions_of(Packet(samples.DARKTABLE, "a.xmp")) == []


@pytest.mark.parametrize("wrong", ["", "nan", "1e999", "x", "-0.3", "7", "0.2.3"])
def test_a_region_with_a_damaged_area_is_passed_over(wrong: str) -> None:
    data = samples.LIGHTROOM.replace(b'stArea:w="0.20000"', f'stArea:w="{wrong}"'.encode())
    assert regions_of(Packet(data, "a.xmp")) == []
    data = samples.MICROSOFT.replace(b"0.15, 0.35, 0.2, 0.3", f"0.15, 0.35, {wrong}".encode())
    assert regions_of(Packet(data, "a.xmp")) == []


def test_a_picture_that_was_resized_has_the_same_shape_and_a_cropped_or_turned_one_has_not() -> None:
    assert same_shape((4000, 3000), (1333, 1000))
    assert not same_shape((4000, 3000), (3000, 4000))
    assert not same_shape((4000, 3000), (3000, 3000))
