"""Calendars of others, read and made into rotations and swaps."""
