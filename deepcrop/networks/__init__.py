"""The networks: modules of torch and nothing else; no files, no Ray."""
