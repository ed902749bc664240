"""Crop boxes and focal points as photo metadata: XMP sidecars with IPTC image regions."""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

from ..manifest.rows import ImageRow
from ..manifest.store import Manifest
from ..sources.keys import safe_key
from ..storage import below, common_folder, join
from .base import ExportFormat, ExportOptions, ExportResult
from .rows import box_of, rows_with_duplicates, size_of, source_uris

ROLE_VOCABULARY = "http://cv.iptc.org/newscodes/imageregionrole/"
"""Prefix of IPTC's terms for what a region of a photo is for."""
PACKET = """\
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


def xmp_packet(row: ImageRow) -> str:
    """Return an XMP packet with a source's crop boxes and focal point as IPTC image regions.

    Coordinates are 0..1 of the photo's sides, as it is shown.
    """
    size, regions = size_of(row), []
    crops = ((each["aspect"], box_of(each)) for each in row["variants"] if each["x0"] is not None)
    for aspect, box in dict.fromkeys(crops):  # all variants of a preset have one crop
        boundary: dict[str, str | float] = {
            "rbShape": "rectangle",
            "rbX": box.x0 / size.width,
            "rbY": box.y0 / size.height,
            "rbW": box.size.width / size.width,
            "rbH": box.size.height / size.height,
        }
        regions.append(_region(aspect, "cropping", boundary))
    x, y = row["focal_x"], row["focal_y"]
    if x is not None and y is not None:
        # A circle without a radius is the standard's way to write a point.
        point: dict[str, str | float] = {"rbShape": "circle", "rbX": x, "rbY": y, "rbRx": 0.0}
        regions.append(_region("focal", "mainSubjectArea", point))
    return PACKET.format(regions="\n".join(regions))


def write(manifest: Manifest, target: str, options: ExportOptions) -> ExportResult:
    """Write a sidecar for each source into the folder ``target``, in the sources' subfolders."""
    root = common_folder(source_uris(manifest))
    written = []
    for row in rows_with_duplicates(manifest):
        uri = join(target, safe_key(f"{below(row['source_uri'], root)}.xmp"))
        manifest.storage.write(uri, xmp_packet(row).encode(), "application/rdf+xml")
        written.append(uri)
    return ExportResult(written)


def _region(name: str, role: str, boundary: Mapping[str, str | float]) -> str:
    lines = [
        f"       <Iptc4xmpExt:{key}>"
        f"{value if isinstance(value, str) else f'{value:.6g}'}</Iptc4xmpExt:{key}>"
        for key, value in boundary.items()
    ]
    escaped = quoteattr(name)[1:-1]
    return REGION.format(name=escaped, role=ROLE_VOCABULARY + role, boundary="\n".join(lines))


FORMAT = ExportFormat(frozenset(), write)
