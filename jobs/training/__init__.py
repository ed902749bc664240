"""Training recipes of the networks whose weights ship with deepcrop."""
