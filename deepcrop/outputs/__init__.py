"""What a job writes by name: presets, and rules for photos that don't fit a ratio."""
