"""The main job as a script, for `ray job submit -- python -m jobs.reprocess run ...`.

The same arguments as the command ``deepcrop``.
"""

from deepcrop.cli import main

if __name__ == "__main__":
    main()
