"""What of the kernel the palette knows: actions that can be typed, names, where refs lead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import Model, Q, QuerySet
from django.urls import reverse

from controlplane.access.models import Agent, ApiKey, Membership
from controlplane.base.admin.searching import LOOKUP
from controlplane.base.registries import (
    NameFinder,
    PaletteAction,
    PaletteVerb,
    RefFinder,
    Target,
    name_finders,
    palette_actions,
    palette_verbs,
    ref_finders,
)
from controlplane.catalog.models import Integration, Probe, Service
from controlplane.console.kernel.waiting import url_of
from controlplane.jobs.models import ObligationRecord, ScheduledJob
from controlplane.lib.actors import Actor
from controlplane.notify.models import Channel, OutboxMessage

MOST_NUMBERED = 2**31 - 1
FOUND = 6
Find = Callable[[Actor, int | None, str], Sequence[Target]]


def rows_named(
    model: Any, *fields: str, scoped: bool = True, only: Q | None = None
) -> Callable[[Actor, int | None, str], QuerySet[Any]]:
    """Rows the person sees whose name holds every word that was typed."""

    def find(actor: Actor, workspace_id: int | None, text: str) -> QuerySet[Any]:
        rows = model.objects.visible_to(actor)
        if only is not None:
            rows = rows.filter(only)
        if scoped and workspace_id is not None:
            rows = rows.filter(workspace=workspace_id)
        for word in text.split()[:4]:
            wanted = Q()
            for field in fields:
                wanted |= Q(**{f"{field}__{LOOKUP}": word})
            rows = rows.filter(wanted)
        found: QuerySet[Any] = rows.order_by("-pk")[:FOUND]
        return found

    return find


def pressing(rows: Callable[..., QuerySet[Any]], button: str, hint: str = "") -> Find:
    """Targets whose address is the question of this button on the row's page."""

    def find(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
        return [
            Target(str(row), _button(row, button) if button else url_of(row), hint)
            for row in rows(actor, workspace_id, text)
        ]

    return find


def _button(row: Model, name: str) -> str:
    page = url_of(row).removesuffix("change/")
    return f"{page}do/{name}/"


def _people(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    rows = rows_named(Membership, "user__name", "user__email", only=Q(left_at=None))
    return [
        Target(row.user.name, reverse("access:member", args=(row.user.uid,)), row.user.email)
        for row in rows(actor, workspace_id, text).select_related("user")
    ]


def _accounts(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    """The part of a member's page where the account is locked, with its reason."""
    found = _people(actor, workspace_id, text)
    return [Target(each.label, f"{each.url}#grave", each.hint) for each in found]


def _agents(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
    rows = rows_named(Agent, "name", "role")
    return [
        Target(row.name, reverse("access:agent", args=(row.uid,)), row.role)
        for row in rows(actor, workspace_id, text)
    ]


def _by_ref(rows: Callable[..., QuerySet[Any]]) -> Find:
    """The rows' own pages; beside the name stands the ref."""

    def find(actor: Actor, workspace_id: int | None, text: str) -> Sequence[Target]:
        found = rows(actor, workspace_id, text)
        return [Target(row.name, url_of(row), str(row.ref)) for row in found]

    return find


NAMES: tuple[tuple[str, str, str, Find], ...] = (
    ("members", "member", "member.view", _people),
    ("agents", "agent", "agent.view", _agents),
    ("services", "service", "catalog.view", _by_ref(rows_named(Service, "name", "slug"))),
    ("integrations", "integration", "catalog.view", _by_ref(rows_named(Integration, "name"))),
)
# What a verb does, where no name stands after it yet.
WHOLE = {
    "run": "Run a job now",
    "test": "Send a test to a channel",
    "replay": "Send a message again that was given up",
    "member": "Open a member",
    "lock": "Lock the account of a member",
    "agent": "Open an agent",
    "revoke": "Revoke an API key",
    "trip": "Open the breaker of an integration",
    "probe": "Look at the probe of a service",
}


VERBS: tuple[tuple[str, str, str, str, str, str, Find], ...] = (
    ("run", "run", "JOB", "Run the job", "job.manage", "job",
     pressing(rows_named(ScheduledJob, "name", scoped=False), "run_now")),
    ("test", "test", "CHANNEL", "Test the channel", "notify.manage_channels", "channel",
     pressing(rows_named(Channel, "name"), "test")),
    ("replay", "replay", "MESSAGE", "Replay the message", "notify.replay", "dead message",
     pressing(rows_named(OutboxMessage, "topic", "key", only=Q(state="dead")), "replay")),
    ("member", "member", "NAME", "Open the member", "member.view", "member", _people),
    ("lock", "lock", "NAME", "Lock the account of", "member.lock", "member", _accounts),
    ("agent", "agent", "NAME", "Open the agent", "agent.view", "agent", _agents),
    ("revoke", "revoke key", "NAME", "Revoke the key", "key.manage", "live key",
     pressing(rows_named(ApiKey, "name", "prefix", only=Q(revoked_at=None)), "revoke")),
    ("trip", "trip", "INTEGRATION", "Open the breaker of", "catalog.trip", "integration",
     pressing(rows_named(Integration, "name", "ref"), "trip")),
    ("probe", "probe", "SERVICE", "Look at the probe of", "catalog.view", "probe",
     pressing(rows_named(Probe, "service__name", "service__slug"), "")),
)  # fmt: skip


def by_ref(model: Any, prefix: str) -> Callable[[Actor, int | None, int], Target | None]:
    """Where a table keeps the number alone, beyond its range is none of it."""
    stored = next((field for field in model._meta.fields if field.name == "ref"), None)

    def find(actor: Actor, workspace_id: int | None, number: int) -> Target | None:
        if stored is None and number > MOST_NUMBERED:
            return None
        wanted = {"number": number} if stored is None else {"ref": f"{prefix}-{number}"}
        rows = model.objects.visible_to(actor).filter(**wanted)
        if workspace_id is not None:
            rows = rows.filter(workspace=workspace_id)
        row = rows.order_by("-pk").first()
        return None if row is None else Target(_with_ref(row.ref, str(row)), url_of(row))

    return find


def _with_ref(ref: str, text: str) -> str:
    return text if text.startswith(ref) else f"{ref} {text}"


# Pages that stand in no list and need no place in the sidebar.
PAGES: tuple[tuple[str, str, str, str, tuple[str, ...]], ...] = (
    ("inbox", "Inbox", "console:inbox", "workspace.view", ("news", "notifications")),
    ("account", "My account", "access:account", "workspace.view", ("profile", "sessions", "mfa")),
    ("reached", "How I am reached", "notify:reached", "workspace.view", ("telephone", "sms")),
    ("wishes", "My notifications", "notify:mine", "workspace.view", ("quiet hours", "preferences")),
    ("own-keys", "My keys", "access:own_keys", "key.own", ("api", "token")),
    ("views", "Saved views", "console:saved_views", "view.save", ("lists", "filters")),
    ("kit", "Kit", "console:kit", "workspace.view", ("console", "components", "charts")),
    ("errors", "Errors by code", "console:errors", "workspace.view", ("help", "runbook")),
    ("api-docs", "API reference", "/api/docs/", "workspace.view", ("openapi", "routes")),
)


def register() -> None:
    for slug, label, url, action, keywords in PAGES:
        palette_actions.register(PaletteAction(slug, label, url, action, keywords))
    for slug, verb, takes, label, action, noun, find in VERBS:
        known = PaletteVerb(slug, verb, takes, label, action, find, noun, WHOLE[slug])
        palette_verbs.register(known)
    for slug, label, action, find in NAMES:
        name_finders.register(NameFinder(slug, label, action, find))
    for prefix, label, model in (
        ("SRV", "service", Service),
        ("INT", "integration", Integration),
        ("OBL", "recurring obligation", ObligationRecord),
    ):
        ref_finders.register(RefFinder(prefix, label, by_ref(model, prefix)))
