"""What the benchmark is made of: a corpus, the contenders, and how they are measured."""
