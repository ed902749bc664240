"""Decode image files to pixels, cut and resize them, and encode the result.

```python
>>> picture = decode(data, at_least=Size(800, 600))       # oriented, sRGB, uint8
>>> square = render(picture, Box(0, 0, 1500, 1500), Size(640, 640))
>>> jpeg = encode(square, "jpeg", quality=88)
```

For any input, `probe` and `decode` raise only `NotAnImage`, `Corrupt`, `Unsupported` and
`TooLarge`, and never emit a warning. Pixels are as shown (EXIF orientation applied), and boxes are
in source pixels as shown. `Picture.notes` lists what had to be chosen or dropped to read the file.

======  ==========================================================================================
format  what is read
======  ==========================================================================================
JPEG    8-bit DCT, Huffman or arithmetic coding, grey, RGB, CMYK; 12 bits, lossless and JPEG-LS in
        grey and RGB. Scaled decoding only for what libjpeg-turbo documents (`jpeg.Frame.scalable`).
PNG     all kinds; transparent colours are compared at the file's depth; the first frame of APNG.
WebP    all kinds; the first frame of an animation, on a transparent canvas.
GIF     all kinds; the first frame of an animation, on a transparent canvas.
AVIF    8, 10 and 12 bits; the first frame of a sequence.
TIFF    TIFF and BigTIFF: strips and tiles, chunky and planes, both byte orders; 1 to 64 bits,
        signed, unsigned and floats; grey (either zero), RGB, palette, CMYK, YCbCr, L*a*b*, extra
        samples and both kinds of alpha; LZW, Deflate, PackBits, LZMA, Zstandard, fax and JPEG. The
        first page that isn't a thumbnail.
BMP     what Pillow reads.
HEIF    what libheif reads: HEIC of 8, 10 and 12 bits; the primary image. Extra ``heif``.
JXL     all kinds but CMYK; the first frame of an animation. Extra ``jxl`` for lossless files with
        an ICC profile of their own.
PSD     the flattened image of PSD and PSB, 1 to 32 bits, with its transparency.
raw     the largest preview that the camera embedded. Extra ``raw``.
======  ==========================================================================================

`Unsupported` means that the file may be intact but is of a kind outside this table, such as camera
raw inside TIFF, hierarchical JPEG or samples of mixed types: the message names the kind. `Corrupt`
means that the file is damaged.
"""

from .ceiling import LOWEST_QUALITY, encode_below
from .colour.conversion import Colour
from .colour.description import ExifColour
from .decode import GAIN_MAP_DROPPED, Hdr, decode, shrink_for, size_to_decode
from .encode import (
    DEFAULT_QUALITY,
    LONGEST_SIDE,
    OUTPUT_FORMATS,
    encode,
    flattens,
    output_format,
)
from .framing import Framing
from .gain_maps.model import GainMap
from .header import MAX_PIXELS, probe
from .interop import as_array, as_pil, open
from .metadata.blocks import Metadata, SourceMetadata
from .opened import Probe
from .picture import Picture
from .pyramid import Pyramid
from .render import Cuts, render, thumbnail
from .settings import (
    DEFAULT_SETTINGS,
    LOSSLESS_FORMATS,
    Chroma,
    EncoderSettings,
)

__all__ = [
    "DEFAULT_QUALITY",
    "DEFAULT_SETTINGS",
    "GAIN_MAP_DROPPED",
    "LONGEST_SIDE",
    "LOSSLESS_FORMATS",
    "LOWEST_QUALITY",
    "MAX_PIXELS",
    "OUTPUT_FORMATS",
    "Chroma",
    "Colour",
    "Cuts",
    "EncoderSettings",
    "ExifColour",
    "Framing",
    "GainMap",
    "Hdr",
    "Metadata",
    "Picture",
    "Probe",
    "Pyramid",
    "SourceMetadata",
    "as_array",
    "as_pil",
    "decode",
    "encode",
    "encode_below",
    "flattens",
    "open",
    "output_format",
    "probe",
    "render",
    "shrink_for",
    "size_to_decode",
    "thumbnail",
]
