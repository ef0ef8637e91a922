"""How incidents, alerts and drills may move."""

from __future__ import annotations

from controlplane.base.states import Step, TransitionTable
from incidents.gates import (
    describable,
    nothing_fires,
    reviewed,
    told,
    triaged,
    works_again,
)
from incidents.support.gates import may_resolve, noted

_CANCEL = Step("incident.cancel", "False alarm", primary=False)
_MERGE = Step("incident.merge", "Merge into another", primary=False)
_RESOLVE = Step("incident.resolve", "Resolve", gate=works_again)
_TRIAGE = Step("incident.triage", "Triage", gate=triaged)

INCIDENT = TransitionTable(
    "incidents.Incident",
    initial="detected",
    steps={
        "detected": {
            "triaged": _TRIAGE,
            # Its alerts are over before anybody looked: the portal says so.
            "resolved": Step("incident.resolve", "Resolve", gate=nothing_fires, primary=False),
            "cancelled": _CANCEL,
            "merged": _MERGE,
        },
        "triaged": {
            "mitigating": Step("incident.mitigate", "Begin to mitigate"),
            "mitigated": Step("incident.mitigate", "Mitigated", primary=False),
            "resolved": Step("incident.resolve", "Resolve", gate=works_again, primary=False),
            "cancelled": _CANCEL,
            "merged": _MERGE,
        },
        "mitigating": {
            "mitigated": Step("incident.mitigate", "Mitigated"),
            "merged": _MERGE,
            "cancelled": _CANCEL,
        },
        "mitigated": {
            "monitoring": Step("incident.resolve", "Watch it", gate=nothing_fires),
            "mitigating": Step("incident.mitigate", "It came back", primary=False),
            "merged": _MERGE,
        },
        "monitoring": {
            "resolved": _RESOLVE,
            "mitigating": Step("incident.mitigate", "It came back", primary=False),
            "merged": _MERGE,
        },
        "resolved": {
            "review_pending": Step("incident.close", "Plan the review"),
            "closed": Step("incident.close", "Close", gate=describable, primary=False),
            "mitigating": Step("incident.resolve", "Open again", primary=False),
        },
        "review_pending": {
            "closed": Step("incident.close", "Close", gate=reviewed),
            "mitigating": Step("incident.resolve", "Open again", primary=False),
        },
    },
)

# A note on the incident tells of it.
UPDATE = TransitionTable(
    "incidents.Update",
    initial="draft",
    steps={
        "draft": {
            "posted": Step("incident.publish", "Publish", audited=False),
            "dropped": Step("incident.update", "Drop", primary=False, audited=False),
        }
    },
)

# As above.
ACTION = TransitionTable(
    "incidents.Action",
    initial="planned",
    steps={
        "planned": {
            "running": Step("incident.mitigate", "Begin", audited=False),
            "done": Step("incident.mitigate", "Do it", audited=False),
            "refused": Step("incident.mitigate", "Refuse", primary=False, audited=False),
            "failed": Step("incident.mitigate", "Give up", primary=False, audited=False),
        },
        "running": {
            "done": Step("incident.mitigate", "End", audited=False),
            "refused": Step("incident.mitigate", "Refuse", primary=False, audited=False),
            "failed": Step("incident.mitigate", "Give up", primary=False, audited=False),
        },
    },
)

REVIEW = TransitionTable(
    "incidents.IncidentReview",
    initial="writing",
    steps={
        "writing": {"published": Step("incident.conclude", "Publish", gate=told)},
        "published": {"writing": Step("incident.conclude", "Write on", primary=False)},
    },
)

ALERT = TransitionTable(
    "incidents.Alert",
    initial="firing",
    steps={"firing": {"resolved": Step("alert.resolve", "It is over")}},
)

DRILL = TransitionTable(
    "incidents.Drill",
    initial="planned",
    steps={
        "planned": {
            "running": Step("paging.drill", "Begin"),
            "cancelled": Step("paging.drill", "Cancel", primary=False),
        },
        "running": {
            "done": Step("paging.drill", "End"),
            "cancelled": Step("paging.drill", "Cancel", primary=False),
        },
    },
)

RUN = TransitionTable(
    "incidents.EscalationRun",
    initial="running",
    steps={
        "running": {
            "answered": Step("incident.acknowledge", "Acknowledge"),
            "unanswered": Step(None, "Nobody answered"),
            "ended": Step(None, "End"),
        },
        # Nobody answered in all its rounds, and somebody did later.
        "unanswered": {"answered": Step("incident.acknowledge", "Acknowledge")},
    },
)

RUNBOOK_RUN = TransitionTable(
    "incidents.RunbookRun",
    initial="running",
    steps={
        "running": {
            "done": Step("runbook.run", "All done"),
            "abandoned": Step("runbook.run", "Abandon", primary=False),
        },
    },
)

_ESCALATE = Step("ticket.escalate", "Escalate", primary=False)
_SAME = Step("ticket.resolve", "Merge into another", primary=False)
_SOLVED = Step("ticket.resolve", "Resolve", gate=may_resolve)
_SPAM = Step("ticket.respond", "Spam", primary=False)
_TICKET_TRIAGE = Step("ticket.triage", "Triage")
_ASK = Step("ticket.respond", "Ask the requester", primary=False)
_BEGIN = Step("ticket.respond", "Begin")

TICKET = TransitionTable(
    "incidents.Ticket",
    initial="new",
    steps={
        "new": {
            "acknowledged": Step("ticket.respond", "Acknowledge"),
            "triaged": _TICKET_TRIAGE,
            "escalated": _ESCALATE,
            "duplicate": _SAME,
            "spam": _SPAM,
        },
        "acknowledged": {
            "triaged": _TICKET_TRIAGE,
            "waiting": _ASK,
            "escalated": _ESCALATE,
            "duplicate": _SAME,
            "spam": _SPAM,
        },
        "triaged": {
            "working": _BEGIN,
            "resolved": _SOLVED,
            "waiting": _ASK,
            "escalated": _ESCALATE,
            "duplicate": _SAME,
            "spam": _SPAM,
        },
        "working": {
            "resolved": _SOLVED,
            "waiting": _ASK,
            "escalated": _ESCALATE,
            "duplicate": _SAME,
        },
        "waiting": {
            "working": Step("ticket.respond", "Go on"),
            "resolved": _SOLVED,
            "escalated": _ESCALATE,
            "duplicate": _SAME,
        },
        "escalated": {
            "resolved": _SOLVED,
            "working": Step(None, "The incident is over", primary=False),
        },
        "resolved": {
            "closed": Step("ticket.resolve", "Close", gate=noted),
            "reopened": Step("ticket.respond", "Open again", primary=False),
        },
        "closed": {"reopened": Step("ticket.respond", "Open again", primary=False)},
        "reopened": {
            "working": _BEGIN,
            "resolved": _SOLVED,
            "waiting": _ASK,
            "escalated": _ESCALATE,
            "duplicate": _SAME,
        },
        "spam": {"new": Step("ticket.respond", "It is no spam", primary=False)},
    },
)

_SHELVE = Step("support.write", "Put away", primary=False)
ARTICLE = TransitionTable(
    "incidents.Article",
    initial="draft",
    steps={
        "draft": {"published": Step("support.write", "Publish"), "archived": _SHELVE},
        "published": {
            "archived": _SHELVE,
            "draft": Step("support.write", "Take back", primary=False),
        },
        "archived": {"draft": Step("support.write", "Bring back")},
    },
)
