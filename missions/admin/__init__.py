"""Missions in the console."""

from missions.admin import briefs, missions, visits  # noqa: F401
