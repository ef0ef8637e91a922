"""Which runbook helps with what is seen, and that somebody looked into it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db import transaction
from django.db.models import F, QuerySet

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from controlplane.lib.text import short
from incidents.models import Alert, Incident, Runbook, RunbookUse, Ticket
from incidents.runbooks import books

MOST = 5
# Words that stand in every symptom say nothing.
_WORDS_MOST = 24
_RANK_LEAST = 0.02


@dataclass(frozen=True, slots=True)
class Suggestion:
    runbook: Runbook
    why: str


def suggest(
    workspace_id: int,
    *,
    text: str = "",
    named: Sequence[str] = (),
    services: Sequence[str] = (),
    labels: Sequence[str] = (),
) -> list[Suggestion]:
    """What is named first, then what its service or labels point at, then what reads alike."""
    found: dict[int, Suggestion] = {}
    for name in named:
        row = books.find(workspace_id, name) if name else None
        if row is not None:
            found.setdefault(row.pk, Suggestion(row, "named by its rule"))
    here = books.standing(workspace_id)
    words = _words(text)
    read_alike = kept.ask(_alike, workspace_id, words) if words else []
    marked = [row for row in here if _marked(row, services, labels)]
    near = {row.pk for row in read_alike}
    # What both read alike and point there comes first: many runbooks share a service.
    for row in sorted(marked, key=lambda each: (each.pk not in near, each.slug)):
        if row.pk in near or len(marked) <= MOST:
            found.setdefault(row.pk, Suggestion(row, _marked(row, services, labels)))
    for row in read_alike:
        found.setdefault(row.pk, Suggestion(row, "its symptoms read alike"))
    return list(found.values())[:MOST]


def _alike(workspace_id: int, words: Sequence[str]) -> QuerySet[Runbook]:
    """Any of the words: nobody describes a symptom in ours."""
    query = SearchQuery(words[0], config="english", search_type="plain")
    for word in words[1:]:
        query |= SearchQuery(word, config="english", search_type="plain")
    ranked = books.here(workspace_id).annotate(rank=SearchRank(F("search"), query))
    found = ranked.filter(search=query, rank__gte=_RANK_LEAST)
    return found.order_by("-rank", "slug")[:MOST]


def _words(text: str) -> list[str]:
    return [word for word in _plain(text) if len(word) > 3][:_WORDS_MOST]


def _plain(text: str) -> list[str]:
    said = "".join(each if each.isalnum() else " " for each in text[:4_000])
    return list(dict.fromkeys(said.lower().split()))


def _marked(row: Runbook, services: Iterable[str], labels: Iterable[str]) -> str:
    if shared := set(row.labels) & set(labels):
        return f"label {min(shared)}"
    if shared := set(row.services) & set(services):
        return f"for {min(shared)}"
    return ""


def for_incident(row: Incident) -> list[Suggestion]:
    alerts = kept.of(row, "alerts", lambda rows: rows.order_by("-pk")[:3])
    named = [row.runbook, *(_asked(alert) for alert in alerts)]
    said = " ".join([row.title, row.symptoms, row.summary, *(alert.title for alert in alerts)])
    labels = {row.category, *(label for alert in alerts for label in _labels(alert))}
    if row.item is not None:
        labels.update(row.item.label_links.values_list("label__name", flat=True)[:20]
                      if hasattr(row.item, "label_links") else ())  # fmt: skip
    return suggest(
        row.workspace_id, text=said, named=named, services=_of_service(row.service),
        labels=sorted(labels),
    )  # fmt: skip


def for_alert(row: Alert) -> list[Suggestion]:
    return suggest(
        row.workspace_id, text=f"{row.title} {row.description}", named=[_asked(row)],
        services=_of_service(row.service), labels=_labels(row),
    )  # fmt: skip


# Which runbooks are consulted on what kind of question first.
_OF_CATEGORY: dict[str, tuple[str, ...]] = {
    "deployment": ("frontend_deploy",),
    "migration": ("postgres_pool",),
    "database": ("postgres_pool", "storage_contention"),
    "security": ("authorization_misconfiguration", "oauth_drift"),
    "integration": ("composio_rate_limit", "oauth_drift"),
    "access": ("oauth_drift", "token_issuer_outage"),
    "infrastructure": ("service_unavailable",),
}


def for_ticket(row: Ticket) -> list[Suggestion]:
    """What its kind of question belongs to, then what reads alike."""
    first = row.messages.filter(kind="request").order_by("pk").values_list("text", flat=True)
    found = suggest(
        row.workspace_id, text=f"{row.subject} {first.first() or ''}",
        named=_OF_CATEGORY.get(row.category, ()), services=_of_service(row.service),
        labels=[row.category],
    )  # fmt: skip
    named = set(_OF_CATEGORY.get(row.category, ()))
    about = f"for questions of {row.get_category_display().lower()}"
    return [Suggestion(one.runbook, about if one.runbook.slug in named else one.why)
            for one in found]  # fmt: skip


def _asked(alert: Alert) -> str:
    """What a rule of the portal's own, or its sender, names."""
    name = str(alert.asks.get("runbook") or alert.annotations.get("runbook") or "")
    return name.rstrip("/").rsplit("/", 1)[-1][:60]


def _labels(alert: Alert) -> list[str]:
    return [str(value)[:60] for value in alert.labels.values()]


def _of_service(service: Any) -> list[str]:
    return [service.slug, service.kind] if service is not None else []


# --- That it was read ---------------------------------------------------------------------------


@transaction.atomic
def consult(
    runbook: Runbook,
    *,
    actor: Actor,
    incident: Incident | None = None,
    alert: Alert | None = None,
    ticket: Ticket | None = None,
) -> RunbookUse | None:
    """Somebody opens it for something that is wrong."""
    policy.require(actor, "runbook.view", incident or alert or ticket)
    return note_use(runbook, actor=actor, incident=incident, alert=alert, ticket=ticket)


def note_use(
    runbook: Runbook,
    *,
    actor: Actor,
    incident: Incident | None = None,
    alert: Alert | None = None,
    ticket: Ticket | None = None,
) -> RunbookUse | None:
    """Once for each person and thing; None where it was noted before."""
    subject: Any = incident or alert or ticket
    if subject is None:
        return None
    made = RunbookUse(
        workspace_id=subject.workspace_id, runbook=runbook, incident=incident, alert=alert,
        ticket=ticket, user_id=actor.user_id, actor_ref=actor.ref[:80],
    )  # fmt: skip
    known = RunbookUse.objects.filter(
        runbook=runbook, incident=incident, alert=alert, ticket=ticket, actor_ref=made.actor_ref
    )
    if known.exists():
        return None
    RunbookUse.objects.bulk_create([made], ignore_conflicts=True)
    record(actor, "runbook.view", subject, after={"runbook": runbook.slug},
           label=short(str(subject), 80))  # fmt: skip
    return known.first()
