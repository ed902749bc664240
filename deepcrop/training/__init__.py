"""Datasets and recipes of the networks that we train."""
