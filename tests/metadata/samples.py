"""Small packets, as programs write them, made for the tests."""

from __future__ import annotations

_NAMESPACES = """
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/"
    xmlns:digiKam="http://www.digikam.org/ns/1.0/"
    xmlns:darktable="http://darktable.sf.net/"
    xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
    xmlns:acdsee="http://ns.acdsee.com/iptc/1.0/"
    xmlns:apple-fi="http://ns.apple.com/faceinfo/1.0/"
    xmlns:MP="http://ns.microsoft.com/photo/1.2/"
    xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#"
    xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#"
    xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
    xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#"
    xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#\""""


def packet(properties: str, *, attributes: str = "", rdf: str = "rdf") -> bytes:
    """A packet with these properties of the photo."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="XMP Core 6.0.0">\n'
        f' <{rdf}:RDF xmlns:{rdf}="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
        f'  <{rdf}:Description {rdf}:about=""{_NAMESPACES}{attributes}>\n{properties}'
        f"  </{rdf}:Description>\n </{rdf}:RDF>\n</x:xmpmeta>\n"
        f'{" " * 80}\n<?xpacket end="w"?>'
    ).encode()


# All but the last two: Ada at the left, middle (0.25, 0.5), 0.2 wide and 0.3 high.
DIGIKAM = packet(
    """   <digiKam:TagsList>
    <rdf:Seq>
     <rdf:li>People/Ada</rdf:li>
    </rdf:Seq>
   </digiKam:TagsList>
   <dc:subject>
    <rdf:Bag>
     <rdf:li>Ada</rdf:li>
     <rdf:li>garden &amp; house</rdf:li>
    </rdf:Bag>
   </dc:subject>
   <MP:RegionInfo rdf:parseType="Resource">
    <MPRI:Regions>
     <rdf:Bag>
      <rdf:li
       MPReg:PersonDisplayName="Ada"
       MPReg:Rectangle="0.15, 0.35, 0.2, 0.3"/>
     </rdf:Bag>
    </MPRI:Regions>
   </MP:RegionInfo>
   <mwg-rs:Regions rdf:parseType="Resource">
    <mwg-rs:AppliedToDimensions
     stDim:w="200"
     stDim:h="120"
     stDim:unit="pixel"/>
    <mwg-rs:RegionList>
     <rdf:Bag>
      <rdf:li>
       <rdf:Description
        mwg-rs:Name="Ada"
        mwg-rs:Type="Face">
       <mwg-rs:Area
        stArea:x="0.25"
        stArea:y="0.5"
        stArea:w="0.2"
        stArea:h="0.3"
        stArea:unit="normalized"/>
       </rdf:Description>
      </rdf:li>
     </rdf:Bag>
    </mwg-rs:RegionList>
   </mwg-rs:Regions>
"""
)
LIGHTROOM = packet(
    """   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">A day&#10;out</rdf:li></rdf:Alt></dc:title>
   <mwg-rs:Regions rdf:parseType="Resource">
    <mwg-rs:AppliedToDimensions stDim:w="200" stDim:h="120" stDim:unit="pixel"/>
    <mwg-rs:RegionList>
     <rdf:Bag>
      <rdf:li>
       <rdf:Description mwg-rs:Rotation="-0.02101" mwg-rs:Name="Ada" mwg-rs:Type="Face">
        <mwg-rs:Area stArea:h="0.30000" stArea:w="0.20000" stArea:x="0.25000" stArea:y="0.50000"/>
        <mwg-rs:Extensions crs:AlreadyApplied="True"/>
       </rdf:Description>
      </rdf:li>
     </rdf:Bag>
    </mwg-rs:RegionList>
   </mwg-rs:Regions>
""",
    attributes='\n   crs:Exposure2012="+0.35"\n   tiff:ImageDescription="two&#xA;lines"',
)
EXIFTOOL = packet(
    """   <mwg-rs:Regions rdf:parseType='Resource'>
    <mwg-rs:AppliedToDimensions rdf:parseType='Resource'>
     <stDim:h>120</stDim:h>
     <stDim:unit>pixel</stDim:unit>
     <stDim:w>200</stDim:w>
    </mwg-rs:AppliedToDimensions>
    <mwg-rs:RegionList>
     <rdf:Bag>
      <rdf:li rdf:parseType='Resource'>
       <mwg-rs:Area rdf:parseType='Resource'>
        <stArea:h>0.3</stArea:h>
        <stArea:unit>normalized</stArea:unit>
        <stArea:w>0.2</stArea:w>
        <stArea:x>0.25</stArea:x>
        <stArea:y>0.5</stArea:y>
       </mwg-rs:Area>
       <mwg-rs:Name>Ada</mwg-rs:Name>
       <mwg-rs:Type>Face</mwg-rs:Type>
      </rdf:li>
     </rdf:Bag>
    </mwg-rs:RegionList>
   </mwg-rs:Regions>
"""
)
PICASA = packet(
    """   <mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="200" stDim:h="120"
 stDim:unit="pixel"/><mwg-rs:RegionList><rdf:Bag><rdf:li rdf:parseType="Resource">
<mwg-rs:Name>Ada</mwg-rs:Name><mwg-rs:Type>Face</mwg-rs:Type><mwg-rs:Area
 stArea:x="0.25" stArea:y="0.5" stArea:w="0.2" stArea:h="0.3" stArea:unit="normalized"/></rdf:li></rdf:Bag>
