"""Commands that are run by hand or submitted to a cluster: training, evaluation, benchmarks."""
