"""The networks of CAGIC: captioner, word detectors and view ranker over one trunk."""
