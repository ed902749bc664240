"""What the command ``deepcrop crop`` does with photos, in the process that holds the method."""
