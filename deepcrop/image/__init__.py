"""Bytes to pixels and back: probe, decode at a scale, orient, colour, cut, encode.

```python
>>> picture = decode(data, at_least=Size(800, 600))       # oriented, sRGB, uint8
>>> square = render(picture, Box(0, 0, 1500, 1500), Size(640, 640))
>>> jpeg = encode(square, "jpeg", quality=88)
```

Whatever the bytes are, only `NotAnImage`, `Corrupt`, `Unsupported` and `TooLarge` come out of
`probe` and `decode`, and no warning does. Pixels are as shown (EXIF orientation applied), and boxes
count source pixels as shown. What had to be chosen or given up is in `Picture.notes`.

======  ==========================================================================================
format  what is read
======  ==========================================================================================
JPEG    8-bit DCT, Huffman or arithmetic coding, grey, RGB, CMYK; 12 bits, lossless and JPEG-LS in
        grey and RGB. Scaled decoding only for what libjpeg-turbo documents (`jpeg.Frame.scalable`).
PNG     all of it, transparent colours compared at the file's depth; of APNG, the first frame.
WebP    all of it; of an animation, the first frame on a transparent canvas. So for GIF.
AVIF    8, 10 and 12 bits; of a sequence, the first frame.
TIFF    TIFF and BigTIFF: strips and tiles, chunky and planes, both byte orders; 1 to 64 bits,
        signed, unsigned and floats; grey (either zero), RGB, palette, CMYK, YCbCr, L*a*b*, extra
        samples and both kinds of alpha; LZW, Deflate, PackBits, LZMA, Zstandard, fax and JPEG. The
        first page that isn't a thumbnail.
BMP     what Pillow reads.
======  ==========================================================================================

`Unsupported` is a file that may be whole, but of a kind outside of this table, such as camera raw
inside TIFF, hierarchical JPEG or samples of mixed types: the message names it. `Corrupt` is broken.
"""

from .colour.conversion import Colour
from .colour.description import ExifColour
from .decode import decode, size_to_decode
from .encode import LONGEST_SIDE, OUTPUT_FORMATS, encode, flattens, output_format
from .framing import Framing
from .header import MAX_PIXELS, Probe, probe
from .interop import as_array, as_pil, open
from .metadata.blocks import Metadata, SourceMetadata
from .picture import Picture
from .render import Cuts, render, thumbnail

__all__ = [
    "LONGEST_SIDE",
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
    "flattens",
    "open",
    "output_format",
    "probe",
    "render",
    "size_to_decode",
    "thumbnail",
]
