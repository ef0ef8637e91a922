"""Verbs of this package. Doors and other packages call these and nothing else."""

from missions.services.briefs import lock_brief, put_brief, unlock_brief
from missions.services.checkpoints import (
    advance_stage,
    ask_checkpoint,
    packet_moved,
    withdraw_checkpoint,
)
from missions.services.importing import import_missions
from missions.services.planning import Ensured, change_mission, create_mission, ensure_mission
from missions.services.ticking import (
    link_evidence,
    may_tick,
    tick_line,
    unlink_evidence,
    untick_line,
)
from missions.services.walking import (
    archive_mission,
    cancel_mission,
    fail_mission,
    pause_mission,
    resume_mission,
    send_back,
    start_mission,
)

__all__ = [
    "Ensured",
    "advance_stage",
    "archive_mission",
    "ask_checkpoint",
    "cancel_mission",
    "change_mission",
    "create_mission",
    "ensure_mission",
    "fail_mission",
    "import_missions",
    "link_evidence",
    "lock_brief",
    "may_tick",
    "packet_moved",
    "pause_mission",
    "put_brief",
    "resume_mission",
    "send_back",
    "start_mission",
    "tick_line",
    "unlink_evidence",
    "unlock_brief",
    "untick_line",
    "withdraw_checkpoint",
]
