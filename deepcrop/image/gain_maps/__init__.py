"""Gain maps: what turns an SDR picture into an HDR one, read from and written to files.

A gain map holds, for each pixel, by how much the HDR rendition is brighter than the SDR one
(ISO 21496-1:2025). Phones store it beside the SDR picture that all readers show.
"""
