"""One way to change a state: a table of steps, a compare-and-set, an audit row.

Each stateful model has one table, read by the service that moves the row, by the console that
draws the buttons, by the page in the docs and by the property test that walks it. There is no
lock: the UPDATE names the status and version the caller saw, so of any number of racers exactly
one wins and the others get `Conflict` and look again.

The trap this closes: a status checked in Python and written a statement later. Between the two
anybody may have moved the row, and the second writer silently undoes the first.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar, cast

from django.db import models, transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.audit import services as audit
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet, InvalidTransition, NotAllowed

M = TypeVar("M", bound=models.Model)
# The row -> sentences that stand in the way. Empty: the way is free.
Gate = Callable[[Any], list[str]]


@dataclass(frozen=True, slots=True)
class Step:
    """One legal move. Without an action only the portal itself (a job) may make it."""

    action: str | None
    label: str
    gate: Gate | None = None
    # Quiet steps come after the one the console shows as the next.
    primary: bool = True
    # False for moves the portal makes by the thousand, which no auditor ever asks about.
    audited: bool = True


@dataclass(frozen=True, slots=True)
class NextStep:
    """A step as somebody sees it: possible, or refused with the reason."""

    to: str
    label: str
    action: str | None
    allowed: bool
    refusal: str
    primary: bool


Steps = Mapping[str, Mapping[str, Step | tuple[str | None, str]]]


class TransitionTable:
    """`steps[from][to] = (action, label)`, declared beside the services, registered once."""

    def __init__(self, model: str, *, initial: str, steps: Steps) -> None:
        self.model_label = model.lower()
        self.initial = initial
        self.steps: dict[str, dict[str, Step]] = {
            source: {
                to: step if isinstance(step, Step) else Step(*step) for to, step in targets.items()
            }
            for source, targets in steps.items()
        }
        self._check()
        if self.model_label in TABLES:
            raise ValueError(f"{model} has two transition tables")
        TABLES[self.model_label] = self

    def _check(self) -> None:
        for source, to, step in self:
            if step.action is not None and step.action not in policy.ACTIONS:
                raise ValueError(f"{self.model_label} {source} -> {to}: no action {step.action}")
        unreachable = self.states - self.reachable()
        if unreachable:
            raise ValueError(f"{self.model_label}: never reached: {', '.join(sorted(unreachable))}")

    def __iter__(self) -> Iterator[tuple[str, str, Step]]:
        for source, targets in self.steps.items():
            for to, step in targets.items():
                yield source, to, step

    @property
    def states(self) -> frozenset[str]:
        return frozenset({self.initial, *self.steps, *(to for _, to, _ in self)})

    @property
    def final(self) -> frozenset[str]:
        return frozenset(state for state in self.states if not self.steps.get(state))

    def reachable(self) -> frozenset[str]:
        seen = {self.initial}
        todo = [self.initial]
        while todo:
            for to in self.steps.get(todo.pop(), {}):
                if to not in seen:
                    seen.add(to)
                    todo.append(to)
        return frozenset(seen)

    def step(self, source: str, to: str) -> Step:
        step = self.steps.get(source, {}).get(to)
        if step is None:
            legal = ", ".join(self.steps.get(source, {})) or "nothing: it is final"
            raise InvalidTransition(
                f"{source} cannot become {to}.",
                details={"from": source, "to": to, "legal": legal},
            )
        return step

    def mermaid(self) -> str:
        """The table as a drawing, for the docs and the console's help."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.initial}"]
        for source, to, step in self:
            who = step.action or "the portal"
            lines.append(f"    {source} --> {to}: {step.label} ({who})")
        lines += [f"    {state} --> [*]" for state in sorted(self.final)]
        return "\n".join(lines) + "\n"


TABLES: dict[str, TransitionTable] = {}


def table_of(obj: models.Model | type[models.Model]) -> TransitionTable:
    return TABLES[obj._meta.label_lower]


def legal(obj: models.Model, actor: Actor) -> list[NextStep]:
    """Every next step of this row, the refused ones with the reason, in the table's order."""
    return [
        _seen(obj, actor, to, step)
        for to, step in table_of(obj).steps.get(_status(obj), {}).items()
    ]


