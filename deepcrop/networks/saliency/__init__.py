"""The saliency network, its recurrent head and its face detector."""
