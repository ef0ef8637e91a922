"""While it burns: what is said of it, what is done against it, and who does it."""
