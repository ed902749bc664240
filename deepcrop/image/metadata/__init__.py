"""Metadata blocks (EXIF, XMP, IPTC, ICC): read from a source and rewritten for its variants."""
