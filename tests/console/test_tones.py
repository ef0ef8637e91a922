"""Which colour each state of each registered model has, by what it means.

Red is for what needs somebody now, amber for what somebody should look at or what was held back,
green for what is as it should be, blue for what is under way, grey for what is over or not begun.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.urls import reverse

from controlplane.console import cells
from controlplane.console.kit import tones
from tests import make
from tests.kit import inhabited, pages

QUEUED = {
    "waiting": "neutral", "leased": "info", "done": "good", "dead": "bad", "cancelled": "neutral",
}  # fmt: skip
SWITCHED_ON = {"on": "good", "off": "neutral"}
SWITCHED = {"active": "good", "off": "neutral"}
TABLE: dict[str, dict[str, str]] = {
    "access.accessreview": {"open": "info", "overdue": "bad", "signed": "good"},
    "access.accountlock": {"locked": "warn", "ended": "neutral"},
    "access.agent": {"active": "good", "deactivated": "neutral"},
    "access.apikey": {"active": "good", "expired": "neutral", "revoked": "neutral"},
    "access.breakglass": {"open": "warn", "ended": "neutral"},
    "access.grant": {"held": "good", "expired": "neutral", "revoked": "neutral"},
    "access.membership": {"active": "good", "left": "neutral"},
    "access.trustedissuer": {"trusted": "good", "distrusted": "neutral"},
    "access.user": {"active": "good", "closed": "neutral"},
    "access.usersession": {"open": "info", "ended": "neutral"},
    "access.workspace": {"open": "info", "archived": "neutral"},
    "approvals.decision": {"approved": "good", "rejected": "warn", "changes requested": "warn"},
    "approvals.delegation": {
        "in force": "info", "planned": "info", "over": "neutral", "ended": "neutral",
    },
    "approvals.policy": {"in effect": "good", "retired": "neutral"},
    "approvals.request": {
        "open": "info", "approved": "good", "rejected": "warn", "changes_requested": "warn",
        "expired": "neutral", "withdrawn": "neutral", "void": "neutral", "superseded": "neutral",
    },
    "audit.auditevent": {"done": "good", "denied": "warn", "failed": "warn"},
    "audit.auditreview": {"due": "warn", "signed": "good"},
    "backups.backupreport": {"good": "good", "failed": "bad"},
    "backups.restoredrill": {"good": "good", "failed": "bad"},
    "base.retentionrun": {"done": "good", "running": "info", "failed": "warn"},
    "base.signal": QUEUED,
    "base.throttlerule": {"in force": "info", "ended": "neutral", "withdrawn": "neutral"},
    "catalog.component": SWITCHED,
    "catalog.downinterval": {"down": "bad", "over": "neutral"},
    "catalog.integration": {"closed": "good", "half_open": "warn", "open": "bad", "off": "neutral"},
    "catalog.probe": {"unknown": "neutral", "up": "good", "down": "bad"},
    "catalog.proberesult": {"ok": "good", "failed": "warn"},
    "catalog.service": {
        "up": "good", "down": "bad", "unknown": "neutral", "active": "good", "retired": "neutral",
    },
    "catalog.vaultsecret": {
        "in time": "good", "due soon": "info", "due": "warn", "retired": "neutral",
    },
    "deployments.adapter": {"on": "good", "off": "neutral"},
    "deployments.deployment": {
        "draft": "neutral", "preparing": "info", "ready": "info", "approved": "good",
        "deploying": "info", "verifying": "info", "monitoring": "info", "completed": "good",
        "blocked": "warn", "failed": "bad", "rolled_back": "neutral", "cancelled": "neutral",
    },
    "deployments.launch": {
        "preparing": "info", "signing": "info", "signed": "good", "cancelled": "neutral",
    },
    "deployments.freeze": {
        "in force": "info", "to come": "neutral", "over": "neutral", "ended early": "neutral",
    },
    "deployments.maintenancewindow": {
        "draft": "neutral", "scheduled": "info", "announced": "info", "approved": "good",
        "in_progress": "info", "monitoring": "info", "completed": "good",
        "rolled_back": "neutral", "cancelled": "neutral", "missed": "warn",
    },
    "deployments.rollout": {
        "planned": "info", "baseline_taken": "info", "running": "info", "held": "warn",
        "paused": "warn", "stabilizing": "info", "completed": "good", "rolled_back": "neutral",
        "cancelled": "neutral",
    },
    "feature_flags.changerequest": {
        "waiting": "neutral", "approved": "good", "applied": "good", "rejected": "warn",
        "returned": "warn", "withdrawn": "neutral", "expired": "neutral", "void": "neutral",
    },
    "feature_flags.flag": {
        "on": "good", "off": "neutral", "killed": "warn", "stale": "warn", "archived": "neutral",
    },
    "feature_flags.flagenvironment": {"consent first": "neutral", "at once": "neutral"},
    "feature_flags.scheduledchange": {
        "waiting": "neutral", "applied": "good", "failed": "warn", "cancelled": "neutral",
    },
    "feature_flags.sdktoken": {
        "in force": "info", "unused": "neutral", "expired": "neutral", "revoked": "neutral",
    },
    "jobs.enginecycle": {"new": "neutral", "ok": "good", "late": "warn", "failing": "bad"},
    "jobs.heartbeat": {"up": "good", "silent": "bad"},
    "jobs.jobrun": QUEUED,
    "jobs.obligation": {"in effect": "good", "off": "neutral"},
    "jobs.obligationrecord": {"due": "warn", "recorded": "warn", "complete": "good"},
    "jobs.scheduledjob": {
        "ok": "good", "new": "neutral", "off": "neutral", "removed": "neutral", "failing": "bad",
        "silent": "bad",
    },
    "jobs.timer": QUEUED,
    "jobs.watchalarm": {"critical": "bad", "warning": "warn", "closed": "neutral"},
    "missions.artifact": {
        "receiving": "info", "stored": "good", "verified": "good", "failed": "bad",
        "archived": "neutral", "deleted": "neutral",
    },
    "missions.bundle": {
        **QUEUED, "building": "info", "stored": "good", "failed": "bad", "superseded": "neutral",
        "archived": "neutral",
    },
    "missions.evidencehold": {"in force": "info", "released": "neutral"},
    "missions.asset": {"draft": "neutral", "published": "good", "retired": "neutral"},
    "missions.assetversion": {"draft": "neutral", "published": "good"},
    "missions.feedback": {"asked": "info", "given": "good", "declined": "neutral"},
    "missions.followup": {
        "open": "info", "late": "warn", "done": "good", "dropped": "neutral",
        "without item": "warn",
    },
    "missions.meeting": {"open": "info", "closed": "neutral", "not held": "warn"},
    "missions.meetingseries": {"planned": "info", "ended": "neutral"},
    "missions.retrospective": {
        "begun": "info", "written": "good", "signed": "good", "abandoned": "neutral",
    },
    "missions.trainingitem": {
        "open": "info", "in_progress": "info", "done": "good", "dropped": "neutral",
    },
    "missions.brief": {"locked": "good", "open": "info"},
    "missions.checklisttick": {"done": "good", "withdrawn": "neutral"},
    "missions.governancefinding": {"open": "warn", "closed": "neutral"},
    "missions.governancerun": {
        "clean": "good", "findings": "warn", "could_not_run": "bad", "on_its_way": "info",
    },
    "missions.agentsession": {"active": "good", "idle": "neutral", "terminated": "neutral"},
    "missions.datainspection": {"pass": "good", "warn": "warn", "fail": "warn"},
    "missions.finding": {
        "noted": "neutral", "open": "warn", "excepted": "warn", "resolved": "good",
    },
    "missions.missiontoolkit": {
        "undecided": "warn", "approved": "good", "dropped": "neutral",
    },
    "missions.override": {
        "requested": "info", "granted": "warn", "denied": "neutral", "revoked": "neutral",
        "expired": "neutral",
    },
    "missions.policytemplate": {"in use": "neutral", "retired": "neutral"},
    "missions.safeguard": {
        "suggested": "info", "accepted": "good", "edited": "good", "rejected": "neutral",
    },
    "missions.toolkitconnection": {
        "initiated": "info", "approved": "good", "expired": "warn", "revoked": "neutral",
        "failed": "warn",
    },
    "missions.violation": {"open": "bad", "settled": "good"},
    "missions.mission": {
        "draft": "neutral", "active": "good", "paused": "warn", "completed": "good",
        "cancelled": "neutral", "failed": "bad",
    },
    "missions.dutywindow": {
        "in force": "info", "to come": "neutral", "over": "neutral", "cancelled": "neutral",
    },
    "missions.play": {"proposed": "info", "selected": "good", "withdrawn": "neutral"},
    "missions.riskentry": {"low": "good", "medium": "warn", "high": "bad", "removed": "neutral"},
    "missions.run": {
        "queued": "neutral", "running": "info", "finished": "neutral", "aborted": "warn",
    },
    "missions.runstep": {
        "queued": "neutral", "running": "info", "skipped": "neutral", "failed": "warn",
        "succeeded": "good",
    },
    "missions.undoplan": {
        "draft": "warn", "ready": "good", "executed": "neutral", "expired": "neutral",
    },
    "missions.undorun": {
        "requested": "warn", "running": "info", "completed": "good", "failed": "bad",
        "withdrawn": "neutral",
    },
    "incidents.action": {
        "planned": "info", "running": "info", "done": "good", "refused": "warn", "failed": "warn",
    },
    "incidents.article": {"draft": "warn", "published": "good", "archived": "neutral"},
    "incidents.alert": {
        "firing": "bad", "resolved": "good", "silenced": "warn", "inhibited": "warn",
        "flapping": "warn",
    },
    "incidents.alertsource": SWITCHED_ON,
    "incidents.drill": {
        "planned": "info", "running": "info", "done": "good", "cancelled": "neutral",
    },
    "incidents.escalationpolicy": {"in force": "info", "put away": "neutral"},
    "incidents.escalationrun": {
        "running": "info", "answered": "good", "unanswered": "bad", "ended": "neutral",
    },
    "incidents.incident": {
        "detected": "bad", "triaged": "info", "mitigating": "info", "mitigated": "good",
        "monitoring": "info", "resolved": "good", "review_pending": "warn", "closed": "neutral",
        "merged": "neutral", "cancelled": "neutral",
    },
    "incidents.incidentreview": {"writing": "info", "published": "good"},
    "incidents.inboundevent": QUEUED,
    "incidents.page": {
        "calling": "info", "sent": "good", "delivered": "good", "answered": "good",
        "suppressed": "neutral", "unreached": "warn",
    },
    "incidents.routingrule": SWITCHED_ON,
    "incidents.responsepolicy": {"off": "neutral", "dry": "info", "on": "good"},
    "incidents.runbook": {
        "works": "good", "due": "warn", "changed since": "warn", "never tried": "warn",
        "does not work": "bad", "missing": "bad", "put away": "neutral",
    },
    "incidents.runbookrun": {"running": "info", "done": "good", "abandoned": "neutral"},
    "incidents.ticket": {
        "new": "warn", "acknowledged": "info", "triaged": "info", "working": "info",
        "waiting": "neutral", "escalated": "warn", "resolved": "good", "closed": "neutral",
        "reopened": "warn", "duplicate": "neutral", "spam": "neutral",
    },
    "incidents.ticketmail": {
        "opened": "good", "joined": "good", "again": "neutral", "own": "neutral",
        "bounced": "warn", "refused": "warn",
    },
    "incidents.check": {"ok": "good", "failed": "bad", "waived": "warn"},
    "incidents.update": {"draft": "warn", "posted": "good", "dropped": "neutral"},
    "incidents.silence": {"in force": "info", "planned": "info", "over": "neutral"},
    "missions.stagevisit": {
        "": "neutral", "open": "info", "completed": "good", "sent_back": "warn",
        "abandoned": "neutral",
    },
    "notify.channel": {"ok": "good", "off": "neutral", "failing": "bad", "unused": "neutral"},
    "notify.contact": {"verified": "good", "unverified": "warn", "removed": "neutral"},
    "notify.contactmethod": {
        "verified": "good", "unverified": "warn", "failing": "bad", "removed": "neutral",
    },
    "notify.reply": {
        "done": "good", "refused": "warn", "help": "neutral", "stranger": "neutral",
    },
    "notify.delivery": {
        "waiting": "neutral", "sent": "good", "rejected": "warn", "dead": "warn",
        "suppressed": "neutral", "undelivered": "warn",
    },
    "notify.outboxmessage": QUEUED,
    "oncall.handoffnote": {
        "draft": "neutral", "due": "warn", "missed": "warn", "written": "info", "read": "good",
    },
    "oncall.swaprequest": {
        "open": "info", "taken": "good", "declined": "warn", "withdrawn": "neutral",
        "expired": "warn",
    },
    "oncall.override": {
        "in force": "info", "planned": "info", "over": "neutral", "taken_back": "neutral",
    },
    "oncall.schedule": {"in effect": "good", "retired": "neutral"},
    "privacy.consent": {"given": "good", "declined": "neutral", "withdrawn": "neutral"},
    "privacy.controlevidence": {"in effect": "good", "replaced": "neutral"},
    "privacy.datarefresh": {"fresh": "good", "old": "warn"},
    "privacy.legalhold": {"in force": "info", "lifted": "neutral"},
    "privacy.deletionrequest": {
        "waiting": "info", "held": "warn", "done": "good", "cancelled": "neutral",
    },
    "telemetry.alertrule": {
        "ok": "good", "pending": "warn", "firing": "bad", "no_data": "neutral", "error": "bad",
        "off": "neutral",
    },
    "telemetry.auditrun": {"clean": "good", "findings": "warn", "could_not_run": "bad"},
    "telemetry.event": {
        "info": "neutral", "success": "good", "warning": "warn", "error": "warn",
    },
    "telemetry.gap": {"open": "warn", "closed": "neutral"},
    "telemetry.healthsnapshot": {
        "good": "good", "warn": "warn", "bad": "warn", "no_data": "neutral",
    },
    "telemetry.partition": {
        "open": "info", "sealed": "good", "detached": "neutral", "dropped": "neutral",
    },
    "telemetry.rulestate": {
        "ok": "good", "pending": "warn", "firing": "bad", "no_data": "neutral", "error": "bad",
    },
    "threads.thread": {
        "active": "info", "blocked": "warn", "resolved": "good", "closed": "neutral",
    },
    "threads.threadescalationpolicy": {"in force": "info", "removed": "neutral"},
    "threads.runtimesession": {"active": "good", "idle": "neutral", "offline": "neutral"},
    "threads.waketrigger": {
        **QUEUED, "queued": "neutral", "triggering": "info", "deferred": "warn", "timeout": "warn",
        "failed": "warn", "fallback_resume": "info", "fallback_spawn": "info",
        "delivered": "good", "dead": "bad", "cancelled": "neutral",
    },
    "threads.wakerun": {
        "running": "info", "completed": "good", "failed": "warn", "timed_out": "warn",
        "killed": "warn", "orphaned": "warn",
    },
    "work.githubsource": {"on": "good", "off": "neutral"},
    "work.item": {
        "ready": "info", "in_progress": "info", "waiting": "neutral", "blocked": "warn",
        "closed": "neutral", "deferred": "neutral", "pinned": "neutral",
    },
    "work.project": {
        "operations": "neutral", "in use": "neutral", "sandbox": "neutral", "archived": "neutral",
    },
}  # fmt: skip


@pytest.mark.parametrize("model", sorted(TABLE))
def test_tone__of_every_state__says_what_it_means(model: str) -> None:
    assert {state: tones.state_tone(state, model) for state in TABLE[model]} == TABLE[model]


def stored() -> Iterator[tuple[str, str]]:
    """Every state that a registered model can keep in a column of a state's name."""
    for model, model_admin in pages.registered().items():
        for field in model._meta.fields:
            if field.name in cells.STATES | {model_admin.head_state} and field.choices:
                yield from ((model._meta.label_lower, str(value)) for value, _ in field.choices)


