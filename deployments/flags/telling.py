"""People told of flags: the handler of the outbox, and the words.

Every change, also one made in the database by hand, comes by here once: its stakeholders get a
line, the work item it belongs to a comment. A second delivery says nothing twice.
"""

from __future__ import annotations

from typing import Any

from controlplane.access.models import Agent, User
from controlplane.audit.services import record
from controlplane.lib import actors
from controlplane.lib.actors import Actor
from controlplane.lib.text import short
from controlplane.notify import outbox, wording
from controlplane.notify.channels.base import Outcome
from controlplane.notify.models import OutboxMessage
from controlplane.notify.services import To, notify
from controlplane.work import services as work
from controlplane.work.models import Item
from deployments.flags.diffs import differences
from deployments.flags.models import ChangeRequest, Flag, FlagChange, ScheduledChange, Segment
from telemetry import telling
from telemetry.ingest.accepting import report

TOPIC = "flags.told"
IN_USE = "flags.in_use"
PORTAL = actors.job("flags")
STALE = actors.job("flags.stale")
STAKEHOLDERS = ("release_manager", "engineering_lead", "product_manager")

wording.register(
    "flag.changed",
    "A feature flag was changed",
    subject="{flag} {what} by {who}",
    body="{details}",
)
wording.register(
    "flag.given_up",
    "A change of a feature flag was not applied",
    subject="{flag} in {environment}: the change was not applied",
    body="{why}",
)
wording.register(
    "flag.stale",
    "A feature flag is stale",
    subject="{flag} is stale: {why}",
    body="{item} asks for its removal.",
)

_WHAT = {
    "create": "made",
    "kill": "switched off everywhere",
    "enable": "switched on again",
    "archive": "archived",
    "restore": "restored",
}


@outbox.topic(TOPIC)
def tell(message: OutboxMessage) -> Outcome:
    change = (
        FlagChange.objects.select_related("flag__item", "flag__cleanup", "environment")
        .filter(uid=message.payload["change"])
        .first()
    )
    if change is None:
        return Outcome("rejected", "the change is not there")
    values = _values(change)
    flag = change.flag
    notify(
        workspace_id=flag.workspace_id,
        kind="flag.changed",
        to=To(users=[flag.owner_id] if flag.owner_id else [], roles=STAKEHOLDERS, channels=None),
        key=f"flag-change:{change.uid}",
        values=values,
        link=link_of(flag),
        about=f"feature_flags.flag:{flag.pk}",
    )
    for item in _items(change):
        text = f"Flag {values['flag']} {values['what']} by {values['who']}. {values['details']}"
        work.comment(item, text.strip(), actor=PORTAL, origin=f"flag-change:{change.uid}")
    _tell_charts(change, message.correlation_id)
    return Outcome("accepted")


def _tell_charts(change: FlagChange, correlation: str) -> None:
    """Also of what was changed in the database by hand; once, by its id."""
    flag, place = change.flag, change.environment
    event = telling.event_of(
        "feature_flag_changed",
        {"flag": flag.flag_name, "change": change.kind},
        key=f"flag-change:{change.uid}",
        env=place.slug if place is not None else "",
    )
    when = {"occurred_at": change.at, "correlation_id": correlation or event["event_id"]}
    report(PORTAL, flag.workspace, [event | when])


@outbox.topic(IN_USE)
def tell_in_use(message: OutboxMessage) -> Outcome:
    """The item that asks for a flag's removal hears that there is no need."""
    told = message.payload
    flag = Flag.objects.filter(uid=told["flag"]).first()
    item = Item.objects.filter(pk=told["item"]).first()
    if flag is None or item is None:
        return Outcome("rejected", "the flag or its work item is not there")
    text = f"The flag {flag.flag_name} is no longer stale."
    work.comment(item, text, actor=STALE, origin=message.key)
    return Outcome("accepted")


def _items(change: FlagChange) -> list[Item]:
    """The flag's items, and the one the change was made for."""
    found = [each for each in (change.flag.item, change.flag.cleanup) if each is not None]
    if change.item:
        named = Item.objects.filter(workspace_id=change.workspace_id, key=change.item).first()
        if named is not None and named not in found:
            found.append(named)
    return found


