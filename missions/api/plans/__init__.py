"""Plans, undoing and runs of missions by API."""
