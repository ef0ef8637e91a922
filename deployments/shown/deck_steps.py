"""Steps as the page tells them: what is done, what runs, what comes next, and what can be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Length, Right
from django.urls import reverse

from controlplane.access import policy
from controlplane.lib.actors import Actor
from deployments.models import Adapter, Deployment, Step
from deployments.services.next_action import by_itself

TAIL = 6_000  # of a log, on the deployment's page; the step's own has what is kept
RETOLD = 12  # lines of it


@dataclass(frozen=True, slots=True)
class Shown:
    """`verbs` are what can be done now, most likely first: (verb, label, refusal)."""

    step: Any  # a Step with `tail` and `said`
    number: int
    url: str
    current: bool
    tries: int
    verbs: Sequence[tuple[str, str, str]] = field(default_factory=tuple)

    @property
    def by_itself(self) -> bool:
        return by_itself(self.step)

    @property
    def lines(self) -> str:
        """The end of its log, whole lines."""
        tail: str = self.step.tail
        found = tail.rstrip("\n").split("\n")
        return "\n".join(found[-RETOLD:])

    @property
    def more_lines(self) -> bool:
        return bool(self.step.said > len(self.lines) + 1)

    @property
    def first(self) -> tuple[str, str, str] | None:
        return self.verbs[0] if self.verbs else None


def rows_of(row: Deployment) -> QuerySet[Any]:
    """In order, with the end of each log instead of the whole."""
    rows = row.steps.select_related("adapter", "component").defer("output")
    told: QuerySet[Any] = rows.annotate(tail=Right("output", TAIL), said=Length("output"))
    return told.order_by("position")


def shown(row: Deployment, steps: Sequence[Any], actor: Actor) -> list[Shown]:
    decision = policy.can(actor, "deployment.start", row)
    why_not = "" if decision else decision.reason
    now = next((step.pk for step in steps if not step.is_over), None)
    found = []
    for number, step in enumerate(steps, start=1):
        step.deployment = row
        current = step.pk == now and row.phase == "deploying"
        found.append(
            Shown(
                step=step,
                number=number,
                url=url(row, step.uid),
                current=current,
                tries=step.attempt,
                verbs=_verbs(step, why_not) if current else (),
            )
        )
    return found


def url(row: Deployment, step: UUID) -> str:
    return reverse("deck:step", args=(row.uid, step))


def _verbs(step: Step, why_not: str) -> list[tuple[str, str, str]]:
    """Of the step whose turn it is."""
    if step.deployment.status != "deploying":
        why_not = why_not or "It is blocked."
    if step.state == Step.State.RUNNING and step.token is not None:
        return [("stop", "Stop", why_not)]
    if step.state == Step.State.RUNNING:
        return [("finish", "Done", why_not)]
    if step.state == Step.State.FAILED:
        return [("retry", "Try again", why_not), ("skip", "Skip", why_not)]
    missing = step.needs_backup and not step.deployment.backup_ref
    held = why_not or ("Name the backup that was made before this." if missing else "")
    found = [("finish", "Done", held), ("begin", "Begin", held), ("skip", "Skip", why_not)]
    if by_itself(step):
        found.insert(0, ("run", "Run", held))
    return found


def adapters_for(step: Step) -> list[Adapter]:
    """What is switched on, and allowed for such a step where it is done."""
    rows = Adapter.objects.of(step.deployment.workspace).filter(
        enabled=True, environments=step.deployment.environment, for_step__in=("", step.slug)
    )
    return list(rows.order_by("slug")[:50])
