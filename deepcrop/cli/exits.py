"""Exit statuses of the command."""

EXIT_FAILURES = 1
"""More sources failed than the job allows; or an audit found faults."""
EXIT_REQUEST = 2
"""The request is wrong."""
EXIT_INTERRUPTED = 3
"""The job could not run, or not to its end."""
