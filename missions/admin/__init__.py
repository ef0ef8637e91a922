"""Missions in the console."""

from missions.admin import briefs, evidence, missions, visits  # noqa: F401
from missions.admin import guarding, templates  # noqa: F401  # isort: skip
