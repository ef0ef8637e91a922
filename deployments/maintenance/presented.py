"""What windows tell the packages below: the owner of their consent, words of the log, what is in
the way of deployments, what uptime leaves out."""

from __future__ import annotations

from controlplane.approvals import owners
from controlplane.audit import words
from controlplane.catalog import uptime
from deployments import freezing
from deployments.maintenance import quiet
from deployments.maintenance.services import consent
from deployments.shown import windows_console
from telemetry.rules import silence


def register() -> None:
    owners.register(
        consent.OWNER,
        label="Maintenance window",
        on_decided=consent.on_decided,
        on_closed=consent.on_closed,
        current_packet=consent.current_packet,
        hold=consent.hold_for,
        link=consent.link_for,
    )
    freezing.register_window(quiet.other_window)
    uptime.maintenance(quiet.planned)
    silence.register(quiet.silencing)
    windows_console.register()
    words.define(
        "maintenance",
        {
            "plan": "plan/planned the maintenance",
            "plan:scheduled": "schedule/scheduled the maintenance",
            "ask": "ask/asked for consent to the maintenance",
            "decide": "decide/decided about the maintenance",
            "change": "change/changed the maintenance",
            "test": "test/tested the way back of the maintenance",
            "move": "move/moved the maintenance",
            "tasks": "split/split the work of the maintenance",
            "remark": "write/wrote in the thread of the maintenance",
            "follow_up": "open/opened follow-ups of the maintenance",
            "change:cancelled": "cancel/cancelled the maintenance",
            "announce": "announce/announced the maintenance",
            "notice": "tell/told everybody of the maintenance",
            "waive": "waive/waived a rule of the maintenance",
            "run": "start/started the maintenance",
            "run:monitoring": "finish/finished the work of the maintenance",
            "run:completed": "close/closed the maintenance",
            "rollback": "roll/rolled back the maintenance",
        },
    )
    # What the portal does by itself is told under the row's own name.
    words.define(
        "maintenancewindow",
        {
            "announced": "announce/announced the maintenance",
            "approved": "approve/approved the maintenance",
            "missed": "find/found that the maintenance did not begin",
            "in_progress": "begin/began the partner's maintenance",
            "completed": "end/ended the partner's maintenance",
        },
    )
