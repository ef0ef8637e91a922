"""Which tone a state has and how a severity is filled.

Five tones. Bad is only for what needs somebody now; warn for what somebody should look at, what
was refused and what is held back on purpose; info for what is under way; good for what is as it
should be; neutral for what is over, was ended on purpose or has not begun. The word always stands
beside the colour.

A word means the same wherever it stands, but for the few in `_OF_MODEL`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TONES = ("neutral", "info", "good", "warn", "bad")

_STATES = {
    "neutral": "abandoned archived cancelled closed deactivated detached distrusted draft dropped "
    "ended expired inactive left merged new none not_applicable not_known_yet off over "
    "put_away queued removed replaced retired revoked rolled_back skipped superseded suppressed "
    "suspended unknown unlocked unused void waiting withdrawn",
    "info": "acknowledged advancing announced assigned baseline_taken being_worked_on building "
    "calling canary current deploying due_soon executing in_flight in_force in_progress leased "
    "mitigating monitoring open planned preparing processing ready receiving running scheduled "
    "sending signing stabilizing started starting submitted triaged verifying waiting_for_start "
    "writing",
    "good": "accepted active allowed answered applied approved available clean complete completed "
    "confirmed connected covered delivered done effective enabled follows_the_one_before "
    "fulfilled good granted green healthy held in_effect in_time met mitigated ok on online passed "
    "passing published resolved satisfied sealed sent signed signed_off sound stored succeeded "
    "success trusted up valid verified works",
    "warn": "amber at_risk awaiting blocked changed_since changes_requested degraded delayed "
    "denied due escalated expiring findings flapping given_up half_open inhibited killed late "
    "locked missed needs_attention never_tried not_held on_hold partial paused pending recorded "
    "rejected retry retrying returned review_pending rotating silenced slow stale stopping "
    "unreached unverified waiting_for_sign_off waived warn warning",
    "bad": "alarm breached broken compromised could_not_run critical dead detected disconnected "
    "does_not_work down error errored failed failing firing invalid lost missing offline "
    "outage overdue red silent tampered unanswered unhealthy unreachable",
}
_TONE_OF = {state: tone for tone, states in _STATES.items() for state in states.split()}
# Where a word means something else: a closed breaker lets calls through, an open one fails them
# all; an open break-glass is a door that somebody should watch; a canary is held because something
# is not clear; and what failed once, in a log of every look, deed or delivery, is over: what it
# means now another row says.
_OF_MODEL: Mapping[str, Mapping[str, str]] = {
    "access.breakglass": {"open": "warn"},
    "audit.auditevent": {"failed": "warn"},
    "base.retentionrun": {"failed": "warn"},
    "catalog.integration": {"closed": "good", "open": "bad"},
    "catalog.proberesult": {"failed": "warn"},
    "deployments.rollout": {"held": "warn"},
    "deployments.rolloutstep": {"held": "warn", "failed": "warn"},
    "feature_flags.scheduledchange": {"failed": "warn"},
    "incidents.action": {"refused": "warn", "failed": "warn"},
    "incidents.article": {"draft": "warn", "published": "good"},
    "incidents.responsepolicy": {"dry": "info"},
    "incidents.ticket": {
        "new": "warn",
        "working": "info",
        "reopened": "warn",
        "duplicate": "neutral",
        "spam": "neutral",
    },
    "incidents.ticketmail": {
        "opened": "good",
        "joined": "good",
        "again": "neutral",
        "own": "neutral",
        "bounced": "warn",
        "refused": "warn",
    },
    "incidents.check": {"ok": "good", "failed": "bad", "waived": "warn"},
    "incidents.update": {"draft": "warn", "posted": "good"},
    "missions.brief": {"locked": "good"},
    "missions.datainspection": {"pass": "good", "fail": "warn"},
    "missions.feedback": {"asked": "info", "given": "good", "declined": "neutral"},
    "missions.followup": {"late": "warn", "without_item": "warn"},
    "missions.retrospective": {"begun": "info", "written": "good"},
    "missions.finding": {"open": "warn", "excepted": "warn", "noted": "neutral"},
    "missions.missiontoolkit": {"undecided": "warn"},
    "missions.override": {"requested": "info", "granted": "warn", "denied": "neutral"},
    "missions.play": {"proposed": "info", "selected": "good", "withdrawn": "neutral"},
    "missions.riskentry": {"low": "good", "medium": "warn", "high": "bad"},
    "missions.run": {"aborted": "warn", "queued": "neutral"},
    "missions.runstep": {"failed": "warn", "queued": "neutral"},
    "missions.undoplan": {"draft": "warn", "ready": "good", "executed": "neutral"},
    "missions.undorun": {"requested": "warn", "withdrawn": "neutral"},
    "missions.safeguard": {"suggested": "info", "edited": "good", "rejected": "neutral"},
    "missions.governancefinding": {"open": "warn"},
    "missions.governancerun": {"on_its_way": "info"},
    "missions.stagevisit": {"sent_back": "warn"},
    "missions.toolkitconnection": {"initiated": "info", "expired": "warn", "failed": "warn"},
    "missions.violation": {"open": "bad", "settled": "good"},
    "notify.delivery": {"dead": "warn", "undelivered": "warn"},
    "notify.reply": {"refused": "warn"},
    "oncall.handoffnote": {"written": "info", "read": "good"},
    "oncall.swaprequest": {"taken": "good", "declined": "warn", "expired": "warn"},
    "privacy.consent": {"given": "good", "declined": "neutral"},
    "privacy.datarefresh": {"fresh": "good", "old": "warn"},
    "privacy.deletionrequest": {"waiting": "info", "held": "warn"},
    "telemetry.gap": {"open": "warn"},
    "telemetry.event": {"error": "warn"},
    "threads.runtimesession": {"idle": "neutral", "offline": "neutral"},
    "threads.thread": {"active": "info"},
    "threads.wakerun": {"failed": "warn", "timed_out": "warn", "orphaned": "warn"},
    "threads.waketrigger": {
        "deferred": "warn",
        "timeout": "warn",
        "failed": "warn",
        "triggering": "info",
        "fallback_resume": "info",
        "fallback_spawn": "info",
    },
    "telemetry.healthsnapshot": {"bad": "warn", "no_data": "neutral"},
}

# How loud a severity is: 1 solid red, 2 solid amber, 3 soft amber, 4 hardly there. Blue is the tone
# of what is under way, and a warning in it reads as a remark.
_SEVERITY = {
    "sev1": 1, "p0": 1, "critical": 1, "emergency": 1, "page": 1,
    "sev2": 2, "p1": 2, "high": 2, "major": 2, "error": 2,
    "sev3": 3, "p2": 3, "warning": 3, "medium": 3, "minor": 3,
    "sev4": 4, "p3": 4, "info": 4, "low": 4, "none": 4, "p4": 4,
}  # fmt: skip


def tone(name: Any) -> str:
    """A tone we have styles for; what is none becomes neutral rather than a class of its own."""
    return name if isinstance(name, str) and name in TONES else "neutral"


def state_key(value: Any) -> str:
    return str(value or "").strip().lower().replace("-", "_").replace(" ", "_")


def state_tone(value: Any, model: str = "") -> str:
    """`model` is whose state it is ("catalog.integration"), for words that mean another thing."""
    key = state_key(value)
    return _OF_MODEL.get(model, {}).get(key) or _TONE_OF.get(key, "neutral")


def state_words(value: Any) -> str:
    """`review_pending` as people say it: "Review pending". Words with capitals stay."""
    text = str(value if value is not None else "").strip().replace("_", " ")
    return text[:1].upper() + text[1:] if text.islower() else text


CODES = frozenset({"sev1", "sev2", "sev3", "sev4"})
_PRIORITIES = frozenset({"p0", "p1", "p2"})  # of support


def severity_level(value: Any) -> int:
    """1 to 4 for the fill; what is unknown is as quiet as the quietest."""
    if isinstance(value, int) and not isinstance(value, bool):
        return min(max(value, 1), 4)
    text = "".join(letter for letter in str(value or "").lower() if letter.isalnum())
    return _SEVERITY.get(text, int(text) if text in {"1", "2", "3", "4"} else 4)


def severity_words(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return f"SEV-{value}"
    if isinstance(value, str) and value in CODES:
        return f"SEV-{value[-1]}"
    if isinstance(value, str) and value in _PRIORITIES:
        return value.upper()
    return str(value if value is not None else "")
