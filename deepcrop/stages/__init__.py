"""What is done to one image: fetch, decode, infer, render. No Ray."""
