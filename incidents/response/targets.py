"""The kinds of actions that the portal does itself: each by the service that owns its target."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from controlplane.access import policy
from controlplane.access.models import Agent
from controlplane.base.api.services import lift_throttle, set_throttle
from controlplane.base.models import ThrottleRule
from controlplane.catalog import services as catalog
from controlplane.catalog.models import Integration
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from controlplane.lib.given import line, refuse, text
from deployments import services as deployments
from deployments.flags import services as flags
from deployments.flags.models import Flag
from deployments.models import Deployment
from incidents import links
from incidents.models import Incident
from incidents.response.kinds import Ask, Came, Kind, Made, register
from missions.threads.models import Thread
from missions.threads.services.creating import add_participant, create_thread
from missions.threads.waking.asking import ask_wake

_Given = Mapping[str, Any]


def whole(given: _Given, name: str, least: int, most: int, otherwise: int | None = None) -> int:
    value = given.get(name)
    if value in {None, ""} and otherwise is not None:
        return otherwise
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:9])
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise refuse(name, f"From {least:,} to {most:,}.")
    return value


def _named(given: str) -> str:
    return line("target", given, 200, required=True)


def _page(obj: Any) -> Made:
    """Where what it was done to is looked at."""
    return {"page": links.page_of(obj)}


# --- Flags ----------------------------------------------------------------------------------------


def _flag(incident: Incident, name: str) -> Flag:
    found: Flag | None = Flag.objects.of(incident.workspace_id).filter(flag_name=name).first()
    if found is None:
        raise NotFound(f"There is no flag {name} here.")
    return found


def _read_flag(incident: Incident, target: str, given: _Given, actor: Actor) -> tuple[str, Made]:
    flag = _flag(incident, _named(target))
    policy.require(actor, "flag.kill", flag)
    return flag.flag_name, {}


def _flag_off(ask: Ask, actor: Actor) -> Came:
    flag = _flag(ask.incident, ask.target)
    if not flag.enabled:
        return Came(f"{flag.flag_name} was off already.", {"was_on": False, **_page(flag)})
    item = ask.incident.item.key if ask.incident.item is not None else ""
    flags.kill(flag, actor=actor, reason=ask.why, item=item)
    return Came(f"{flag.flag_name} is off everywhere.", {"was_on": True, **_page(flag)})


def _flag_on(ask: Ask, actor: Actor) -> Came:
    flag = _flag(ask.incident, ask.target)
    if not ask.made.get("was_on"):
        return Came(f"{flag.flag_name} was off before; it stays so.")
    flags.enable(flag, actor=actor, reason=ask.why)
    return Came(f"{flag.flag_name} is as it was before.")


register(Kind("flag_off", "Switch a flag off", "switched off", "flag.kill", _read_flag,
              _flag_off, _flag_on, "Switch it on again", icon="flag"))  # fmt: skip


# --- Breakers -------------------------------------------------------------------------------------


def _integration(incident: Incident, slug: str) -> Integration:
    rows = Integration.objects.filter(workspace=incident.workspace_id, slug__iexact=slug)
    found: Integration | None = rows.first()
    if found is None:
        raise NotFound(f"There is no integration {slug} here.")
    return found


def _read_breaker(incident: Incident, target: str, given: _Given, actor: Actor) -> tuple[str, Made]:
    found = _integration(incident, _named(target))
    policy.require(actor, "catalog.trip", found)
    if given.get("minutes") in {None, ""}:
        return found.slug, {}
    return found.slug, {"minutes": whole(given, "minutes", 1, 7 * 24 * 60)}


def _trip(ask: Ask, actor: Actor) -> Came:
    row = _integration(ask.incident, ask.target)
    was, minutes = row.status, ask.given.get("minutes")
    until = clock.now() + timedelta(minutes=int(minutes)) if minutes else None
    catalog.trip(row, actor=actor, reason=ask.why, cause="incident", retry_at=until)
    end = f"one may try after {minutes} minutes" if minutes else "until somebody closes it"
    return Came(f"Nobody calls {row.name} any more: {end}.", {"was": was, **_page(row)})


def _close(ask: Ask, actor: Actor) -> Came:
    row = _integration(ask.incident, ask.target)
    if row.status == Integration.Status.CLOSED:
        return Came(f"{row.name} is called again already.")
    catalog.close(row, actor=actor, reason=ask.why)
    return Came(f"{row.name} may be called again.")


register(Kind("trip_breaker", "Open a circuit breaker", "opened the breaker of", "catalog.trip",
              _read_breaker, _trip, _close, "Close it again", icon="plug"))  # fmt: skip


# --- Rates ----------------------------------------------------------------------------------------


def _read_rate(incident: Incident, target: str, given: _Given, actor: Actor) -> tuple[str, Made]:
    policy.require(actor, "throttle.manage", incident.workspace)
    path = line("target", target, 200)
    how: Made = {
        "limit": whole(given, "limit", 0, 1_000_000),
        "period_s": whole(given, "period_s", 1, 3_600, 60),
        "minutes": whole(given, "minutes", 1, 7 * 24 * 60, 60),
        "shared": bool(given.get("shared", False)),
    }
    if given.get("agent"):
        how["agent"] = _agent(incident, str(given["agent"])).name
    return path, how


def _limit(ask: Ask, actor: Actor) -> Came:
    how = dict(ask.given)
    name = how.pop("agent", "")
    whom = _agent(ask.incident, name) if name else None
    rule = set_throttle(
        ask.incident.workspace, actor=actor, path=ask.target, whom=whom, reason=ask.why, **how
    )
    said = f"{rule}, for {how['minutes']} minutes."[:500]
    return Came(said, {"rule": str(rule.uid), **_page(rule)})


def _lift(ask: Ask, actor: Actor) -> Came:
    rows = ThrottleRule.objects.filter(workspace=ask.incident.workspace_id)
    rule = rows.filter(uid=str(ask.made["rule"])).first()
    if rule is None:
        raise NotFound("The limit is not there any more.")
    if rule.lifted_at is not None or rule.expires_at <= clock.now():
        return Came("The limit has ended already.")
    lift_throttle(rule, actor=actor, reason=ask.why)
    return Came("The limit is lifted.")


register(Kind("rate_limit", "Limit a rate for a while", "limited", "throttle.manage",
              _read_rate, _limit, _lift, "Lift the limit", icon="minus"))  # fmt: skip


# --- Deployments ----------------------------------------------------------------------------------


def _deployment(incident: Incident, ref: str) -> Deployment:
    rows = Deployment.objects.of(incident.workspace_id).filter(ref=ref.upper())
    found: Deployment | None = rows.first()
    if found is None:
        raise NotFound(f"There is no deployment {ref} here.")
    return found


def _read_rollback(
    incident: Incident, target: str, given: _Given, actor: Actor
) -> tuple[str, Made]:
    bad = _deployment(incident, _named(target))
    policy.require(actor, "deployment.rollback", bad)
    return bad.ref, {}


def _roll_back(ask: Ask, actor: Actor) -> Came:
    bad = _deployment(ask.incident, ask.target)
    row = deployments.roll_back(bad, actor=actor, reason=ask.why)
    said = f"{row.ref} rolls {bad.ref} ({bad.release}) back."
    return Came(said, {"deployment": row.ref, **_page(row)})


register(Kind("rollback", "Roll a deployment back", "rolled back", "deployment.rollback",
              _read_rollback, _roll_back, icon="history"))  # fmt: skip


# --- Agents ---------------------------------------------------------------------------------------


def _agent(incident: Incident, name: str) -> Agent:
    rows = Agent.objects.filter(workspace=incident.workspace_id, is_active=True)
    found: Agent | None = rows.filter(name__iexact=name).first()
    if found is None:
        raise NotFound(f"There is no agent {name} here that is switched on.")
    return found


def _read_agent(incident: Incident, target: str, given: _Given, actor: Actor) -> tuple[str, Made]:
    agent = _agent(incident, _named(target))
    policy.require(actor, "thread.wake", Thread(workspace=incident.workspace))
    prompt = text("prompt", given.get("prompt") or "", 2_000)
    return agent.name, {"prompt": prompt} if prompt else {}


def _wake(ask: Ask, actor: Actor) -> Came:
    """In the incident's own thread, which the first one opens."""
    incident, agent = ask.incident, _agent(ask.incident, ask.target)
    thread = _thread(incident)
    if thread is None:
        title = f"{incident.ref}: {incident.title}"[:200]
        thread = create_thread(
            incident.workspace, actor=actor, title=title, kind="incident",
            participants=[(agent, "")], item=incident.item,
        )  # fmt: skip
    elif not thread.participants.filter(agent=agent, left_at=None).exists():
        add_participant(thread, agent, actor=actor)
    wake = ask_wake(thread, agent, actor=actor, reason=ask.why, prompt=_prompt(ask))
    return Came(f"{agent.name} is woken in {thread.ref}.",
                {"thread": thread.ref, "wake": str(wake.uid), **_page(thread)})  # fmt: skip


