"""deepcrop: crops and retargets whole image libraries with deep networks."""
