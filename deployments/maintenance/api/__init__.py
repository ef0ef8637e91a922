"""Maintenance windows by API."""
