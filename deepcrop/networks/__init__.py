"""The networks: torch modules, without access to files or Ray."""
