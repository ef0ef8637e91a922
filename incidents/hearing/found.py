"""What probes, breakers, canaries, safeguards and checks of the portal found."""

from __future__ import annotations

from datetime import timedelta

from controlplane.base.models import Signal
from controlplane.catalog.models import Integration, Probe
from controlplane.notify.breaches import KIND as REFUSED
from controlplane.notify.models import Notification
from controlplane.notify.undelivered import KIND as UNDELIVERED
from deployments.canary.services.noting import BREACH
from deployments.schema import SIGNAL as DRIFTED
from deployments.services.noting import EVENT as DEPLOYMENT
from deployments.services.papers import OVERDUE
from incidents.hearing.common import Payload, alert, hear, make_over, uid_of
from incidents.intake.normal import Incoming
from incidents.models import Incident
from missions.services.connections import DRIFT
from missions.services.violations import SIGNAL as SAFEGUARD
from missions.threads.models import Thread
from missions.threads.services.raising import ESCALATED as THREAD_ESCALATED
from missions.threads.services.raising import SETTLED as THREAD_SETTLED

DAY = timedelta(days=1)
_GRAVE = {"critical": "sev2", "high": "sev3"}


# --- Services that are down, and partners that fail ---


def _is_down(payload: Payload) -> bool:
    return bool(Probe.objects.filter(uid=uid_of(payload, "probe"), health="down").exists())


@hear("catalog.service_down", still=_is_down)
def service_down(payload: Payload, signal: Signal) -> Incoming | None:
    return _service(payload, fires=True)


@hear("catalog.service_up")
def service_up(payload: Payload, signal: Signal) -> Incoming | None:
    return _service(payload, fires=False)


@hear("catalog.service_unknown")
def service_unknown(payload: Payload, signal: Signal) -> None:
    """A probe fell silent: the watch tells of that. What was seen of the service stays."""


def _service(payload: Payload, *, fires: bool) -> Incoming:
    """Where users feel it at once and it is their own environment it pages; elsewhere somebody
    looks."""
    at_once = payload.get("tier") == 1 and payload.get("environment") == "production"
    slug = payload.get("slug")
    since = payload.get("since")
    return alert(
        "ServiceDown",
        key=f"probe:{payload.get('probe')}",
        severity="critical" if at_once else "warning",
        title=f"{slug} is down in {payload.get('environment')}",
        description=payload.get("error"),
        labels={"service": slug, "environment": payload.get("environment")},
        fires=fires,
        starts_at=since if fires else None,
        opens="incident" if at_once else "item",
        level="sev1" if at_once else "",
        item_priority=1,
        tags=("warning",) if not at_once else (),
        escalate_s=600 if at_once else None,
        escalate_to="engineering_lead" if at_once else "",
        investigate_s=None if at_once else 3_600,
        runbook="service_unavailable",
    )


def _is_open(payload: Payload) -> bool:
    rows = Integration.objects.filter(uid=uid_of(payload, "integration"))
    return bool(rows.exclude(status="closed").exists())


@hear("catalog.breaker_opened", still=_is_open)
def breaker_opened(payload: Payload, signal: Signal) -> Incoming | None:
    return _breaker(payload, fires=True)


@hear("catalog.breaker_closed")
def breaker_closed(payload: Payload, signal: Signal) -> Incoming | None:
    return _breaker(payload, fires=False)


@hear("catalog.breaker_half_opened")
def breaker_half_opened(payload: Payload, signal: Signal) -> None:
    """On its way: open still, until the trial went well."""


def _breaker(payload: Payload, *, fires: bool) -> Incoming:
    """Opened by hand or by an incident it is no news: somebody did that."""
    by_itself = payload.get("cause") in {"failures", ""}
    return alert(
        "IntegrationBreakerOpen",
        key=f"breaker:{payload.get('integration')}",
        severity="warning" if by_itself else "info",
        title=f"Agents no longer call {payload.get('slug')}",
        description=payload.get("reason"),
        labels={"integration": payload.get("slug")},
        fires=fires,
        opens="item" if by_itself else "nothing",
        item_priority=2,
        tags=("toolkit", "warning"),
        investigate_s=3_600,
        runbook="composio_rate_limit",
    )


# --- News that reached nobody ---


