"""Measures that the papers report."""
