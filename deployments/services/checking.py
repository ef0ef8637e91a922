"""Gates: looked at by the portal, ticked by people, waived by those who may."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet, NotAllowed
from controlplane.lib.redaction import redact
from deployments import links
from deployments.gates import table
from deployments.gates.kinds import Definition, Evidence, Found, ask, not_applicable
from deployments.gates.looking import Look
from deployments.models import Deployment, Gate
from deployments.services import reading, telling
from deployments.services.holding import hold, hold_gate
from deployments.services.noting import PORTAL, note
from deployments.watch import snapshots

# Where gates of a phase are still open to change.
OPEN = {
    "before": frozenset({"preparing", "ready", "approved"}),
    "after": frozenset({"deploying", "verifying", "monitoring"}),
}
PERSON_ASKED = "ask"


def copy_gates(deployment: Deployment) -> None:
    """The deployment's own row for each gate that applies to it, in the order of the table."""
    look = Look(deployment)
    known = set(deployment.gates.values_list("slug", flat=True))
    Gate.objects.bulk_create(
        Gate(
            deployment=deployment,
            phase=each.phase,
            group=each.group,
            slug=each.slug,
            position=place,
            title=each.title,
            computed=each.compute is not None,
        )
        for place, each in enumerate(table.GATES.values())
        if each.slug not in known and each.applies(look)
    )


def look_at_gates(deployment: Deployment, *, phase: str = "") -> list[Gate]:
    """Compute what can be computed and keep it. What a person said stands until the portal knows
    better; what was waived stays waived. Whoever came on duty is told first. Answers the gates of
    the phase, in order."""
    with transaction.atomic():
        row = hold(deployment)
        look = Look(row)
        if row.is_guarded and row.phase in OPEN["before"]:
            telling.tell_on_call(row, look)
        return _look(row, look, phase)


def _look(row: Deployment, look: Look, phase: str) -> list[Gate]:
    gates = list(row.gates.select_for_update(no_key=True).order_by("position"))
    changed = []
    for gate in gates:
        gate.deployment = row
        definition = table.GATES.get(gate.slug)
        if definition is None or (phase and gate.phase != phase):
            continue
        if row.phase in OPEN[gate.phase] and _settle(gate, _found(gate, definition, look)):
            changed.append(gate)
    Gate.objects.bulk_update(
        changed, ["state", "detail", "evidence", "at", "by", "computed", "version"]
    )
    return [gate for gate in gates if not phase or gate.phase == phase]


_NOT_ITS_OWN = "Nothing that it brings asks for this."


def _found(gate: Gate, definition: Definition, look: Look) -> Found | None:
    """None: only a person can say. What it brings may have changed since the gate was made."""
    if not definition.applies(look):
        return not_applicable(_NOT_ITS_OWN)
    if definition.compute is not None:
        return definition.compute(look)
    return ask("") if gate.detail == _NOT_ITS_OWN else None


def _settle(gate: Gate, found: Found | None) -> bool:
    """Whether the row changes by what was found."""
    if found is None or gate.state == Gate.State.WAIVED:
        return False
    said = gate.by and gate.by != PORTAL.ref
    if found.state == PERSON_ASKED:
        if said:
            return False
        fresh: tuple[str, str, Evidence, bool] = ("waiting", found.detail[:500], [], False)
    else:
        fresh = (found.state, found.detail[:500], found.evidence, True)
    if (gate.state, gate.detail, gate.evidence, gate.computed) == fresh:
        return False
    gate.state, gate.detail, gate.evidence, gate.computed = fresh
    gate.at, gate.by = clock.now(), PORTAL.ref
    gate.version += 1
    return True


def open_gates(gates: Iterable[Gate], *, starting: bool) -> list[Gate]:
    """Those that stand in the way: of being declared ready, or of starting."""
    found = []
    for gate in gates:
        definition = table.GATES.get(gate.slug)
        if gate.is_settled or (definition is not None and definition.optional):
            continue
        if definition is not None and definition.at_start and not starting:
            continue
        found.append(gate)
    return found


def require_gates(row: Deployment, phase: str, *, starting: bool = False) -> list[Gate]:
    """Look again, and refuse with everything that is open."""
    gates = _look(row, Look(row, starting=starting), phase)
    still = open_gates(gates, starting=starting)
    if still:
        conditions = [f"{gate.title}: {gate.detail or 'nobody said so yet'}" for gate in still]
        raise GateNotMet(
            f"{len(still)} checks are open: {', '.join(gate.title for gate in still[:3])}"
            f"{' …' if len(still) > 3 else ''}.",
            details={"conditions": conditions, "gates": [gate.slug for gate in still]},
        )
    return gates


