"""TIFF and BigTIFF: directories, pages, the layout of samples, and their decoding."""
