"""Missions: work given to agents, its brief, and its way through the stages."""

from missions.models.briefs import Brief
from missions.models.missions import Mission
from missions.models.visits import ChecklistTick, StageVisit

__all__ = ["Brief", "ChecklistTick", "Mission", "StageVisit"]
