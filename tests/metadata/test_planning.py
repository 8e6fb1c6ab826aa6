"""What is written beside what others wrote: nothing of theirs is lost, and nothing is written twice."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facekit.errors import MetadataError
from facekit.metadata.areas import Area
from facekit.metadata.editing import EMPTY, NewRegion
from facekit.metadata.packet import Packet
from facekit.metadata.planning import Rules, edited, plan, usable_regions
from facekit.metadata.regions import regions_of
from metadata import samples

SIZE = (200, 120)
ADA, BEN = Area(0.26, 0.5, 0.2, 0.28), Area(0.75, 0.5, 0.2, 0.3)
ODD = "Ben & <Jo> \"x\" 'y' \u202eé"


def written(
    data: bytes, faces: list[NewRegion], rules: Rules | None = None, inside: bytes | None = None
) -> bytes:
    packet, own = Packet(data, "a.xmp"), [Packet(inside, "a.jpg")] if inside else []
    rules = rules or Rules()
    planned = plan(
        faces, regions_of(packet), [region for other in own for region in regions_of(other)], rules
    )
    return edited(packet, planned, SIZE, own, rules)


def names(data: bytes) -> list[str | None]:
    return [region.name for region in regions_of(Packet(data, "a.xmp"))]


def is_kept(before: bytes, after: bytes) -> bool:
    """Whether `after` is `before` with bytes put in between; `/>` may have become an opening tag."""
    place = 0
    for part in re.split(rb"(?=[<>])|\s+|/(?=>)", before):
        place = after.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return True


@pytest.mark.parametrize("program", [*samples.ALL, "empty"])
def test_a_face_is_added_and_all_that_was_there_stays(program: str) -> None:
    before = samples.ALL.get(program, EMPTY)
    after = written(before, [NewRegion(ODD, BEN)])
    assert after != before
    assert is_kept(before, after)
    added = [region for region in regions_of(Packet(after, "a.xmp")) if region.name == ODD]
    assert [region.area for region in added] == [BEN]
    assert written(after, [NewRegion(ODD, BEN)]) == after
    assert len(names(after)) == len(names(before)) + 1
    for property in ("dc:subject", "Iptc4xmpExt:PersonInImage"):
        assert after.count(f"<{property}".encode()) == 1


@pytest.mark.parametrize("program", samples.WITH_ADA)
def test_a_named_region_is_left_alone_unless_it_is_to_be_replaced(program: str) -> None:
    before = samples.ALL[program]
    for face in (NewRegion("Eve", ADA), NewRegion(None, ADA)):
        assert written(before, [face]) == before
        assert written(before, [face], Rules(unknown=True)) == before
    after = written(before, [NewRegion("Eve", ADA)], Rules(replace=True))
    assert set(names(after)) == {"Eve"}
    assert len(names(after)) == len(names(before))
    assert b"<rdf:li>Ada</rdf:li>" not in after
    for word in (b"garden &amp; house", b"two&#xA;lines", b"A day&#10;out", b"People/Ada", b"AlreadyApplied"):
        assert (word in before) == (word in after)
    assert written(after, [NewRegion("Eve", ADA)], Rules(replace=True)) == after


def test_a_face_that_nobody_had_named_gets_its_name_and_keeps_what_a_telephone_wrote() -> None:
    after = written(samples.APPLE, [NewRegion("Ada", ADA)])
    assert names(after) == ["Ada"]
    assert is_kept(samples.APPLE, after)
    for empty in (b"<mwg-rs:Name/>", b"<mwg-rs:Name></mwg-rs:Name>"):
        data = samples.EXIFTOOL.replace(b"<mwg-rs:Name>Ada</mwg-rs:Name>", empty)
        assert names(data) == [None]
        assert names(written(data, [NewRegion("Ada", ADA)])) == ["Ada"]
    data = samples.LIGHTROOM.replace(b'mwg-rs:Name="Ada"', b'mwg-rs:Name=""')
    after = written(data, [NewRegion(ODD, ADA)])
    assert names(after) == [ODD]
    assert b"mwg-rs:Rotation" in after


def test_somebody_unknown_has_a_region_without_a_name_if_that_is_wanted() -> None:
    assert written(EMPTY, [NewRegion(None, ADA)]) == EMPTY
    after = written(EMPTY, [NewRegion(None, ADA)], Rules(unknown=True))
    assert names(after) == [None]
    assert b"dc:subject>" not in after
    assert written(after, [NewRegion(None, ADA)], Rules(unknown=True)) == after
    assert names(written(after, [NewRegion("Ada", ADA)])) == ["Ada"]


def test_the_same_person_is_not_written_twice_where_another_program_draws_larger() -> None:
    data = samples.EXIFTOOL.replace(b"<stArea:w>0.2<", b"<stArea:w>0.4<").replace(
        b"<stArea:h>0.3<", b"<stArea:h>0.6<"
    )
    assert names(written(data, [NewRegion("Ada", ADA)])) == ["Ada"]
    assert names(written(data, [NewRegion("Eve", ADA)])) == ["Ada", "Eve"]


def test_lists_of_names_can_be_switched_off_and_later_be_had() -> None:
    face = [NewRegion("Ada", ADA)]
    bare = written(EMPTY, face, Rules(keywords=False, person_in_image=False))
    assert b"<dc:subject>" not in bare
    assert b"<Iptc4xmpExt:PersonInImage>" not in bare
    keywords = written(bare, face, Rules(person_in_image=False))
    assert b"<dc:subject>" in keywords
    assert b"<Iptc4xmpExt:PersonInImage>" not in keywords
    assert b"<Iptc4xmpExt:PersonInImage>" in written(keywords, face)


def test_a_new_sidecar_has_the_people_and_keywords_of_the_photo_itself() -> None:
    after = written(EMPTY, [NewRegion("Ben", BEN), NewRegion("Eve", ADA)], inside=samples.DIGIKAM)
    assert sorted(map(str, names(after))) == ["Ada", "Ben"]
    assert b"garden &amp; house" in after
    assert written(after, [NewRegion("Ben", BEN), NewRegion("Eve", ADA)], inside=samples.DIGIKAM) == after
    assert written(EMPTY, [NewRegion("Ada", ADA)], inside=samples.DIGIKAM) == EMPTY
    replaced = written(EMPTY, [NewRegion("Eve", ADA)], Rules(replace=True), inside=samples.DIGIKAM)
    assert names(replaced) == ["Eve"]
    assert b"garden &amp; house" in replaced
    assert b"Ada" not in replaced


def test_regions_of_a_picture_of_other_proportions_are_not_used() -> None:
    packet = Packet(samples.DIGIKAM, "a.xmp")
    assert usable_regions(packet, (100, 60)) is not None
    assert usable_regions(packet, (120, 200)) is None


@given(
    st.sampled_from(sorted(samples.ALL)),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 30), st.binary(max_size=6)), min_size=1, max_size=3),
)
@settings(max_examples=150)
def test_a_packet_damaged_anyhow_is_refused_or_keeps_what_it_has(
    program: str, damages: list[tuple[float, int, bytes]]
) -> None:
    data = samples.ALL[program]
    for where, length, instead in damages:
        place = int(where * len(data))
        data = data[:place] + instead + data[place + length :]
    try:
        after = written(data, [NewRegion("Ada", ADA), NewRegion("Ben", BEN)])
    except MetadataError:
        return
    assert is_kept(data, after)
    assert written(after, [NewRegion("Ada", ADA), NewRegion("Ben", BEN)]) == after


def test_a_name_that_xml_cannot_hold_is_not_written() -> None:
    faces = [NewRegion("A\x00da", ADA), NewRegion("B\ud800", BEN)]
    planned = plan(faces, [], [], Rules())
    assert planned.unwritable == ("A\x00da", "B\ud800")
    assert written(EMPTY, faces) == EMPTY


def test_a_packet_without_a_place_for_properties_is_refused() -> None:
    data = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>'
    with pytest.raises(MetadataError, match="no rdf:Description"):
        written(data, [NewRegion("Ada", ADA)])
