"""Missions in the console."""

from missions.admin import briefs, evidence, governance, missions, visits  # noqa: F401
from missions.admin import guarding, templates  # noqa: F401  # isort: skip
from missions.admin import learning, library, meetings  # noqa: F401  # isort: skip
