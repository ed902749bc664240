"""Algorithms on tensors and arrays, without networks, files or Ray."""