def _seen(obj: models.Model, actor: Actor, to: str, step: Step) -> NextStep:
    refusal = _refusal(actor, step, obj)
    if not refusal and step.gate is not None:
        refusal = "; ".join(step.gate(obj))
    return NextStep(to, step.label, step.action, not refusal, refusal, step.primary)


def _refusal(actor: Actor, step: Step, obj: models.Model) -> str:
    if step.action is None:
        return "" if actor.kind == "job" else "only the portal itself does this"
    decision = policy.can(actor, step.action, obj)
    return "" if decision else decision.reason


def advance(
    obj: M,
    to: str,
    *,
    actor: Actor,
    action: str | None = None,
    reason: str = "",
    changes: Mapping[str, Any] | None = None,
) -> M:
    """Move the row to `to`, with `changes` to other fields in the same UPDATE.

    Raises `InvalidTransition` (no such step), `NotAllowed`, `GateNotMet`, or `Conflict` when
    somebody moved the row since the caller read it. `action` replaces the step's own where
    another authority does the same move. The instance carries the new values afterwards; if the
    surrounding transaction rolls back it must be read again, as always.
    """
    source = _status(obj)
    step = table_of(obj).step(source, to)
    name = action or step.action
    _require(actor, name, obj)
    _pass_gate(step, obj)
    new = {"status": to, **_checked(obj, changes or {})}
    before = {key: plain(getattr(obj, key)) for key in new}
    with transaction.atomic():
        _compare_and_set(obj, source, new)
        if step.audited:
            audit.record(
                actor,
                name or f"{obj._meta.model_name}.{to}",
                obj,
                before=before,
                after={key: plain(getattr(obj, key)) for key in new},
                reason=reason,
                details={"transition": f"{source} -> {to}"},
            )
    return obj


def _require(actor: Actor, action: str | None, obj: models.Model) -> None:
    if action is not None:
        policy.require(actor, action, obj)
    elif actor.kind != "job":
        raise NotAllowed(
            "Only the portal itself does this.",
            denial={
                "actor": actor,
                "action": f"{obj._meta.model_name}.advance",
                "subject": obj,
                "rule": "portal_only",
                "reason": "only the portal itself does this",
            },
        )


def _pass_gate(step: Step, obj: models.Model) -> None:
    conditions = step.gate(obj) if step.gate is not None else []
    if conditions:
        raise GateNotMet("; ".join(conditions), details={"conditions": conditions})


def _compare_and_set(obj: models.Model, source: str, new: Mapping[str, Any]) -> None:
    version: int = getattr(obj, "version")  # noqa: B009 - no static type knows it
    rows = type(obj)._base_manager.filter(pk=obj.pk, status=source, version=version)
    if not rows.update(**new, version=F("version") + 1):
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_status": source, "seen_version": version},
        )
    for key, value in new.items():
        setattr(obj, key, value)
    setattr(obj, "version", version + 1)  # noqa: B010


def _checked(obj: models.Model, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Only this table's own plain columns: an UPDATE of `status` or `version` beside the
    compare-and-set would defeat it, and an F() value could not be audited."""
    allowed = {field.name for field in obj._meta.concrete_fields if not field.primary_key}
    allowed |= {field.attname for field in obj._meta.concrete_fields if not field.primary_key}
    wrong = sorted(set(changes) - (allowed - {"status", "version"}))
    expressions = sorted(
        key for key, value in changes.items() if hasattr(value, "resolve_expression")
    )
    if wrong or expressions:
        raise ValueError(f"advance() cannot change {', '.join(wrong or expressions)}")
    return dict(changes)


def _status(obj: models.Model) -> str:
    return cast("str", getattr(obj, "status"))  # noqa: B009


def plain(value: Any) -> Any:
    """A value as the audit log keeps it: JSON, with rows by their ref."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, models.Model):
        return f"{value._meta.label_lower}:{value.pk}"
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, uuid.UUID | Decimal | datetime.timedelta):
        return str(value)
    return repr(type(value))
