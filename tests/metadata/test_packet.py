"""A packet is read with the place of everything in it; what is hostile or damaged is refused in a line."""

from __future__ import annotations

import pytest

from facekit.errors import MetadataError
from facekit.metadata import packet as module
from facekit.metadata.packet import Packet
from metadata import samples


@pytest.mark.parametrize("program", samples.ALL)
def test_every_element_lies_where_it_says(program: str) -> None:
    data = samples.ALL[program]
    elements = list(Packet(data, "a.xmp").rdf.walk())
    assert len(elements) >= 5
    for element in elements:
        whole, opening = data[element.start : element.end], data[element.start : element.inner]
        assert opening.startswith(b"<" + element.tag)
        assert opening.endswith(b">")
        assert whole.endswith(b"/>" if element.closed else b"</" + element.tag + b">")
        assert data[element.close : element.end] in (b"", b"</" + element.tag + b">")


def test_a_sign_of_greater_in_an_attribute_does_not_end_the_tag() -> None:
    data = samples.packet("   <dc:title a='>' b=\"/>\">x</dc:title>\n")
    [title] = Packet(data, "a.xmp").descriptions[0].children
    assert (data[title.inner : title.close], title.closed, title.text) == (b"x", False, "x")


_BOMB = b"<!DOCTYPE a [<!ENTITY b 'bbbbbbbbbb'><!ENTITY c '&b;&b;&b;'>]><a>&c;</a>"
_OUTSIDE = b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>"
_RDF = b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">%b</rdf:RDF>'


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is no XML"),
        (b"\0" * 100, "is no XML"),
        (samples.DIGIKAM[:700], "is no XML"),
        (samples.DIGIKAM.replace(b"Ada", b"\xff"), "is no XML"),
        (samples.DIGIKAM.decode().encode("utf-16"), "is in UTF-16"),
        (b'<?xml version="1.0" encoding="ISO-8859-1"?>' + _RDF % b"", "is in ISO-8859-1"),
        (b"<html/>", "is no XMP"),
        (_BOMB, "has a DOCTYPE"),
        (_OUTSIDE, "has a DOCTYPE"),
        (_RDF % (b"<a>" * 200 + b"</a>" * 200), "out of all proportion"),
    ],
)
def test_what_is_no_packet_is_refused_in_a_line(data: bytes, why: str) -> None:
    with pytest.raises(MetadataError, match=rf"^a\.xmp: .*{why}") as caught:
        Packet(data, "a.xmp")
    assert "\n" not in str(caught.value)


def test_a_packet_out_of_all_proportion_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_ELEMENTS", 20)
    with pytest.raises(MetadataError, match="out of all proportion"):
        Packet(_RDF % (b"<a/>" * 30), "a.xmp")
    monkeypatch.setattr(module, "MOST_BYTES", 50)
    with pytest.raises(MetadataError, match="more than the 50 bytes"):
        Packet(samples.DIGIKAM, "a.xmp")