def _reached_nobody(payload: Payload) -> bool:
    rows = Notification.objects.filter(uid=uid_of(payload, "notification"))
    return bool(rows.filter(undelivered_at__isnull=False).exists())


@hear(UNDELIVERED, still=_reached_nobody)
def undelivered(payload: Payload, signal: Signal) -> Incoming | None:
    """One alert for all of a workspace, however much is lost: a call about it that is lost too
    repeats it, and opens nothing anew."""
    return alert(
        "CriticalNewsUndelivered",
        key="undelivered",
        severity="critical",
        title="Critical news reached nobody",
        description=f"{payload.get('subject')}\n\n{payload.get('tried')} ways were tried.",
        labels={"kind": payload.get("kind")},
        lasts=timedelta(hours=1),
        opens="incident",
        level="sev3",
        category="service",
        tags=("paging",),
        advice="Look at the channels and gateways that fail, and reach whom it was for yourself.",
    )


# --- Releases ---


@hear(BREACH)
def canary_breach(payload: Payload, signal: Signal) -> Incoming | None:
    """The judge has rolled it back already: somebody finds out why."""
    grave = payload.get("severity") == "critical"
    return alert(
        "CanaryRolledBack",
        key=f"canary:{signal.key}",
        severity="critical" if grave else "warning",
        title=f"{payload.get('ref')} was rolled back: {payload.get('rule')}",
        description=payload.get("reason"),
        labels={"rollout": payload.get("ref"), "flag": payload.get("flag"),
                "environment": payload.get("environment")},
        lasts=DAY,
        opens="incident" if grave else "item",
        level="sev2" if grave else "",
        item_priority=1,
        tags=("canary",),
        investigate_s=3_600,
        advice="Its page shows both cohorts and which guard fell.",
    )  # fmt: skip


@hear(DEPLOYMENT)
def deployment_event(payload: Payload, signal: Signal) -> Incoming | None:
    """News, kept beside what fires: what was brought out is the first thing to ask about."""
    failed = payload.get("what") == "failed"
    found = alert(
        "DeploymentFailed" if failed else "DeploymentEvent",
        key=f"deployment:{payload.get('deployment')}:{payload.get('what')}",
        severity="warning" if failed else "info",
        title=f"{payload.get('ref')} {str(payload.get('what')).replace('_', ' ')}:"
        f" {payload.get('release')} in {payload.get('environment')}",
        labels={"deployment": payload.get("ref"), "environment": payload.get("environment")},
        lasts=DAY,
        opens="nothing",
    )
    if not failed:  # it happened, and is over: nothing fires
        make_over(found, signal)
    return found


@hear(OVERDUE)
def papers_overdue(payload: Payload, signal: Signal) -> Incoming | None:
    return alert(
        "HotfixUndocumented",
        key=f"papers:{payload.get('deployment')}",
        severity="warning",
        title=f"{payload.get('ref')} owes its documentation for a day",
        labels={"deployment": payload.get("ref")},
        lasts=DAY,
        opens="item",
        item_priority=1,
        tags=("hotfix", "docs"),
        notify_roles=("release_manager",),
    )


@hear(DRIFTED)
def schema_drift(payload: Payload, signal: Signal) -> Incoming | None:
    """There is one source of the schema: what differs from it is an incident."""
    found = payload.get("found") or {}
    return alert(
        "SchemaDrift",
        key="schema-drift",
        severity="critical",
        title="The schema is not what the code has",
        description="\n".join(f"{what}: {', '.join(items[:5])}" for what, items in found.items()),
        lasts=DAY + timedelta(hours=1),
        opens="incident",
        level="sev3",
        category="database",
        notify_roles=("database_lead",),
        runbook="supabase_pool",
    )


# --- Missions and access ---


@hear(SAFEGUARD)
def safeguard(payload: Payload, signal: Signal) -> Incoming | None:
    """The mission is paused already, and an item stands for it: those who decide are called."""
    level = _GRAVE.get(str(payload.get("severity")), "")
    return alert(
        "SafeguardViolated",
        key=f"violation:{payload.get('violation')}",
        severity="critical" if level else "warning",
        title=f"{payload.get('ref')}: {payload.get('safeguard')}",
        description=f"{payload.get('found') or ''}\n\n{payload.get('way_back') or ''}".strip(),
        labels={"mission": payload.get("ref"), "stage": payload.get("stage"),
                "item": payload.get("item")},
        link=str(payload.get("link") or ""),
        lasts=DAY,
        opens="incident" if level else "nothing",
        level=level,
        category="governance",
        policy="governance",
        notify_roles=("governance_validator", "operations_command"),
        runbook="safeguard_violation",
    )  # fmt: skip


