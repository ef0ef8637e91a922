"""What the pages of runbooks show: the document in its parts, runs, versions, how it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.access.policy import role_label
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from incidents.models import (
    Alert,
    Incident,
    Runbook,
    RunbookRun,
    RunbookStep,
    RunbookUse,
    RunbookValidation,
    Ticket,
)
from incidents.runbooks import acting, books, reading, running, using, validating
from incidents.runbooks.reading import Part, Step

RUNS = 8
LOG = 12
VERSIONS = 12
TONES = {
    "running": "info", "done": "good", "skipped": "neutral", "failed": "bad", "timed_out": "warn",
    "refused": "warn",
}  # fmt: skip
LOG_TONES = {"works": "good", "mended": "warn", "failed": "bad"}


@dataclass(frozen=True, slots=True)
class ShownStep:
    """One step as it stands in a run, or in a document that nobody works through."""

    step: Step
    kind: str
    lines: Sequence[tuple[str, str]]
    last: RunbookStep | None = None
    tries: int = 0
    url: str = ""
    known: dict[str, str] | None = None  # what is filled in already

    @property
    def fields(self) -> list[tuple[str, str]]:
        return [(name, (self.known or {}).get(name, "")) for name in self.step.asked]

    @property
    def tone(self) -> str:
        return TONES[self.last.state] if self.last is not None else "neutral"

    @property
    def over(self) -> bool:
        return self.last is not None and self.last.state in running.OVER

    @property
    def limit(self) -> int:
        return acting.limit_of(self.step)


def shown(step: Step, **given: Any) -> ShownStep:
    needed = reading.NEEDS.get(step.kind, "")
    lines = [(needed, step.given[needed])] if needed else []
    return ShownStep(step, reading.KINDS[step.kind], lines, **given)


def parts(document: reading.Document) -> list[dict[str, Any]]:
    """Text and steps in their order, for the page that reads like a document."""
    return [_part(part) for part in document.parts]


_NAMED = re.compile(r"`([a-z0-9_]+)`")


_BELOW = re.compile(r"^#(#+ )", re.MULTILINE)


def _linked(text: str) -> str:
    """Names of runbooks lead to them. The page's heading is the document's own, so that the others
    are one step nearer to it."""
    return _NAMED.sub(
        lambda found: (
            f"[{found[0]}](/admin/runbooks/{found[1]}/)" if books.is_shipped(found[1]) else found[0]
        ),
        _BELOW.sub(r"\1", text),
    )


def _part(part: Part) -> dict[str, Any]:
    return {"text": _linked(part.text)} if part.step is None else {"shown": shown(part.step)}


def run_parts(run: RunbookRun) -> list[dict[str, Any]]:
    """The same, with what was done."""
    document = reading.read(run.text.text)
    last = running.standing(run)
    known = {}
    if run.incident is not None and run.incident.service is not None:
        known["service"] = run.incident.service.slug
    return [
        {"text": _linked(part.text)}
        if part.step is None
        else {
            "shown": shown(
                part.step, last=last.get(part.step.number), known=known,
                tries=last[part.step.number].attempt if part.step.number in last else 0,
                url=reverse("runbooks:step", args=(run.uid, part.step.number)),
            )
        }
        for part in document.parts
    ]  # fmt: skip


def state_of(row: Runbook, standing: validating.Standing | None) -> str:
    if row.archived_at is not None:
        return "put away"
    return standing.state if standing is not None else "never tried"


def panel(row: Runbook, here: Workspace | None, actor: Actor) -> dict[str, Any]:
    """The page of a runbook, as it stands in a workspace."""
    if row.current is None:
        return {"parts": []}
    standing = None
    if here is not None:
        known = {each.slug: each for each in validating.standings(here.pk)}
        standing = known.get(row.slug)
    runs: Any = RunbookRun.objects.visible_to(actor).filter(runbook=row)
    log: Any = RunbookValidation.objects.visible_to(actor).filter(slug=row.slug)
    uses: Any = RunbookUse.objects.visible_to(actor).filter(runbook=row)
    if here is not None:
        runs, log, uses = runs.of(here), log.of(here), uses.of(here)
    document = reading.read(row.current.text)
    return {
        "document": document,
        "parts": parts(document),
        "standing": standing,
        "here": here,
        "newer": books.newer(row),
        "versions": list(row.versions.defer("text", "steps")[:VERSIONS]),
        "runs": list(runs.select_related("incident", "text")[:RUNS]),
        "log": [
            (each, LOG_TONES[each.result])
            for each in log.select_related("user", "text", "run")[:LOG]
        ],
        "uses": list(uses.select_related("user", "incident", "alert")[:RUNS]),
        "owner": role_label(row.owner_role),
    }


@dataclass(frozen=True, slots=True)
class Act:
    """What can be done with a runbook here; `leads`: to a page that asks something first."""

    slug: str
    label: str
    url: str
    refusal: str
    icon: str = ""
    leads: bool = False
    primary: bool = False


def acts(row: Runbook, here: Workspace | None, actor: Actor) -> list[Act]:
    if here is None or row.current is None:
        return []
    one = (row.uid,)
    refusals = {
        action: "" if (said := policy.can(actor, action, here)) else said.reason
        for action in (running.ACTION, validating.ACTION, books.ACTION, "paging.drill")
    }
    edit = refusals[books.ACTION]
    if row.archived_at is not None:
        return [Act("put_back", "Put it back", reverse("runbooks:act", args=(*one, "put-back")),
                    edit)]  # fmt: skip
    return [
        Act("begin", "Work through it", reverse("runbooks:act", args=(*one, "begin")),
            refusals[running.ACTION], "play", primary=True),
        Act("drill", "Drill it", reverse("runbooks:act", args=(*one, "drill")),
            refusals["paging.drill"]),
        Act("validate", "Say whether it works", reverse("runbooks:validate", args=one),
            refusals[validating.ACTION], "check", leads=True),
        Act("edit", "Edit", reverse("runbooks:edit", args=one), edit, "edit", leads=True),
        Act("away", "Put away", reverse("runbooks:away", args=one), edit, "close", leads=True),
    ]  # fmt: skip


def _used(**about: int) -> QuerySet[RunbookUse]:
    return RunbookUse.objects.filter(**about).select_related("runbook", "user")[:RUNS]


_uses: dict[str, Callable[[int], QuerySet[RunbookUse]]] = {
    "incident": lambda pk: _used(incident=pk),
    "ticket": lambda pk: _used(ticket=pk),
    "alert": lambda pk: _used(alert=pk),
}


def suggested(subject: Incident | Alert | Ticket, actor: Actor) -> dict[str, Any] | None:
    """Runbooks that may help with this, and those that were looked into."""
    if not policy.can(actor, "runbook.view", subject):
        return None
    if isinstance(subject, Incident):
        found, incident = using.for_incident(subject), subject
        about: dict[str, Any] = {"incident": subject}
    elif isinstance(subject, Ticket):
        found, incident = using.for_ticket(subject), None
        about = {"ticket": subject}
    else:
        found, incident = using.for_alert(subject), None
        about = {"alert": subject}
    kind = next(iter(about))
    uses = kept.ask(_uses[kind], subject.pk)
    runs: Sequence[RunbookRun] = []
    if incident is not None:
        runs = kept.ask(
            lambda incident: (
                RunbookRun.objects.filter(incident=incident)
                .select_related("runbook")
                .order_by("-pk")[:RUNS]
            ),
            incident.pk,
        )
    return {
        "suggestions": found,
        "uses": uses,
        "runs": runs,
        "may_run": incident is not None and bool(policy.can(actor, running.ACTION, subject)),
        "kind": kind,
        "uid": subject.uid,
    }
