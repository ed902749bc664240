"""What is submitted to a cluster or run by hand: arguments in, deepcrop called."""
