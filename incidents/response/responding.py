"""What happens by itself when an incident opens. A policy is off until somebody switches it on, and
can first only say what it would do. What it does are actions like those of people: once each, kept
with what came of them, and taken back only by somebody. A drill only says so, too.

The portal does it, but by the rights of whoever wrote it or switched it on last: they may do each
of its actions themselves, when they say so and when it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from controlplane.access import policy
from controlplane.access.models import User, Workspace
from controlplane.access.principals import actor_for_user
from controlplane.audit.services import record
from controlplane.base.states import plain
from controlplane.lib import actors, clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, ControlPlaneError, NotAllowed
from controlplane.lib.given import line, refuse
from incidents.models import Incident, ResponsePolicy
from incidents.records import levels, opening
from incidents.records.noting import PORTAL, note
from incidents.response import acting, holding_missions
from incidents.response.kinds import KINDS

KEEP = "incident.respond"
_MOST = 20
_FIELDS = ("title", "severities", "category", "service", "only_alerts", "actions")
Mode = ResponsePolicy.Mode


@dataclass(frozen=True, slots=True)
class Would:
    """One action, and whether it would be done as things stand now."""

    kind: str
    target: str
    label: str
    works: bool
    said: str


@transaction.atomic
def save(
    workspace: Workspace,
    *,
    actor: Actor,
    row: ResponsePolicy | None = None,
    version: int | None = None,
    **given: Any,
) -> ResponsePolicy:
    """Made, off; or said anew. What acts already and is changed only says so, until somebody has
    looked at it and switches it on again."""
    policy.require(actor, KEEP, workspace)
    made = _held(row, version) if row is not None else ResponsePolicy(workspace=workspace)
    before = _content(made) if row is not None else None
    for name, value in _read(workspace, made, given).items():
        setattr(made, name, value)
    if made.mode == Mode.ON and before is not None and _content(made) != before:
        made.mode = Mode.DRY
    if made.mode != Mode.OFF and not made.actions:
        raise refuse("actions", "Switch it off before it does nothing.")
    _entitled(made, actor)
    made.made_by = actor.ref[:80]
    if row is not None:
        made.version += 1
    try:
        with transaction.atomic():
            made.save()
    except IntegrityError as error:
        if "responsepolicy_once" not in str(error):
            raise
        raise Conflict("There is one of that title already.") from None
    record(actor, KEEP, made, before=before, after=_content(made))
    return made


@transaction.atomic
def switch(
    row: ResponsePolicy, mode: str, *, actor: Actor, reason: str, version: int | None = None
) -> ResponsePolicy:
    policy.require(actor, KEEP, row)
    made = _held(row, version)
    if mode not in Mode.values:
        raise refuse("mode", f"One of {', '.join(Mode.values)}.")
    if made.mode == mode:
        return made
    if mode != Mode.OFF and not made.actions:
        raise refuse("mode", "It does nothing yet: name an action first.")
    if mode != Mode.OFF:
        _entitled(made, actor)
        made.made_by = actor.ref[:80]
    before, made.mode, made.version = made.mode, mode, made.version + 1
    made.save(update_fields=["mode", "made_by", "version"])
    why = line("reason", reason, 500, required=True)
    record(actor, f"{KEEP}:{mode}", made, before={"mode": before}, after={"mode": mode}, reason=why)
    return made


@transaction.atomic
def remove(row: ResponsePolicy, *, actor: Actor, reason: str = "") -> None:
    policy.require(actor, KEEP, row)
    made = _held(row, None)
    record(actor, f"{KEEP}:remove", made, before=_content(made), reason=reason[:500])
    made.delete()


def _held(row: ResponsePolicy, version: int | None) -> ResponsePolicy:
    rows = ResponsePolicy.objects.select_for_update(of=("self",), no_key=True)
    held: ResponsePolicy = rows.get(pk=row.pk)
    if version is not None and held.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.",
                       details={"seen_version": version, "version": held.version})  # fmt: skip
    return held


def _content(row: ResponsePolicy) -> dict[str, Any]:
    return {name: plain(getattr(row, name)) for name in _FIELDS}


def _read(workspace: Workspace, row: ResponsePolicy, given: Mapping[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(given) - set(_FIELDS))
    if unknown:
        raise refuse(unknown[0], "This can't be changed.")
    found = dict(given)
    found["title"] = line("title", given.get("title", row.title), 120, required=True)
    if "severities" in given:
        found["severities"] = [levels.level(workspace.pk, each).code for each in
                               given["severities"]]  # fmt: skip
    if given.get("category") and given["category"] not in Incident.Category.values:
        raise refuse("category", f"One of {', '.join(Incident.Category.values)}.")
    service = given.get("service")
    if service is not None and service.workspace_id != workspace.pk:
        raise refuse("service", "There is none of that name here.")
    if "actions" in given:
        found["actions"] = _actions(given["actions"])
    return found


def _actions(given: Any) -> list[dict[str, Any]]:
    if isinstance(given, str) or not isinstance(given, Sequence) or len(given) > _MOST:
        raise refuse("actions", f"A list of at most {_MOST}.")
    found = []
    for each in given:
        kind = KINDS.get(str(each.get("kind", ""))) if isinstance(each, Mapping) else None
        if kind is None or kind.recorded:
            known = ", ".join(slug for slug, one in KINDS.items() if not one.recorded)
            raise refuse("actions", f"Each names a kind: {known}.")
        how = each.get("given") or {}
        if not isinstance(how, Mapping):
            raise refuse("actions", "How it is done is an object.")
        target = line("actions", str(each.get("target") or ""), 200)
        found.append({"kind": kind.slug, "target": target, "given": dict(how)})
    return found


# --- By whose rights ------------------------------------------------------------------------------


def _entitled(row: ResponsePolicy, actor: Actor) -> None:
    """They may do all of it themselves. What is not there yet refuses nothing: it may come."""
    place = _nowhere(row)
    for each in row.actions:
        policy.require(actor, KINDS[each["kind"]].action, row.workspace)
        _allowed(place, each, actor)


def _allowed(incident: Incident, each: Mapping[str, Any], actor: Actor) -> None:
    try:
        KINDS[each["kind"]].read(incident, each["target"], each["given"], actor)
    except NotAllowed:
        raise
    except ControlPlaneError:
        return  # said by whoever carries it out


def _nowhere(row: ResponsePolicy) -> Incident:
    return Incident(workspace=row.workspace, title="A look ahead", ref="INC-0")


def _answers(row: ResponsePolicy) -> Actor:
    """Whoever answers for it, with the rights they hold now."""
    kind, _, name = row.made_by.partition(":")
    if kind == "job":
        return actors.job(name)
    rows = User.objects.filter(is_active=True)
    user = rows.filter(pk=name).first() if kind == "user" and name.isdigit() else None
    if user is None:
        raise NotAllowed("Nobody answers for it any more: switch it on again.")
    return actor_for_user(user, second_factor_at=clock.now().timestamp())


# --- What it would do, and what it does -----------------------------------------------------------


def preview(row: ResponsePolicy, *, actor: Actor) -> list[Would]:
    """As things stand now, action by action; nothing is done."""
    policy.require(actor, KEEP, row)
    return [_would(_nowhere(row), each, row, actor) for each in row.actions]


def _would(incident: Incident, each: Mapping[str, Any], row: ResponsePolicy, looks: Actor) -> Would:
    """`looks`: who answers for one that is not written yet."""
    kind = KINDS[each["kind"]]
    try:
        by = _answers(row) if row.made_by else looks
        target, _ = kind.read(incident, each["target"], each["given"], by)
    except ControlPlaneError as error:
        return Would(kind.slug, each["target"], kind.label, False, error.message)
    said = "It is there, and would be done."
    if kind.slug == "pause_missions":
        count = holding_missions.meant(incident.workspace_id, target).count()
        said = f"{count:,} mission{'' if count == 1 else 's'} at work would be paused."
    return Would(kind.slug, target, kind.label, True, said)


def matching(incident: Incident) -> list[ResponsePolicy]:
    """Those that are awake and mean this incident."""
    rows = ResponsePolicy.objects.filter(workspace=incident.workspace_id).exclude(mode=Mode.OFF)
    return [row for row in rows.order_by("pk") if _means(row, incident)]


def _means(row: ResponsePolicy, incident: Incident) -> bool:
    return (
        (not row.severities or incident.severity in row.severities)
        and row.category in {"", incident.category}
        and row.service_id in {None, incident.service_id}
        and (not row.only_alerts or incident.origin in {"alert", "drill"})
    )


def respond(incident: Incident) -> None:
    """Planned with the opening, carried out by a worker at once: whatever refuses it, the incident
    is open and its people are called."""
    for row in matching(incident):
        actor = actors.job(f"response {row.title}"[:80])
        if row.mode == Mode.DRY or incident.origin == "drill":
            _say(incident, row)
            continue
        for each in row.actions:
            try:
                with transaction.atomic():
                    _allowed(incident, each, _answers(row))
                    acting.plan(
                        incident, each["kind"], each["target"], actor=actor,
                        reason=f"By the response policy {row.title}.", given=each["given"],
                    )  # fmt: skip
            except ControlPlaneError as error:
                note(
                    incident, "incident.act:refused", actor=actor, reason=error.message,
                    said=f"{incident.ref}: {row.title} could not act: {error.message}",
                    after={"kind": each["kind"], "target": each["target"], "code": error.code},
                )  # fmt: skip


def _say(incident: Incident, row: ResponsePolicy) -> None:
    told = [_would(incident, each, row, PORTAL) for each in row.actions]
    lines = [f"- {each.label} {each.target}: {each.said}" for each in told]
    note(
        incident, "incident.would", actor=PORTAL,
        said="\n".join([f"{incident.ref}: {row.title} would have done:", *lines]),
        after={"policy": row.title,
               "result": "; ".join(f"{each.kind} {each.target}" for each in told)[:500]},
    )  # fmt: skip


opening.ALONG.append(respond)
