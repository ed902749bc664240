"""Evaluations of methods and networks: the tables of the documentation."""
