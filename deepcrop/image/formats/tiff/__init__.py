"""Read TIFF and BigTIFF files: directories, pages, the layout of samples, and their decoding."""
