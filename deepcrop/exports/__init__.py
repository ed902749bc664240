"""A job's crop boxes and focal points in the formats of other programs, one module a format.

To add a format: write a module here that defines ``FORMAT``, an :class:`.base.ExportFormat`, and
add the module's name to :class:`.registry.FormatName`. The command ``deepcrop export`` finds it
there.
"""
