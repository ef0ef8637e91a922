"""Missions: work given to agents, its brief, and its way through the stages."""

from missions.models.briefs import Brief
from missions.models.evidence import Artifact, Bundle, EvidenceHold
from missions.models.findings import Finding, Override, Violation
from missions.models.missions import Mission
from missions.models.safeguards import (
    Mode,
    PolicyTemplate,
    Safeguard,
    SafeguardAck,
    Severity,
    TemplateVersion,
)
from missions.models.sessions import AgentSession
from missions.models.toolkits import DataInspection, MissionToolkit, ToolkitConnection
from missions.models.visits import ChecklistTick, StageVisit

__all__ = [
    "AgentSession",
    "Artifact",
    "Brief",
    "Bundle",
    "ChecklistTick",
    "DataInspection",
    "EvidenceHold",
    "Finding",
    "Mission",
    "MissionToolkit",
    "Mode",
    "Override",
    "PolicyTemplate",
    "Safeguard",
    "SafeguardAck",
    "Severity",
    "StageVisit",
    "TemplateVersion",
    "ToolkitConnection",
    "Violation",
]
