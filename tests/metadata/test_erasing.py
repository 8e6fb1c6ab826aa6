"""A name that is taken out of a packet is in none of its lists and regions; all else stays."""

from __future__ import annotations

import pytest

from facekit.metadata.areas import Area
from facekit.metadata.editing import NewRegion
from facekit.metadata.erasing import erase
from facekit.metadata.packet import Packet
from facekit.metadata.planning import NamedPhoto, Rules, change
from facekit.metadata.regions import regions_of
from metadata import samples

ADA, ELSEWHERE = Area(0.25, 0.5, 0.2, 0.3), Area(0.75, 0.5, 0.2, 0.3)


@pytest.mark.parametrize("program", samples.WITH_ADA)
def test_who_is_not_in_the_photo_is_in_no_region_keyword_or_tree_of_it(program: str) -> None:
    packet = Packet(samples.ALL[program], "a.xmp")
    done = erase(packet, ["Ada"], [NewRegion("Eve", ADA), NewRegion(None, ELSEWHERE)])
    assert done.names == ("Ada",)
    assert [region.name for region in regions_of(done.packet)] == []
    assert b"<rdf:li>Ada</rdf:li>" not in done.packet.data
    assert b"People/Ada" not in done.packet.data
    for word in (b"garden &amp; house", b"stDim:w"):
        assert (word in packet.data) == (word in done.packet.data)
    assert erase(done.packet, ["Ada"], []).packet.data == done.packet.data


@pytest.mark.parametrize("program", samples.WITH_ADA)
def test_a_name_stays_where_its_face_is(program: str) -> None:
    packet = Packet(samples.ALL[program], "a.xmp")
    assert erase(packet, ["Ada"], [NewRegion("Ada", ADA)]).packet.data == packet.data
    moved = erase(packet, ["Ada"], [NewRegion("Ada", ELSEWHERE)])
    assert regions_of(moved.packet) == []
    assert (b"<rdf:li>Ada</rdf:li>" in moved.packet.data) == (b"<rdf:li>Ada</rdf:li>" in packet.data)


def test_a_name_in_a_caption_and_in_another_packet_is_told_of() -> None:
    own = samples.packet(
        "   <dc:description><rdf:Alt><rdf:li>Ada, at home</rdf:li></rdf:Alt></dc:description>"
    )
    named = NamedPhoto("a.jpg", (200, 120), [NewRegion(None, ADA)])
    inside = [Packet(samples.DIGIKAM, "a.jpg")]
    done = change(Packet(own, "a.jpg.xmp"), named, inside, Rules(erase=("Ada",)))
    assert done.after == own
    assert done.remarks == (
        "a.jpg.xmp still has Ada: look at it",
        "a.jpg still has Ada: look at it",
    )


def test_a_photo_that_was_cropped_since_loses_who_is_not_in_it_all_the_same() -> None:
    packet = Packet(samples.DIGIKAM, "a.xmp")
    done = change(packet, NamedPhoto("a.jpg", (100, 500), [NewRegion("Eve", ADA)]), [], Rules(erase=("Ada",)))
    assert done.erased == ("Ada",)
    assert b"Ada" not in done.after
    assert b"Eve" not in done.after
