"""The crop method CAGIC: crops that follow a caption."""
