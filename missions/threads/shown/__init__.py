"""What the console shows of threads."""
