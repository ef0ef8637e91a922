"""Verbs of this package. Doors and other packages call these and nothing else."""

from missions.services.briefs import lock_brief, put_brief, unlock_brief
from missions.services.checkpoints import (
    advance_stage,
    ask_checkpoint,
    packet_moved,
    withdraw_checkpoint,
)
from missions.services.connections import (
    begin_connection,
    complete_connection,
    end_connection,
    look_for_drift,
    verify_connection,
)
from missions.services.findings import report_finding, report_findings, resolve_finding
from missions.services.importing import import_missions
from missions.services.inspections import record_inspection
from missions.services.overrides import ask_override, decide_override, revoke_override
from missions.services.pausing import pause_mission, resume_mission
from missions.services.planning import Ensured, change_mission, create_mission, ensure_mission
from missions.services.safeguards import (
    accept_safeguards,
    acknowledge_safeguards,
    decide_safeguard,
    suggest_defaults,
    suggest_safeguard,
)
from missions.services.sessions import end_session, write_session
from missions.services.templates import add_template, change_template, retire_template
from missions.services.ticking import (
    link_evidence,
    may_tick,
    tick_line,
    unlink_evidence,
    untick_line,
)
from missions.services.toolkits import approve_toolkit, ask_toolkit, attest_toolkit, drop_toolkit
from missions.services.walking import (
    archive_mission,
    cancel_mission,
    fail_mission,
    send_back,
    start_mission,
)

__all__ = [
    "Ensured",
    "accept_safeguards",
    "acknowledge_safeguards",
    "add_template",
    "advance_stage",
    "approve_toolkit",
    "archive_mission",
    "ask_checkpoint",
    "ask_override",
    "ask_toolkit",
    "attest_toolkit",
    "begin_connection",
    "cancel_mission",
    "change_mission",
    "change_template",
    "complete_connection",
    "create_mission",
    "decide_override",
    "decide_safeguard",
    "drop_toolkit",
    "end_connection",
    "end_session",
    "ensure_mission",
    "fail_mission",
    "import_missions",
    "link_evidence",
    "lock_brief",
    "look_for_drift",
    "may_tick",
    "packet_moved",
    "pause_mission",
    "put_brief",
    "record_inspection",
    "report_finding",
    "report_findings",
    "resolve_finding",
    "resume_mission",
    "retire_template",
    "revoke_override",
    "send_back",
    "start_mission",
    "suggest_defaults",
    "suggest_safeguard",
    "tick_line",
    "unlink_evidence",
    "unlock_brief",
    "untick_line",
    "verify_connection",
    "withdraw_checkpoint",
    "write_session",
]