def _values(change: FlagChange) -> dict[str, str]:
    return {
        "flag": change.flag.flag_name,
        "what": what(change),
        "who": name_of(change.actor_ref),
        "details": " ".join(_sentence(each) for each in (change.reason, in_short(change)) if each),
    }


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."


def what(change: FlagChange) -> str:
    """ "switched off everywhere", "changed in Production"."""
    where = f" in {change.environment}" if change.environment else ""
    after: dict[str, Any] = change.after or {}
    if set(after) == {"enabled"}:
        return _WHAT["enable" if after["enabled"] else "kill"] + where
    made = change.before is None and change.environment_id is None
    return _WHAT.get("create" if made else change.kind, "changed") + where


def in_short(change: FlagChange, most: int = 5) -> str:
    """What differs, in a line."""
    if change.before is None or change.after is None or set(change.after) == {"enabled"}:
        return ""
    found = differences(change.before, change.after)
    texts = [f"{each['path']}: {_say(each['before'])} → {_say(each['after'])}" for each in found]
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return "; ".join(texts[:most]) + more if texts else ""


def _say(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):  # a rule or a variant that came or went, whole
        share = f"{value['percent']} %" if "percent" in value else ""
        return short(str(value.get("title") or value.get("name") or share or "…"), 80)
    if isinstance(value, list):
        return short(", ".join(_say(each) for each in value) or "nothing", 80)
    return short(str(value), 80)


def name_of(ref: str) -> str:
    """Who a ref is, for people."""
    kind, _, number = ref.partition(":")
    if kind == "user" and number.isdigit():
        person = User.objects.filter(pk=int(number)).first()
        return str(person) if person else "somebody who has left"
    if kind == "agent" and number.isdigit():
        agent = Agent.objects.filter(pk=int(number)).first()
        return agent.name if agent else "an agent that is gone"
    if kind == "database":
        return f"{number}, in the database"
    return "the portal" if kind == "job" else ref


def link_of(flag: Flag) -> str:
    return f"/admin/feature_flags/flag/{flag.pk}/change/"


def segment_changed(segment: Segment, actor: Actor, before: Any, after: Any, reason: str) -> None:
    """Who is told of flags is told of what many of them share."""
    found = differences(before, after)
    texts = [f"{each['path']}: {_say(each['before'])} → {_say(each['after'])}" for each in found]
    details = [reason, "; ".join(texts[:5])]
    notify(
        workspace_id=segment.workspace_id,
        kind="flag.changed",
        to=To(roles=STAKEHOLDERS, channels=None),
        key=f"flag-segment:{segment.uid}:{segment.version}",
        values={
            "flag": f"Segment {segment.slug}",
            "what": "changed",
            "who": name_of(actor.ref),
            "details": " ".join(_sentence(each) for each in details if each),
        },
        link=f"/admin/feature_flags/segment/{segment.pk}/change/",
        about=f"feature_flags.segment:{segment.pk}",
    )


# --- What waits -----------------------------------------------------------------------------------


def planned(row: ScheduledChange, actor: Actor) -> None:
    record(
        actor,
        "flag.schedule",
        row,
        before=row.base,
        after=row.settings,
        reason=row.reason,
        details={"at": row.at.isoformat(), "flag": row.flag.flag_name},
    )


def given_up(row: ScheduledChange | ChangeRequest) -> None:
    """Whoever wanted it learns that it did not come about, and why."""
    kind, _, number = row.author_ref.partition(":")
    author = [int(number)] if kind == "user" and number.isdigit() else []
    notify(
        workspace_id=row.workspace_id,
        kind="flag.given_up",
        to=To(users=author, roles=() if author else STAKEHOLDERS),
        key=f"flag-given-up:{row.uid}",
        values={
            "flag": row.flag.flag_name,
            "environment": str(row.environment),
            "why": row.outcome,
        },
        link=link_of(row.flag),
        about=f"feature_flags.flag:{row.flag_id}",
    )