def test_table__misses_no_state_that_a_row_can_keep() -> None:
    missing = [pair for pair in stored() if pair[1] not in TABLE.get(pair[0], {})]
    assert not missing


STATE = re.compile(r'kit-state kit-tone-(\w+)"[^>]*>.*?kit-state-text">([^<]+)<', re.DOTALL)


@pytest.mark.slow
def test_lists_and_heads__draw_the_states_as_the_table_says(world: inhabited.World) -> None:
    client = make.client(world.root)
    client.post(reverse("access:switch_workspace"), {"workspace": world.workspace.slug})
    seen = set()
    for model, model_admin in pages.registered().items():
        label = model._meta.label_lower
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        asked = client.get(reverse(name), {"view": "all"})
        listed = list(asked.context["cl"].result_list)
        assert listed, f"the world has no {label}"
        row = model_admin.object_url(listed[0])
        head = client.get(row, {"_part": "head"})
        words = {
            tones.state_words(shown): tone
            for state, tone in TABLE.get(label, {}).items()
            for shown in (state, _display(model, state))
        }
        page = asked.content.decode().partition('id="result_list"')[2] + head.content.decode()
        for tone, text in STATE.findall(page):
            assert words.get(text) == tone, (label, text, tone)
            seen.add(label)
    assert len(seen) > 25


def _display(model: type, state: str) -> str:
    for field in model._meta.fields:  # type: ignore[attr-defined]
        if field.name in cells.STATES and state in dict(field.choices or ()):
            return str(dict(field.choices)[state])
    return state
