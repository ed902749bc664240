"""Colour management: what samples mean, and their conversion to 8-bit sRGB."""
