"""Mars, a network that predicts crop boxes for any aspect ratio."""