@hear(DRIFT)
def oauth_drift(payload: Payload, signal: Signal) -> Incoming | None:
    grave = payload.get("severity") == "high"
    return alert(
        "OAuthDrift",
        key=f"drift:{signal.key}",
        severity="warning",
        title=f"{payload.get('toolkit')} holds more than was approved for {payload.get('ref')}",
        description=f"Beyond what was approved: {', '.join(payload.get('beyond') or [])}",
        labels={"mission": payload.get("ref"), "integration": payload.get("toolkit")},
        link=str(payload.get("link") or ""),
        lasts=DAY,
        opens="item",
        item_priority=0 if grave else 1,
        tags=("governance", "oauth"),
        governance=True,
        notify_roles=("governance_validator",),
        investigate_s=3_600,
        runbook="oauth_drift",
    )


@hear(REFUSED)
def breach_suspected(payload: Payload, signal: Signal) -> Incoming | None:
    """By one account, once an hour: whoever looks after security is called."""
    return alert(
        "SecurityBreach",
        key=f"breach:{payload.get('actor')}",
        severity="critical",
        title=f"{payload.get('actor')} was refused {payload.get('count')} times",
        description=f"Last it tried: {payload.get('action')}",
        labels={"actor": payload.get("actor")},
        lasts=timedelta(hours=1),
        opens="incident",
        level="sev1",
        category="security",
        policy="security",
        notify_roles=("security_lead",),
        tags=("security",),
        advice="Lock the account from its page if this was not its owner; a lock can be undone.",
    )


# --- Threads of agents that are stuck, where a rule of escalation calls that urgent ---

_STUCK = {
    "no_progress": ("goes on without progress", "escalation_flood"),
    "repeated_finding": ("goes round in circles", "escalation_flood"),
    "blocked": ("is blocked", "escalation_flood"),
    "dead_wake": ("wakes nobody", "wake_trigger_failure"),
    "held_wake": ("is held back", "escalation_flood"),
    "unread": ("is not read", "message_delivery_delay"),
}


def _is_stuck(payload: Payload) -> bool:
    """What no look at the thread tells was over by then."""
    rows = Thread.objects.filter(uid=uid_of(payload, "thread"), status=Thread.Status.BLOCKED)
    return payload.get("what") not in _BY_WAKES and bool(rows.exists())


_BY_WAKES = frozenset({"dead_wake", "held_wake", "unread"})


@hear(THREAD_ESCALATED, still=_is_stuck)
def thread_escalated(payload: Payload, signal: Signal) -> Incoming | None:
    return _thread(payload, fires=True)


@hear(THREAD_SETTLED)
def thread_settled(payload: Payload, signal: Signal) -> Incoming | None:
    return _thread(payload, fires=False)


def _thread(payload: Payload, *, fires: bool) -> Incoming:
    """The rule has called whom it names; this is for whoever is on duty. A thread in which an
    incident is worked on opens no second one."""
    said, runbook = _STUCK.get(str(payload.get("what")), ("is stuck", ""))
    known = Incident.objects.open().filter(item_id=payload.get("thread_item"))
    inside = payload.get("thread_item") is not None and known.exists()
    return alert(
        "ThreadEscalated",
        key=f"thread:{payload.get('thread')}:{payload.get('what')}",
        severity="critical",
        title=f"{payload.get('ref')} {said}: {payload.get('title')}",
        description=payload.get("reason"),
        labels={"thread": payload.get("ref"), "what": payload.get("what"),
                "type": payload.get("type"), "item": payload.get("item")},
        link=str(payload.get("link") or ""),
        fires=fires,
        starts_at=payload.get("since"),
        ends_at=payload.get("until"),
        lasts=DAY,
        opens="nothing" if inside else "incident",
        level="sev3",
        category="service",
        tags=("thread",),
        runbook=runbook,
        advice="Read what was said, settle it, and unblock the thread or close it.",
    )  # fmt: skip
