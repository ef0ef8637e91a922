"""What tickets hand to the packages below: words of the log, what is kept and of whom, what follows
incidents, what the console shows."""

from __future__ import annotations

from controlplane.audit import words
from controlplane.base.data_rules import Reach
from controlplane.base.personal import holds, nothing, rows_of
from controlplane.base.retention import keep_always, keep_rows

_RECORD = "part of the record of support; the name goes with the account"
for _slug, _column, _what in (
    ("asked", "requester_id", "what somebody asked of support"),
    ("assigned", "assignee_id", "which tickets somebody answered"),
    ("acknowledged", "acknowledged_by_id", "which tickets somebody acknowledged"),
):
    holds(
        f"tickets.{_slug}",
        "incidents.ticket",
        _what,
        rows_of("incidents.ticket", _column, "ref", "subject", "status", "opened_at"),
        _RECORD,
    )
holds(
    "tickets.by_mail",
    "incidents.ticket",
    "what was asked of support from this address",
    rows_of("incidents.ticket", "requester_email__iexact", "ref", "subject", "status", "opened_at",
            by="email"),
    "erased by the privacy officer from the ticket's page, for people without an account, too",
)  # fmt: skip
nothing(
    "tickets.words",
    "incidents.ticketmessage",
    "incidents.ticketedit",
    "incidents.ticketmiss",
    "incidents.ticketmail",
    why="what was said of a ticket, without secrets; erased with whoever asked, from its page",
)
keep_always(
    "tickets.record",
    "incidents.ticket",
    "incidents.ticketmessage",
    "incidents.ticketedit",
    "incidents.ticketmiss",
    why="what was asked, answered and promised: the same questions come again for years",
)
keep_rows(
    "tickets.mails", "incidents.ticketmail", "at", days=90,
    reach=Reach(workspace="workspace_id", refs={"TKT": "ticket__ref"}),
    what="mails as they came, from customers",
    why="a mail as it came explains what was made of it; its words stand with the ticket",
)  # fmt: skip


def register() -> None:
    from incidents.support import (  # noqa: F401 - timers, pages
        following,
        lateness,
        moving,
        ticket_admin,
        ticket_console,
        ticket_figures,
        ticket_panel,
    )

    following.register()
    ticket_console.register()
    ticket_figures.register()
    ticket_panel.register()
    words.define(
        "ticket",
        {
            "open": "open/opened the ticket",
            "open:said": "say/said more of what was asked",
            "open:rated": "judge/judged how the ticket was answered",
            "respond": "answer/answered the ticket",
            "respond:acknowledged": "acknowledge/acknowledged the ticket",
            "respond:working": "begin/began to work on the ticket",
            "respond:waiting": "wait/waited for whoever asked",
            "respond:answered": "answer/answered the ticket",
            "respond:asked": "ask/asked whoever opened the ticket",
            "respond:noted": "write/wrote a note on the ticket",
            "respond:corrected": "say/said something better on the ticket",
            "respond:assigned": "say/said whose the ticket is",
            "respond:links": "revoke/revoked the links of the ticket",
            "respond:spam": "set/set the ticket aside as spam",
            "respond:new": "take/took the ticket back from spam",
            "respond:reopened": "open/opened the ticket again",
            "triage": "triage/triaged the ticket",
            "triage:priority": "change/changed the priority of the ticket",
            "triage:described": "describe/described the ticket",
            "escalate": "escalate/escalated the ticket",
            "escalate:merged": "follow/followed the incident of the ticket",
            "resolve": "resolve/resolved the ticket",
            "resolve:closed": "close/closed the ticket",
            "resolve:duplicate": "merge/merged the ticket",
            "resolve:merged": "merge/merged another ticket into it",
            "working": "give/gave the ticket back to the desk",
            "respond:reminded": "remind/reminded whoever opened the ticket",
            "respond:silent": "hear/heard nothing of whoever opened the ticket",
            "call": "call/called somebody to the ticket",
            "call:unanswered": "call/called for the ticket, and nobody answered",
            "missed": "miss/missed a promise of the ticket",
            "forget": "erase/erased who asked",
        },
    )
