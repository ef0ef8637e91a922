"""Missions in the console."""

from missions.admin import briefs, evidence, missions, visits  # noqa: F401
