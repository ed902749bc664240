"""The crop method Mars: learned cropping areas for any aspect ratio."""
