"""Pages of the work graph beside the admin's lists: queue, board, cycles, and what forms post."""
