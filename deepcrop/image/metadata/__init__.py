"""Metadata blocks (EXIF, XMP, IPTC, ICC): read from a source, rewritten to hold for a variant."""
