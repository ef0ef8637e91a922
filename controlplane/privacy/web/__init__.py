"""Pages of privacy and compliance that are no lists."""
