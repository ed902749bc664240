"""Compare what deepcrop reads with what other readers do, file by file."""
