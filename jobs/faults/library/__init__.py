"""A library's life, played: rounds of changes and runs, checked against runs that start afresh."""