def _thread(incident: Incident) -> Thread | None:
    if incident.item_id is None:
        return None
    rows = Thread.objects.filter(workspace=incident.workspace_id, item=incident.item_id)
    found: Thread | None = (
        rows.filter(kind="incident").exclude(status="closed").order_by("-pk").first()
    )
    return found


def _prompt(ask: Ask) -> str:
    """What it has to know, and what it is asked."""
    incident = ask.incident
    said = [f"{incident.ref} ({incident.severity}): {incident.title}", incident.symptoms[:800]]
    if incident.item is not None:
        said.append(f"Work item: {incident.item.key}")
    said.append(str(ask.given.get("prompt") or ask.reason))
    return "\n".join(part for part in said if part)[:2_000]


register(Kind("wake_agent", "Open a thread and wake an agent", "woke", "thread.wake",
              _read_agent, _wake, repeats=True, icon="bell"))  # fmt: skip


# --- Done elsewhere -------------------------------------------------------------------------------


def _read_scale(incident: Incident, target: str, given: _Given, actor: Actor) -> tuple[str, Made]:
    command = text("command", given.get("command") or "", 1_000)
    return _named(target), {"command": command} if command else {}


def _noted(ask: Ask, actor: Actor) -> Came:
    command = ask.given.get("command")
    return Came(f"{ask.target}, by: {command}"[:500] if command else ask.target)


def _read_fix(incident: Incident, target: str, given: _Given, actor: Actor) -> tuple[str, Made]:
    return _deployment(incident, _named(target)).ref, {}


def _fixed(ask: Ask, actor: Actor) -> Came:
    row = _deployment(ask.incident, ask.target)
    said = f"{row.ref} ({row.release}) brings the fix; it is {row.get_status_display().lower()}."
    return Came(said, {"deployment": row.ref, **_page(row)})


register(Kind("scale", "Capacity was added", "added capacity:", "incident.mitigate",
              _read_scale, _noted, repeats=True, recorded=True, icon="server"))  # fmt: skip
register(Kind("fix", "A fix was brought out", "brought out a fix with", "incident.mitigate",
              _read_fix, _fixed, repeats=True, recorded=True, icon="check"))  # fmt: skip
