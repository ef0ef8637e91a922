"""The two ladders: of incidents and of support. Where the playbooks differ the stricter number
holds, and the other stands in the note."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.access import policy as access
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.given import line, refuse
from controlplane.lib.kept import Question
from incidents import shipping
from incidents.models import SeverityLevel

MINUTE, HOUR = 60, 3_600
KEY = ("ladder", "code")


def _level(ladder: str, code: str, rank: int, title: str, definition: str, **more: Any) -> Any:
    given: dict[str, Any] = {
        name: field.get_default()
        for name, field in _FIELDS.items()
        if name not in {"ladder", "code", "rank", "title", "definition"}
    }
    given.update(more)
    return {
        "ladder": ladder, "code": code, "rank": rank, "title": title, "definition": definition,
        **given,
    }  # fmt: skip


_KEPT_ASIDE = {"id", "uid", "workspace", "shipped_mark", "version"}
_FIELDS = {
    field.name: field
    for field in SeverityLevel._meta.concrete_fields
    if field.name not in _KEPT_ASIDE
}
SHIPPED: list[dict[str, Any]] = [
    _level(
        "incident", "sev1", 1, "SEV-1",
        "A complete outage, data lost, or a breach.",
        maps_to="p0", policy="sev1", ack_s=5 * MINUTE, respond_s=5 * MINUTE,
        mitigation_starts_s=15 * MINUTE, mitigate_s=5 * MINUTE, update_s=15 * MINUTE,
        escalate_s=30 * MINUTE, unack_s=30 * MINUTE, monitor_s=2 * HOUR, review_s=48 * HOUR,
        at_once=["engineering_lead", "security_lead"], informed=["vp_engineering"],
        item_priority=0, customers_told=True, status_page=True,
        note="One playbook answers within 5 minutes, the other mitigates within 5: both hold.",
    ),
    _level(
        "incident", "sev2", 2, "SEV-2",
        "A part is out, a major feature is broken, or 25 % of users or more are touched.",
        maps_to="p1", policy="sev2", ack_s=5 * MINUTE, respond_s=15 * MINUTE,
        mitigation_starts_s=15 * MINUTE, mitigate_s=15 * MINUTE, update_s=15 * MINUTE,
        escalate_s=60 * MINUTE, unack_s=30 * MINUTE, monitor_s=2 * HOUR, review_s=48 * HOUR,
        at_once=["engineering_lead"], item_priority=1, customers_told=True, status_page=True,
    ),
    _level(
        "incident", "sev3", 3, "SEV-3",
        "It works worse, there is a way around it, and less than 25 % of users are touched.",
        maps_to="p2", policy="sev3", ack_s=5 * MINUTE, respond_s=HOUR,
        mitigation_starts_s=15 * MINUTE, restore_s=HOUR, update_s=15 * MINUTE,
        unack_s=60 * MINUTE, monitor_s=HOUR, item_priority=2,
        note="Updates every 15 minutes while it is worked on.",
    ),
    _level(
        "incident", "sev4", 4, "SEV-4",
        "Small or cosmetic: nobody is called.",
        maps_to="p2", pages=False, respond_s=4 * HOUR, resolve_s=4 * HOUR, monitor_s=HOUR,
        item_priority=3,
    ),
    _level(
        "support", "p0", 1, "P0", "Production is out, or data that matters is lost.",
        maps_to="sev1", policy="p0", ack_s=15 * MINUTE, triage_s=30 * MINUTE,
        update_s=30 * MINUTE, informed=["release_manager", "cto", "head_of_product"],
        item_priority=0, customers_told=True, status_page=True,
    ),
    _level(
        "support", "p1", 2, "P1", "Many are touched, or something important does not work.",
        maps_to="sev2", policy="p1", ack_s=15 * MINUTE, triage_s=30 * MINUTE,
        respond_s=15 * MINUTE, update_s=30 * MINUTE, informed=["release_manager"],
        item_priority=1,
    ),
    _level(
        "support", "p2", 3, "P2", "A question, or a fault with a way around it.",
        maps_to="sev4", pages=False, policy="p2", ack_s=15 * MINUTE, triage_s=30 * MINUTE,
        respond_s=4 * HOUR, update_s=HOUR, informed=["product_manager"], item_priority=2,
        note="A P2 that is a fault stands as SEV-3.",
    ),
]  # fmt: skip


def adopt() -> int:
    return shipping.adopt(SeverityLevel, KEY, SHIPPED)


def of(workspace_id: int, ladder: str = "incident") -> dict[str, SeverityLevel]:
    """The levels that hold in a workspace, gravest first. What was never shipped yet is."""
    found = _read(workspace_id, ladder)
    if not found and adopt():
        found = _read(workspace_id, ladder)
    return found


def _read(workspace_id: int, ladder: str) -> dict[str, SeverityLevel]:
    return {row.code: row for row in _IN_FORCE.rows(workspace_id, ladder)}


_IN_FORCE: Question[SeverityLevel] = Question(
    lambda workspace, ladder: (
        SeverityLevel.objects.in_force(workspace).filter(ladder=ladder).order_by("rank")
    )
)


def level(workspace_id: int, code: Any) -> SeverityLevel:
    known = of(workspace_id)
    found = known.get(str(code).strip().lower().replace("-", "")) if code else None
    if found is None:
        raise refuse("severity", f"One of {', '.join(known)}.")
    return found


def suggested(percent: int) -> str:
    """What the playbooks make of a share of users: a quarter of them is SEV-2 already."""
    return "sev2" if percent >= 25 else "sev3"


# --- A workspace's own ----------------------------------------------------------------------------

_SECONDS = tuple(name for name in _FIELDS if name.endswith("_s"))
_ROLES = ("at_once", "informed")
_FLAGS = ("pages", "customers_told", "status_page")
CHANGEABLE = frozenset(
    {"title", "definition", "policy", "note", "item_priority", *_SECONDS, *_ROLES, *_FLAGS}
)
_MOST_SECONDS = 31 * 24 * HOUR


@transaction.atomic
def save_level(
    workspace: Workspace,
    ladder: str,
    code: str,
    *,
    actor: Actor,
    version: int | None = None,
    **changes: Any,
) -> SeverityLevel:
    """Say anew what a rung of the workspace means: of a shipped one it gets its own. Incidents
    that are open keep the clocks they have until their severity is changed."""
    access.require(actor, "incident.levels", workspace)
    shown = of(workspace.pk, ladder).get(code)
    if shown is None:
        raise refuse("code", "There is no such level.")
    row = _own(workspace, shown)
    if version is not None and version != shown.version:
        raise Conflict(
            "Somebody changed it since you looked. Look again.",
            details={"seen_version": version, "version": shown.version},
        )
    given = {name: _read_one(name, value) for name, value in changes.items()}
    before = shipping.content(row, sorted(given))
    for name, value in given.items():
        setattr(row, name, value)
    if row.pages and not row.policy:
        raise refuse("policy", "Where somebody is called a policy says who.")
    row.version = shown.version + 1
    row.save()
    record(actor, "incident.levels", row, before=before,
           after=shipping.content(row, sorted(given)))  # fmt: skip
    return row


@transaction.atomic
def drop_level(workspace: Workspace, ladder: str, code: str, *, actor: Actor) -> SeverityLevel:
    """Back to what is shipped."""
    access.require(actor, "incident.levels", workspace)
    rows = SeverityLevel.objects.select_for_update(of=("self",))
    own = rows.filter(workspace=workspace, ladder=ladder, code=code).first()
    rows = SeverityLevel.objects.filter(workspace=None, ladder=ladder, code=code)
    shipped: SeverityLevel | None = rows.first()
    if own is None or shipped is None:
        raise Conflict("It is the shipped one already.")
    record(actor, "incident.levels", own, before={"title": own.title}, after=None)
    own.delete()
    return shipped


def _own(workspace: Workspace, shown: SeverityLevel) -> SeverityLevel:
    rows = SeverityLevel.objects.select_for_update(of=("self",), no_key=True)
    found: SeverityLevel | None = rows.filter(
        workspace=workspace, ladder=shown.ladder, code=shown.code
    ).first()
    if found is not None:
        return found
    kept = {name: getattr(shown, name) for name in _FIELDS}
    return SeverityLevel(workspace=workspace, **kept)


def _read_one(name: str, value: Any) -> Any:
    if name not in CHANGEABLE:
        raise refuse(name, "This can't be changed.")
    if name in _SECONDS:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST_SECONDS:
            raise refuse(name, "Seconds, from 1 to those of 31 days.")
        return value
    if name == "item_priority":
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 4:
            raise refuse(name, "A priority from 0 to 4.")
        return value
    if name in _FLAGS:
        return bool(value)
    if name in _ROLES:
        wrong = sorted(set(value) - access.PEOPLE)
        if wrong:
            raise refuse(name, f"There is no role {wrong[0]}.")
        return sorted(set(value))
    most = {"title": 80, "definition": 400, "policy": 50, "note": 400}[name]
    return line(name, value, most, required=name in {"title", "definition"})
