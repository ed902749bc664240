"""Colour management: the colour spaces of samples, and their conversion to 8-bit sRGB."""
