"""Runbooks: what to do when something breaks, step by step, and the record of doing it."""
