"""Writers of image files that the usual encoders don't write."""
