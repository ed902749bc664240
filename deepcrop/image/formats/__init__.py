"""File formats: parsers of containers, and readers of codings that Pillow can't read."""
