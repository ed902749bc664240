"""What a job leaves: the manifest, its lease, status, counts and verification. No Ray."""
