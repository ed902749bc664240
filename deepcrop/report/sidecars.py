"""Crop boxes and focal points as photo metadata: XMP sidecars with IPTC image regions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import quoteattr

Row = Mapping[str, Any]

ROLE = "http://cv.iptc.org/newscodes/imageregionrole/"
"""IPTC's vocabulary of what a region of a photo is for."""
XMP = """\
<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
   xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
   xmlns:xmp="http://ns.adobe.com/xap/1.0/">
  <rdf:Description rdf:about="">
   <Iptc4xmpExt:ImageRegion>
    <rdf:Bag>
{regions}
    </rdf:Bag>
   </Iptc4xmpExt:ImageRegion>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>
"""
REGION = """\
     <rdf:li rdf:parseType="Resource">
      <Iptc4xmpExt:rId>{name}</Iptc4xmpExt:rId>
      <Iptc4xmpExt:rRole>
       <rdf:Bag>
        <rdf:li rdf:parseType="Resource">
         <xmp:Identifier><rdf:Bag><rdf:li>{role}</rdf:li></rdf:Bag></xmp:Identifier>
        </rdf:li>
       </rdf:Bag>
      </Iptc4xmpExt:rRole>
      <Iptc4xmpExt:RegionBoundary rdf:parseType="Resource">
       <Iptc4xmpExt:rbUnit>relative</Iptc4xmpExt:rbUnit>
{boundary}
      </Iptc4xmpExt:RegionBoundary>
     </rdf:li>"""


def xmp(row: Row) -> str:
    """Return an XMP packet with a source's crops, and its focal point, as IPTC image regions.

    Coordinates are relative to the photo as it is shown.
    """
    regions = [
        _region(
            variant["aspect"],
            "cropping",
            rbShape="rectangle",
            rbX=variant["x0"] / row["width"],
            rbY=variant["y0"] / row["height"],
            rbW=(variant["x1"] - variant["x0"]) / row["width"],
            rbH=(variant["y1"] - variant["y0"]) / row["height"],
        )
        for variant in row["variants"]
        if variant["x0"] is not None
    ]
    if row["focal_x"] is not None:
        # A circle without a radius is the standard's way to write a point.
        focal = {"rbShape": "circle", "rbX": row["focal_x"], "rbY": row["focal_y"], "rbRx": 0.0}
        regions.append(_region("focal", "mainSubjectArea", **focal))
    return XMP.format(regions="\n".join(regions))


def _region(name: str, role: str, **boundary: str | float) -> str:
    lines = [
        f"       <Iptc4xmpExt:{key}>"
        f"{value if isinstance(value, str) else f'{value:.6g}'}</Iptc4xmpExt:{key}>"
        for key, value in boundary.items()
    ]
    escaped = quoteattr(name)[1:-1]
    return REGION.format(name=escaped, role=ROLE + role, boundary="\n".join(lines))
