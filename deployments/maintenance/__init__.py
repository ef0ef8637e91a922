"""Maintenance windows: planned, announced, consented to, done, watched."""
