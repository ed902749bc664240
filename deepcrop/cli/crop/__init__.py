"""The command ``deepcrop crop``: photos one after the other on this machine, without Ray."""
