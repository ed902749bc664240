"""The torture test: jobs whose processes are killed, on a store that fails, checked to the byte."""
