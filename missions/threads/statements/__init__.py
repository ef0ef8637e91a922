"""The hot paths, one statement each: posting, reading, acknowledging."""
