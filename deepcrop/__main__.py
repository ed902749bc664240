"""``python -m deepcrop`` is the command ``deepcrop``."""

from .cli import main

if __name__ == "__main__":
    main()
