"""The kernel's entries in the sidebar, with their live counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import QuerySet

from controlplane.access import policy
from controlplane.access.models import AccessReview, ApiKey, BreakGlass
from controlplane.base.models import Signal
from controlplane.base.registries import NavCount, NavItem, NavRows, Tone, nav_items
from controlplane.catalog.models import Integration, Probe, VaultSecret
from controlplane.console.kernel import pressing
from controlplane.jobs import leases
from controlplane.jobs.models import ObligationRecord, Timer, WatchAlarm
from controlplane.lib.actors import Actor
from controlplane.lib.kept import ForReader
from controlplane.notify.models import Channel, OutboxMessage

MOST_COUNTED = 999
MOST_LOOKED_AT = 200  # whose turn each is takes a question of its own
Counter = Callable[[Actor, int | None], NavCount | NavRows]


def counter(rows: Callable[[Actor], QuerySet[Any]], tone: Tone, *, scoped: bool = True) -> Counter:
    """Count these rows, of the chosen workspace where one is chosen, up to a cap."""

    def count(actor: Actor, workspace_id: int | None) -> NavRows:
        found = rows(actor)
        if scoped and workspace_id is not None:
            found = found.filter(workspace=workspace_id)
        return NavRows(found, tone, MOST_COUNTED)

    return count


def alarms(actor: Actor) -> QuerySet[Any]:
    return WatchAlarm.objects.visible_to(actor).filter(closed_at=None)


def dead_letters(actor: Actor) -> QuerySet[Any]:
    return OutboxMessage.objects.visible_to(actor).dead()


def due_obligations(actor: Actor) -> QuerySet[Any]:
    rows = ObligationRecord.objects.visible_to(actor)
    return rows.filter(status__in=[ObligationRecord.Status.DUE, ObligationRecord.Status.RECORDED])


def turn_of(actor: Actor, row: ObligationRecord) -> str:
    """What this person may do about it now; nothing where it is another role's turn."""
    if row.status == ObligationRecord.Status.DUE:
        return "Yours to record" if policy.can(actor, "obligation.fulfil", row) else ""
    return "Yours to sign" if policy.can(actor, "obligation.sign", row) else ""


def own_obligations(actor: Actor, workspace_id: int | None) -> list[ObligationRecord]:
    """Those that are this person's turn, the soonest first."""
    return [row for row in _SOONEST.rows(actor, workspace_id) if turn_of(actor, row)]


def _soonest(actor: Actor, workspace_id: int | None) -> QuerySet[Any]:
    rows = due_obligations(actor).select_related("obligation")
    if workspace_id is not None:
        rows = rows.filter(workspace=workspace_id)
    return rows.order_by("due_at")[:MOST_LOOKED_AT]


_SOONEST: ForReader[ObligationRecord] = ForReader(_soonest)


def _own_turns(actor: Actor, workspace_id: int | None) -> NavCount:
    """Amber only while one of them is soon due."""
    own = own_obligations(actor, workspace_id)
    pressed = any(not pressing.is_far(row.due_at) for row in own)
    return NavCount(len(own), "warn" if pressed else "neutral")


def open_reviews(actor: Actor) -> QuerySet[Any]:
    return AccessReview.objects.visible_to(actor).filter(signed_at=None)


def down(actor: Actor) -> QuerySet[Any]:
    return Probe.objects.visible_to(actor).down()


def open_breakers(actor: Actor) -> QuerySet[Any]:
    return Integration.objects.visible_to(actor).filter(is_active=True).exclude(status="closed")


def failing_channels(actor: Actor) -> QuerySet[Any]:
    return Channel.objects.visible_to(actor).filter(is_active=True, failures_in_a_row__gt=0)


def dead_timers(actor: Actor) -> QuerySet[Any]:
    return Timer.objects.visible_to(actor).filter(state=leases.DEAD)


def dead_signals(actor: Actor) -> QuerySet[Any]:
    return Signal.objects.visible_to(actor).filter(state=leases.DEAD)


def open_glass(actor: Actor) -> QuerySet[Any]:
    return BreakGlass.objects.visible_to(actor).filter(ended_at=None)


def due_secrets(actor: Actor) -> QuerySet[Any]:
    return VaultSecret.objects.visible_to(actor).due()


