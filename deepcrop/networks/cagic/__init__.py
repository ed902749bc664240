"""The networks of CAGIC: captioner, word detectors and view ranker on one trunk."""
