"""Runbooks over the API: found, read, worked through, tried, drilled."""
