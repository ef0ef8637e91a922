"""Privacy and compliance by API."""
