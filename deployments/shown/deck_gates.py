"""Gates as the page tells them: in groups, with what was found, who mends it, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from controlplane.access import policy
from controlplane.approvals import links as approval_links
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from deployments import links
from deployments.gates import table
from deployments.gates.kinds import Definition
from deployments.models import Deployment, Gate
from deployments.services.checking import OPEN, SECOND_EYES, action_to_waive
from deployments.services.next_action import GROUPS
from deployments.services.noting import PORTAL

FEW = 2  # checks that hold are not worth a fold
ICONS = {
    "passed": "check",
    "failed": "cross",
    "waiting": "clock",
    "waived": "alert",
    "not_applicable": "minus",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """`tick`, `waive` and `again` are the sentences that refuse them; None: not offered here."""

    gate: Gate
    definition: Definition
    url: str
    is_open: bool
    mend_url: str
    tick: str | None
    waive: str | None
    again: str | None
    by: str  # who said so, where a person did

    @property
    def icon(self) -> str:
        return ICONS[self.gate.state]

    @property
    def state(self) -> str:
        """A check that waits for a person says so."""
        if self.gate.state == Gate.State.WAITING and not self.gate.computed:
            return "Asked of a person"
        return str(self.gate.get_state_display())

    @property
    def notes(self) -> list[str]:
        found = []
        if self.definition.optional:
            found.append("nothing waits for it")
        elif self.definition.at_start and self.is_open:
            found.append("asked when it starts")
        return found


@dataclass(slots=True)
class Group:
    slug: str
    title: str
    rows: list[Shown] = field(default_factory=list)

    @property
    def open(self) -> list[Shown]:
        return [row for row in self.rows if row.is_open]

    @property
    def settled(self) -> list[Shown]:
        return [row for row in self.rows if not row.is_open]

    @property
    def folded(self) -> list[Shown]:
        """What holds, or has nothing to say: there when somebody asks. Few of them stay in
        sight, and so does what was waived: an exception is no green light."""
        held = [row for row in self.settled if row.gate.state != Gate.State.WAIVED]
        return held if len(held) > FEW else []

    @property
    def seen(self) -> list[Shown]:
        """What somebody has to see to first."""
        away = {row.gate.slug for row in self.folded}
        rows = [row for row in self.rows if row.gate.slug not in away]
        return sorted(rows, key=lambda row: not row.is_open)

    @property
    def folded_words(self) -> str:
        idle = sum(row.gate.state == Gate.State.NOT_APPLICABLE for row in self.folded)
        held = len(self.folded) - idle
        told = [f"{held} hold{'s' * (held == 1)}"] if held else []
        if idle:
            told.append(f"{idle} {'does' if idle == 1 else 'do'} not apply")
        return ", ".join(told)

    @property
    def told(self) -> str:
        held = len(self.settled)
        return f"{held} of {len(self.rows)}"


@dataclass(slots=True)
class Phase:
    slug: str
    title: str
    closed: bool  # nothing can be changed any more
    groups: list[Group]
    folded: bool  # its time is over, or has not come
    no_waiving: str = ""  # why this reader may waive none

    @property
    def open(self) -> int:
        """What somebody has to see to."""
        return sum(len(group.open) for group in self.groups)

    @property
    def counts(self) -> list[tuple[str, int, str]]:
        """Words, number and tone of each state there is."""
        rows = [row.gate.state for group in self.groups for row in group.rows]
        told = (
            ("green", "passed", "good"),
            ("failed", "failed", "bad"),
            ("waiting", "waiting", "info"),
            ("waived", "waived", "warn"),
            ("not applicable", "not_applicable", "neutral"),
        )
        return [(words, rows.count(s), tone) for words, s, tone in told if s in rows]


def phases(row: Deployment, gates: Iterable[Gate], actor: Actor) -> list[Phase]:
    """Before and after, whichever matters now first."""
    found = []
    rows = list(gates)
    for slug, title in (("before", "Before it goes"), ("after", "After it went")):
        of_phase = [gate for gate in rows if gate.phase == slug]
        closed = row.phase not in OPEN[slug]
        if of_phase:
            may = policy.can(actor, "deployment.override", row)
            why_not = "" if may or closed else may.reason
            groups = _grouped(row, of_phase, actor, closed)
            folded = closed or (slug == "after" and row.phase == "deploying")
            found.append(Phase(slug, title, closed, groups, folded, why_not))
    return sorted(found, key=lambda phase: phase.closed)


def _grouped(row: Deployment, gates: Sequence[Gate], actor: Actor, closed: bool) -> list[Group]:
    titles = dict(Gate.Group.choices)
    groups = {slug: Group(slug, titles[slug]) for slug in GROUPS}
    may_tick = policy.can(actor, "deployment.tick", row)
    why_not = "" if may_tick else may_tick.reason
    for gate in gates:
        gate.deployment = row
        groups[gate.group].rows.append(shown(gate, actor, why_not, closed=closed))
    return [group for group in groups.values() if group.rows]


def shown(gate: Gate, actor: Actor, why_no_tick: str, *, closed: bool) -> Shown:
    row = gate.deployment
    definition = table.GATES.get(gate.slug) or Definition(
        gate.slug, gate.title, gate.phase, gate.group
    )
    said = bool(gate.by) and gate.by != PORTAL.ref
    stands = gate.state in {"passed", "failed", "waived"} and said
    return Shown(
        gate=gate,
        definition=definition,
        url=reverse("deck:check", args=(row.uid, gate.slug)),
        is_open=not gate.is_settled and not closed,
        mend_url="" if gate.is_settled else _mend(gate),
        tick=None if closed or gate.is_settled else _tick(gate, actor, why_no_tick),
        waive=None if closed or gate.is_settled else _waive(gate, actor),
        again=None if closed or not stands else _again(gate, actor),
        by=gate.by if said else "",
    )


def _tick(gate: Gate, actor: Actor, why_not: str) -> str | None:
    if gate.computed:
        return None
    if why_not:
        return why_not
    if gate.slug in SECOND_EYES and actor.ref == gate.deployment.created_by:
        return "Somebody else confirms this: you opened the deployment."
    return ""


def _waive(gate: Gate, actor: Actor) -> str | None:
    """None where this reader may not: that is said once for all of them."""
    try:
        action = action_to_waive(gate)
    except Conflict as error:
        return error.message
    return "" if policy.can(actor, action, gate.deployment) else None


def _again(gate: Gate, actor: Actor) -> str:
    action = "deployment.override" if gate.state == Gate.State.WAIVED else "deployment.tick"
    decision = policy.can(actor, action, gate.deployment)
    return "" if decision else decision.reason


# --- Where what is open is mended -----------------------------------------------------------------


def _form(field: str) -> Callable[[Gate], str]:
    return lambda gate: f"{reverse('deck:papers', args=(gate.deployment.uid,))}#id_{field}"


def _list(path: str, **query: Any) -> Callable[[Gate], str]:
    return lambda gate: links.listing(path, **query)


def _item(gate: Gate) -> str:
    item = gate.deployment.item
    return links.row(item) if item is not None else ""


def _staging(gate: Gate) -> str:
    asked = {"release": gate.deployment.release, "environment": "staging"}
    return f"{reverse('deck:ensure')}?{urlencode(asked)}"


def _flag(gate: Gate) -> str:
    flag = gate.deployment.flag
    return links.row(flag) if flag is not None else _form("flag")(gate)


def _approval(gate: Gate) -> str:
    request = gate.deployment.approval
    return approval_links.page_of(request) if request is not None else ""


_AUDITS = _list("telemetry/auditrun")
_WHERE: Mapping[str, Callable[[Gate], str]] = {
    "release-facts": _form("commit_sha"),
    "rollback-plan": _form("rollback_plan"),
    "evidence-folder": _form("evidence_path"),
    "hotfix-scope": _form("scope_note"),
    "watcher": _form("watcher"),
    "ci": _list("work/githubsource"),
    "staging": _staging,
    "flag-off": _flag,
    "rollout-plan": _list("deployments/rollout"),
    "item-unblocked": _item,
    "upstream": _item,
    "no-cycles": lambda gate: reverse("work:cycles"),
    "backup": _list("backups/backupreport"),
    "telemetry-audit": _AUDITS,
    "spot-audit": _AUDITS,
    "telemetry-gaps": _list("telemetry/gap"),
    "on-call-told": lambda gate: reverse("oncall:board"),
    "no-freeze": _list("deployments/freeze"),
    "no-other": _list("deployments/deployment", standing="under_way"),
    "approval": _approval,
    "health": lambda gate: "#steps",
}


def _mend(gate: Gate) -> str:
    where = _WHERE.get(gate.slug)
    return where(gate) if where is not None else ""
