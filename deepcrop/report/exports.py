"""Crop boxes and focal points for other programs: style sheets, image servers, photo metadata.

A server that cuts on the fly needs no variants: it needs to know where to cut. Each export takes
the rows of a manifest, as dictionaries, and gives text.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from ..storage import quoted_below

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


def css(rows: Iterable[Row], root: str) -> Iterator[str]:
    """Yield a rule for each source with a focal point, so that ``object-fit: cover`` keeps it.

    Args:
        rows: of the images manifest.
        root: what the URIs begin with; a rule holds for images whose address ends in the rest.
    """
    for row in rows:
        if row["focal_x"] is not None:
            name = quoted_below(row["source_uri"], root)
            position = f"{100 * row['focal_x']:.4g}% {100 * row['focal_y']:.4g}%"
            yield f'img[src$="{name}"] {{ object-position: {position}; }}\n'


def thumbor(row: Row, variant: Row) -> str:
    """Return the path of a thumbor URL that cuts a variant (unsigned; a server may want a hash)."""
    box = "{x0}x{y0}:{x1}x{y1}".format(**variant)
    size = f"{variant['width']}x{variant['height']}"
    return f"/unsafe/{box}/{size}/{quote(row['source_uri'], safe='')}"


def imgproxy(row: Row, variant: Row) -> str:
    """Return the path of an imgproxy URL that cuts a variant (unsigned)."""
    width, height = variant["x1"] - variant["x0"], variant["y1"] - variant["y0"]
    crop = f"crop:{width}:{height}:nowe:{variant['x0']}:{variant['y0']}"
    size = f"rs:fit:{variant['width']}:{variant['height']}"
    return f"/insecure/{crop}/{size}/plain/{quote(row['source_uri'], safe='')}"


URLS = {"thumbor": thumbor, "imgproxy": imgproxy}


def urls(rows: Iterable[Row], server: str) -> Iterator[str]:
    """Yield the lines of a CSV table, ``source_uri, aspect, url``: a line each crop.

    Args:
        rows: of the images manifest.
        server: one of :data:`URLS`.
    """
    yield _line("source_uri", "aspect", "url")
    for row in rows:
        for variant in row["variants"]:
            if variant["x0"] is not None:
                yield _line(row["source_uri"], variant["aspect"], URLS[server](row, variant))


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


def _line(*cells: str) -> str:
    sink = io.StringIO()
    csv.writer(sink).writerow(cells)
    return sink.getvalue()
