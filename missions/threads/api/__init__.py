"""The REST API of threads: posts, reads and acknowledgements are plain views over one statement
each, the rest as everywhere else."""