@transaction.atomic
def tick_gate(
    gate: Gate,
    *,
    actor: Actor,
    holds: bool = True,
    detail: str = "",
    evidence: Any = (),
    version: int | None = None,
) -> Gate:
    """A person says that it holds, or that it doesn't, and shows what by."""
    policy.require(actor, "deployment.tick", gate.deployment)
    row = _held(gate, version)
    definition = _definition(row)
    if row.computed and not _asked(row):
        raise Conflict(f"“{row.title}” computes itself; look again instead.")
    _may_say(row, actor)
    detail = reading.line("detail", redact(detail), reading.REASON, required=not holds)
    shown = reading.evidence(redact(list(evidence)))
    if holds and definition.shown and not (detail or shown):
        raise reading.refuse("detail", "Say what shows it, or link to it.")
    if holds and definition.slug in REVIEWS:
        shown = [*shown, reviewed(row.deployment, actor)]
    before = {"state": row.state, "detail": row.detail}
    row.state = Gate.State.PASSED if holds else Gate.State.FAILED
    row.detail, row.evidence = detail, shown
    _store(row, actor)
    said = f"{'Passed' if holds else 'Failed'}: {row.title}."
    note(
        row.deployment,
        "deployment.tick",
        actor=actor,
        said=" ".join([said, detail, *(each["link"] or each["label"] for each in shown)]).strip(),
        before={"gate": row.slug, **before},
        after={"gate": row.slug, "state": row.state, "detail": detail, "evidence": shown},
    )
    _after_change(definition, row, actor)
    return row


def _asked(gate: Gate) -> bool:
    """Nobody reports it here, so a person is asked."""
    definition = table.GATES.get(gate.slug)
    if definition is None or definition.compute is None:
        return True
    return definition.compute(Look(gate.deployment)).state == PERSON_ASKED


def _may_say(gate: Gate, actor: Actor) -> None:
    """What asks for a second pair of eyes isn't ticked by the first, nor by a program of theirs."""
    if gate.slug not in SECOND_EYES:
        return
    if actor.ref == gate.deployment.created_by:
        raise _denied(
            gate.deployment,
            actor,
            "second_pair_of_eyes",
            "Somebody else confirms this: you opened the deployment.",
        )
    by_a_person(gate.deployment, actor, "deployment.tick", "A person confirms this.")


SECOND_EYES = frozenset({"hotfix-minimal", "schema-review"})
# A look at the dashboards leaves behind what was to be seen there.
REVIEWS = frozenset({"dashboards-after"})


def by_a_person(row: Deployment, actor: Actor, action: str, sentence: str) -> None:
    """What a key may not do, although its roles may: to pass over something is judgement."""
    if actor.kind not in {"person", "job"}:
        raise _denied(row, actor, "by_a_person", sentence, action)


def _denied(
    row: Deployment, actor: Actor, rule: str, sentence: str, action: str = "deployment.tick"
) -> NotAllowed:
    denial = {"actor": actor, "action": action, "subject": row, "rule": rule, "reason": sentence}
    return NotAllowed(sentence, denial=denial)


def reviewed(row: Deployment, actor: Actor) -> dict[str, str]:
    made = snapshots.take(row.workspace, "review", actor=actor, deployment=row)
    words = telling.figures_in_words(made.figures)
    label = f"Figures at {made.ends_at:%Y-%m-%d %H:%M} UTC: {words}"
    return {"label": label[:300], "link": links.page_of(row)}


@transaction.atomic
def waive_gate(gate: Gate, *, actor: Actor, reason: str, version: int | None = None) -> Gate:
    """Go on without it. In the hotfix lane validations may be skipped by whoever ticks; they are
    owed afterwards. Elsewhere it takes the role."""
    row = _held(gate, version)
    definition = _definition(row)
    action = action_to_waive(row)
    policy.require(actor, action, row.deployment)
    by_a_person(row.deployment, actor, action, "A person waives this.")
    why = reading.reason(redact(reason))
    before = {"state": row.state, "detail": row.detail}
    row.state, row.waived_by, row.reason = Gate.State.WAIVED, actor.ref[:80], why
    _store(row, actor)
    note(
        row.deployment,
        "deployment.override",
        actor=actor,
        said=f"Waived: {row.title}. {why}",
        before={"gate": row.slug, **before},
        after={"gate": row.slug, "state": row.state},
        reason=why,
    )
    _after_change(definition, row, actor)
    return row


