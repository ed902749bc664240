"""The bulk job: the only place, with training, that knows Ray."""

import os

# Arrow's own allocator keeps several times what tables took, for each thread. It reads this once.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
