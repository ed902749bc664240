"""The fuzzer of the image readers: seeds, mutations of them, and a watched process to decode."""
