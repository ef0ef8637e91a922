"""What happens to an environment while something is brought into it: snapshots before and after,
the watch, its verdict."""
