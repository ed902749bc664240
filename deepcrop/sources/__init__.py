"""What a job works on: discovery, the listing, keys, duplicates and corrections. No Ray."""
