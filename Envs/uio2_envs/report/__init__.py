"""The HTML report of evaluation runs: one file that needs nothing else."""
