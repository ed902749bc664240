"""Mars: crop boxes for any aspect ratio from one network."""
