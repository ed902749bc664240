"""The parts of the benchmarks: a corpus, the contenders, and the measurements."""
