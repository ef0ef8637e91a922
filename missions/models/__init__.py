"""Missions: work given to agents, its brief, and its way through the stages."""

from missions.models.briefs import Brief
from missions.models.cadence import Cadence, FollowUp, Meeting, MeetingSeries
from missions.models.evidence import Artifact, Bundle, EvidenceHold
from missions.models.execution import Run, RunStep
from missions.models.feedback import Feedback, Retrospective, TrainingItem
from missions.models.findings import Finding, Override, Violation
from missions.models.governance import GovernanceFinding, GovernanceRun
from missions.models.library import Asset, AssetUse, AssetVersion
from missions.models.missions import Mission
from missions.models.plays import (
    DutyWindow,
    HookCheck,
    Level,
    PlanNote,
    Play,
    PlayStep,
    RiskEntry,
)
from missions.models.safeguards import (
    Mode,
    PolicyTemplate,
    Safeguard,
    SafeguardAck,
    Severity,
    TemplateVersion,
)
from missions.models.sessions import AgentSession
from missions.models.shares import MissionShare
from missions.models.toolkits import DataInspection, MissionToolkit, ToolkitConnection
from missions.models.undo import UndoAttempt, UndoPlan, UndoRun, UndoStep
from missions.models.visits import ChecklistTick, StageVisit

__all__ = [
    "AgentSession",
    "Artifact",
    "Asset",
    "AssetUse",
    "AssetVersion",
    "Brief",
    "Bundle",
    "Cadence",
    "ChecklistTick",
    "DataInspection",
    "DutyWindow",
    "EvidenceHold",
    "Feedback",
    "Finding",
    "FollowUp",
    "GovernanceFinding",
    "GovernanceRun",
    "HookCheck",
    "Level",
    "Meeting",
    "MeetingSeries",
    "Mission",
    "MissionShare",
    "MissionToolkit",
    "Mode",
    "Override",
    "PlanNote",
    "Play",
    "PlayStep",
    "PolicyTemplate",
    "Retrospective",
    "RiskEntry",
    "Run",
    "RunStep",
    "Safeguard",
    "SafeguardAck",
    "Severity",
    "StageVisit",
    "TemplateVersion",
    "ToolkitConnection",
    "TrainingItem",
    "UndoAttempt",
    "UndoPlan",
    "UndoRun",
    "UndoStep",
    "Violation",
]