</mwg-rs:RegionList></mwg-rs:Regions>
"""
)
NESTED = packet(
    """   <mwg-rs:Regions>
    <rdf:Description>
     <mwg-rs:AppliedToDimensions>
      <rdf:Description><stDim:w>200</stDim:w><stDim:h>120</stDim:h><stDim:unit>pixel</stDim:unit></rdf:Description>
     </mwg-rs:AppliedToDimensions>
     <mwg-rs:RegionList>
      <rdf:Bag>
       <rdf:li>
        <rdf:Description>
         <mwg-rs:Name>Ada</mwg-rs:Name>
         <mwg-rs:Area>
          <rdf:Description stArea:x="0,25" stArea:y="0,5" stArea:w="0,2" stArea:h="0,3"/>
         </mwg-rs:Area>
        </rdf:Description>
       </rdf:li>
      </rdf:Bag>
     </mwg-rs:RegionList>
    </rdf:Description>
   </mwg-rs:Regions>
"""
)
MICROSOFT = packet(
    """   <MP:RegionInfo>
    <rdf:Description>
     <MPRI:Regions>
      <rdf:Bag>
       <rdf:li>
        <rdf:Description>
         <MPReg:Rectangle>0.15, 0.35, 0.2, 0.3</MPReg:Rectangle>
         <MPReg:PersonDisplayName>Ada</MPReg:PersonDisplayName>
         <MPReg:PersonEmailDigest>0123456789ABCDEF</MPReg:PersonEmailDigest>
        </rdf:Description>
       </rdf:li>
       <rdf:li>
        <rdf:Description><MPReg:PersonDisplayName>Not there</MPReg:PersonDisplayName></rdf:Description>
       </rdf:li>
      </rdf:Bag>
     </MPRI:Regions>
    </rdf:Description>
   </MP:RegionInfo>
"""
)
PIXELS = packet(
    """   <mwg-rs:Regions rdf:parseType="Resource">
    <mwg-rs:AppliedToDimensions stDim:w="200" stDim:h="120" stDim:unit="pixel"/>
    <mwg-rs:RegionList><rdf:Bag><rdf:li><rdf:Description mwg-rs:Type="Face" mwg-rs:Name="Ada">
     <mwg-rs:Area stArea:x="50" stArea:y="60" stArea:w="40" stArea:h="36" stArea:unit="pixel"/>
    </rdf:Description></rdf:li>
    </rdf:Bag></mwg-rs:RegionList>
   </mwg-rs:Regions>
"""
)
OTHER_PREFIXES = (
    EXIFTOOL.replace(b"rdf:", b"r:")
    .replace(b"xmlns:rdf", b"xmlns:r")
    .replace(b"mwg-rs:", b"reg:")
    .replace(b"xmlns:mwg-rs", b"xmlns:reg")
    .replace(b"stArea", b"a")
)
# A telephone: a face that nobody has named, and where it was focused.
APPLE = packet(
    """   <mwg-rs:Regions rdf:parseType="Resource">
    <mwg-rs:AppliedToDimensions rdf:parseType="Resource">
     <stDim:h>120</stDim:h><stDim:w>200</stDim:w><stDim:unit>pixel</stDim:unit>
    </mwg-rs:AppliedToDimensions>
    <mwg-rs:RegionList>
     <rdf:Seq>
      <rdf:li rdf:parseType="Resource">
       <mwg-rs:Area rdf:parseType="Resource">
        <stArea:y>0.5</stArea:y><stArea:w>0.2</stArea:w><stArea:x>0.25</stArea:x><stArea:h>0.3</stArea:h>
        <stArea:unit>normalized</stArea:unit>
       </mwg-rs:Area>
       <mwg-rs:Type>Face</mwg-rs:Type>
       <mwg-rs:Extensions rdf:parseType="Resource">
        <apple-fi:AngleInfoYaw>315</apple-fi:AngleInfoYaw>
        <apple-fi:ConfidenceLevel>366</apple-fi:ConfidenceLevel>
       </mwg-rs:Extensions>
      </rdf:li>
      <rdf:li rdf:parseType="Resource">
       <mwg-rs:Area rdf:parseType="Resource">
        <stArea:y>0.5</stArea:y><stArea:w>0.2</stArea:w><stArea:x>0.25</stArea:x><stArea:h>0.3</stArea:h>
       </mwg-rs:Area>
       <mwg-rs:Type>Focus</mwg-rs:Type>
      </rdf:li>
     </rdf:Seq>
    </mwg-rs:RegionList>
   </mwg-rs:Regions>
"""
)
# darktable writes no regions, and its own history.
DARKTABLE = packet(
    """   <darktable:history>
    <rdf:Seq>
     <rdf:li
      darktable:num="0"
      darktable:operation="exposure"
      darktable:params="gz04eJxjYGBgYAFiCQYYOOHEgAYY0QVwggZ7CB6pfNoAAE4gGQg="/>
    </rdf:Seq>
   </darktable:history>
""",
    attributes='\n   darktable:xmp_version="5"\n   xmp:Rating="3"',
)

WITH_ADA = {
    "digikam": DIGIKAM,
    "lightroom": LIGHTROOM,
    "exiftool": EXIFTOOL,
    "picasa": PICASA,
    "nested": NESTED,
    "microsoft": MICROSOFT,
    "pixels": PIXELS,
    "other prefixes": OTHER_PREFIXES,
}
ALL = {**WITH_ADA, "apple": APPLE, "darktable": DARKTABLE}
