"""Containers and codings: what files of each format hold, and where."""