def action_to_waive(gate: Gate) -> str:
    """The action that waiving this takes."""
    definition = _definition(gate)
    hotfix = gate.deployment.kind == Deployment.Kind.HOTFIX
    if definition.waivable == "":
        raise Conflict(f"“{gate.title}” can't be waived.", details={"gate": gate.slug})
    if hotfix and (definition.debt or definition.waivable == "hotfix"):
        return "deployment.tick"
    if definition.waivable == "hotfix":
        raise Conflict(
            f"“{gate.title}” is optional for hotfixes and mandatory otherwise.",
            details={"gate": gate.slug},
        )
    return "deployment.override"


@transaction.atomic
def ask_again(gate: Gate, *, actor: Actor, reason: str = "") -> Gate:
    """Take back what was ticked or waived."""
    row = _held(gate, None)
    waived = row.state == Gate.State.WAIVED
    policy.require(actor, "deployment.override" if waived else "deployment.tick", row.deployment)
    before = {"gate": row.slug, "state": row.state}
    row.state, row.waived_by, row.reason, row.detail, row.evidence = "waiting", "", "", "", []
    row.by, row.at = "", None
    row.version += 1
    row.save()
    note(
        row.deployment,
        "deployment.tick",
        actor=actor,
        before=before,
        after={"gate": row.slug, "state": row.state},
        reason=reading.line("reason", reason, reading.REASON),
        details={"again": True},
    )
    _after_change(_definition(row), row, actor)
    return row


def _held(gate: Gate, version: int | None) -> Gate:
    row = hold_gate(gate)
    if version is not None and row.version != version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": row.version},
        )
    if row.deployment.phase not in OPEN[row.phase]:
        raise Conflict(
            f"{row.deployment.ref} is {row.deployment.get_status_display().lower()}: "
            f"checks {row.phase} the deployment are closed.",
            details={"status": row.deployment.status},
        )
    if row.phase == "after" and _nothing_out(row.deployment):
        raise Conflict(
            f"No step of {row.deployment.ref} has run yet: nothing is out to be checked."
        )
    return row


def _nothing_out(deployment: Deployment) -> bool:
    """It may go by a pipeline that the portal knows nothing of: then it has no steps."""
    steps = list(deployment.steps.values_list("state", flat=True))
    return deployment.phase == "deploying" and bool(steps) and set(steps) == {"pending"}


def _definition(gate: Gate) -> Definition:
    found = table.GATES.get(gate.slug)
    if found is not None:
        return found
    return Definition(gate.slug, gate.title, gate.phase, gate.group)


def _store(gate: Gate, actor: Actor) -> None:
    gate.at, gate.by = clock.now(), actor.ref[:80]
    gate.version += 1
    gate.save()


def _after_change(definition: Definition, gate: Gate, actor: Actor) -> None:
    """What is asked consent for says which checks were waived: changing that asks anew."""
    from deployments.services.consent import packet_moved
    from deployments.services.papers import forgive, owe

    if gate.phase == "before":
        packet_moved(gate.deployment, actor=actor, why=f"“{definition.title}” changed.")
    if gate.deployment.kind != Deployment.Kind.HOTFIX:
        return
    if gate.state == Gate.State.WAIVED:
        owe(gate.deployment, actor=actor)
    else:
        forgive(gate.deployment, "It was not skipped after all.", f"gate-{gate.slug}")


def ask_anew(row: Deployment, changed: Iterable[str]) -> None:
    """What people said of the release before it was changed, they say again."""
    fields = set(changed)
    slugs = [each.slug for each in table.GATES.values() if each.about & fields]
    said = row.gates.filter(slug__in=slugs, phase="before", state__in=["passed", "failed"])
    said.exclude(by__in=["", PORTAL.ref]).update(
        **_UNSAID, detail="It was said of something else.", version=F("version") + 1
    )


def ask_afresh(row: Deployment) -> None:
    """Another try: what was verified of the last one says nothing of this."""
    row.gates.filter(phase="after").update(**_UNSAID, detail="", version=F("version") + 1)


_UNSAID: dict[str, Any] = {
    "state": "waiting",
    "evidence": [],
    "at": None,
    "by": "",
    "waived_by": "",
    "reason": "",
}
