"""Missions in the console."""

from missions.admin import (  # noqa: F401
    briefs,
    evidence,
    governance,
    guarding,
    learning,
    library,
    meetings,
    missions,
    plans,
    templates,
    visits,
)