def live_keys(actor: Actor) -> QuerySet[Any]:
    return ApiKey.objects.visible_to(actor).filter(revoked_at=None)


def _model(name: str) -> str:
    return f"admin:{name}_changelist"


# slug, label, group, URL name, icon, action, key, counter. The keys i, m and a are kept for
# incidents, missions and approvals.
ENTRIES: tuple[tuple[str, str, str, str, str, str, str, Counter | None], ...] = (
    ("home", "Home", "Operate", "console:home", "home", "workspace.view", "h", None),
    ("alarms", "Alarms", "Operate", _model("jobs_watchalarm"), "siren", "job.view", "w",
     counter(alarms, "bad", scoped=False)),
    ("obligations", "Obligations", "Operate", _model("jobs_obligationrecord"), "calendar",
     "obligation.view", "o", _own_turns),
    ("dead-letters", "Outbox", "Operate", _model("notify_outboxmessage"), "send", "notify.view",
     "", counter(dead_letters, "bad")),
    ("services", "Services", "Services", _model("catalog_service"), "server", "catalog.view", "s",
     None),
    ("probes", "Probes", "Services", _model("catalog_probe"), "activity", "catalog.view", "p",
     counter(down, "bad")),
    ("integrations", "Integrations", "Services", _model("catalog_integration"), "plug",
     "catalog.view", "e", counter(open_breakers, "warn")),
    ("environments", "Environments", "Services", _model("catalog_environment"), "cloud",
     "catalog.view", "", None),
    ("audit", "Audit trail", "Govern", _model("audit_auditevent"), "history", "audit.view", "t",
     None),
    ("seals", "Verification", "Govern", _model("audit_auditseal"), "shield", "audit.verify", "v",
     None),
    ("audit-reviews", "Weekly reviews", "Govern", _model("audit_auditreview"), "book",
     "audit.view", "", None),
    ("access-reviews", "Access reviews", "Govern", "access:reviews", "check",
     "access_review.view", "r", counter(open_reviews, "warn")),
    ("backups", "Backups", "Govern", _model("backups_backupreport"), "database", "backup.view",
     "b", None),
    ("secrets", "Secrets", "Govern", _model("catalog_vaultsecret"), "key", "vault.view", "",
     counter(due_secrets, "warn")),
    ("compliance", "Compliance", "Govern", "compliance:board", "check", "compliance.view", "",
     None),
    ("privacy", "Erasure requests", "Govern", _model("privacy_deletionrequest"), "shield",
     "privacy.view", "", None),
    ("legal-holds", "Legal holds", "Govern", _model("privacy_legalhold"), "lock",
     "legal_hold.view", "", None),
    ("members", "Members", "Access", "access:members", "users", "member.view", "u", None),
    ("agents", "Agents", "Access", "access:agents", "agent", "agent.view", "g", None),
    ("keys", "API keys", "Access", _model("access_apikey"), "key", "key.view", "k", None),
    ("matrix", "Roles and actions", "Access", "access:matrix", "table", "member.view", "x", None),
    ("break-glass", "Break-glass", "Access", "access:break_glass", "unlock", "break_glass.view",
     "", counter(open_glass, "bad")),
    ("channels", "Channels", "Portal", _model("notify_channel"), "mail", "notify.view", "c",
     counter(failing_channels, "warn")),
    ("contacts", "Contacts", "Portal", _model("notify_contact"), "book", "contact.view", "", None),
    ("jobs", "Jobs", "Portal", _model("jobs_scheduledjob"), "clock", "job.view", "j", None),
    ("runs", "Job runs", "Portal", _model("jobs_jobrun"), "play", "job.view", "", None),
    ("timers", "Timers", "Portal", _model("jobs_timer"), "calendar", "job.view", "",
     counter(dead_timers, "bad")),
    ("signals", "Signals", "Portal", _model("base_signal"), "branch", "signal.view", "",
     counter(dead_signals, "bad")),
    ("limits", "Rate limits", "Portal", _model("base_throttlerule"), "filter", "throttle.view",
     "", None),
    ("settings", "Settings", "Portal", "console:settings", "settings", "settings.view", "q", None),
)  # fmt: skip


def register() -> None:
    for order, (slug, label, group, url, icon, action, key, count) in enumerate(ENTRIES):
        nav_items.register(NavItem(slug, label, group, url, icon, action, order * 10, key, count))
