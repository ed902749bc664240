"""Faults made on purpose: a store that fails, processes that are killed, files that are damaged.

The tests use these modules, and so do ``python -m jobs.torture`` and ``python -m jobs.fuzz``.
"""
