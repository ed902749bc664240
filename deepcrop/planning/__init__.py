"""What a job will take: a timed sample of its sources, projected, with prices."""
