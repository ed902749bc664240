"""The bulk job: the only place, with training, that knows Ray."""
