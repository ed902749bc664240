"""The methods: what to cut, or which pixels to make, for another aspect ratio."""
