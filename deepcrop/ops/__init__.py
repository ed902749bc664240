"""Algorithms on tensors: no network, no files."""
