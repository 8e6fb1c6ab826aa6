"""The names of XMP that stand for people and where they are, and who defined them."""

from __future__ import annotations

from typing import NamedTuple

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XML = "http://www.w3.org/XML/1998/namespace"
DC = "http://purl.org/dc/elements/1.1/"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
# Metadata Working Group, Guidelines for Handling Image Metadata 2.0 (2010), section 5.9.
MWG = "http://www.metadataworkinggroup.com/schemas/regions/"
AREA = "http://ns.adobe.com/xmp/sType/Area#"
DIMENSIONS = "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
# Microsoft, People Tagging Overview (Windows Imaging Component).
MP = "http://ns.microsoft.com/photo/1.2/"
MP_INFO = "http://ns.microsoft.com/photo/1.2/t/RegionInfo#"
MP_REGION = "http://ns.microsoft.com/photo/1.2/t/Region#"
DIGIKAM = "http://www.digikam.org/ns/1.0/"
LIGHTROOM = "http://ns.adobe.com/lightroom/1.0/"
MICROSOFT = "http://ns.microsoft.com/photo/1.0/"
MEDIA_PRO = "http://ns.iview-multimedia.com/mediapro/1.0/"

PREFIXES = {
    RDF: "rdf",
    DC: "dc",
    IPTC: "Iptc4xmpExt",
    MWG: "mwg-rs",
    AREA: "stArea",
    DIMENSIONS: "stDim",
}
"""The usual prefix of each namespace that is written."""


class Name(NamedTuple):
    """The name of an element or attribute, whatever its prefix is."""

    namespace: str
    local: str

    @classmethod
    def of(cls, name: str) -> Name:
        """From what expat calls it."""
        namespace, _, local = name.rpartition(" ")
        return cls(namespace, local)


REGIONS = Name(MWG, "Regions")
REGION_LIST = Name(MWG, "RegionList")
APPLIED_TO = Name(MWG, "AppliedToDimensions")
REGION_NAME = Name(MWG, "Name")
REGION_TYPE = Name(MWG, "Type")
REGION_AREA = Name(MWG, "Area")
MP_REGIONS = Name(MP, "RegionInfo")
MP_REGION_LIST = Name(MP_INFO, "Regions")
MP_NAME = Name(MP_REGION, "PersonDisplayName")
MP_RECTANGLE = Name(MP_REGION, "Rectangle")
SUBJECT = Name(DC, "subject")
PERSON_IN_IMAGE = Name(IPTC, "PersonInImage")
# Where programs keep keywords as ways from the root of a tree, `People/Ada` or `People|Ada`.
TREES = (
    Name(DIGIKAM, "TagsList"),
    Name(LIGHTROOM, "hierarchicalSubject"),
    Name(MICROSOFT, "LastKeywordXMP"),
    Name(MEDIA_PRO, "CatalogSets"),
)
