"""Bytes to pixels and back: probe, decode at a scale, orient, colour, cut, encode.

```python
>>> picture = decode(data, at_least=Size(800, 600))       # oriented, sRGB, uint8
>>> square = render(picture, Box(0, 0, 1500, 1500), Size(640, 640))
>>> jpeg = encode(square, "jpeg", quality=88)
```

Whatever the bytes are, only `NotAnImage`, `Corrupt` and `TooLarge` come out of `probe` and
`decode`, and no warning does. Formats in: JPEG, PNG, WebP, AVIF, TIFF, GIF, BMP; of an animation,
its first frame. Pixels are as shown (EXIF orientation applied), and boxes count source pixels as
shown.
"""

from .colour import Colour
from .colour_description import ExifColour
from .decode import Picture, decode, size_to_decode
from .encode import OUTPUT_FORMATS, encode, output_format
from .framing import Framing
from .header import MAX_PIXELS, Probe, probe
from .metadata import Metadata, SourceMetadata
from .public import as_array, as_pil, open
from .render import Cuts, render, thumbnail

__all__ = [
    "MAX_PIXELS",
    "OUTPUT_FORMATS",
    "Colour",
    "Cuts",
    "ExifColour",
    "Framing",
    "Metadata",
    "Picture",
    "Probe",
    "SourceMetadata",
    "as_array",
    "as_pil",
    "decode",
    "encode",
    "open",
    "output_format",
    "probe",
    "render",
    "size_to_decode",
    "thumbnail",
]
