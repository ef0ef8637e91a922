"""Updates: said within the time that was promised, each with the promise of the next."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.audit.refs import subject_ref
from controlplane.base.states import advance, plain
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, InvalidTransition
from controlplane.lib.given import line, refuse, text
from controlplane.lib.redaction import redact_text
from controlplane.notify.services import To, notify
from incidents import links
from incidents.models import Incident, SeverityLevel, Update
from incidents.querysets import ENDED, OVER
from incidents.records import cadence, followers, levels, reading, telling
from incidents.records.holding import hold
from incidents.records.noting import note
from incidents.response import missing

_MOST = 8_000
_LONGEST_S = 24 * 3600  # where the level itself promises nothing
PUBLISHERS = ("engineering_lead", "product_partner", "product_vp")
HANDED_ON = ("partner_success", "product_partner")  # they tell customers further
CUSTOMERS = Update.Audience.CUSTOMERS


@transaction.atomic
def post_update(
    incident: Incident,
    *,
    actor: Actor,
    text: str,
    audience: str = "internal",
    kind: str = "update",
    subject: str = "",
    next_at: Any = None,
    draft: bool = False,
    version: int | None = None,
) -> Update:
    """Say how it goes on. What is for customers and comes from somebody who may not publish it
    stays a draft, and whoever may is told. Only what was posted keeps the promise."""
    row = hold(incident, version=version)
    policy.require(actor, "incident.update", row)
    if row.status in ENDED:
        raise InvalidTransition(f"{row.ref} is {row.get_status_display().lower()}.")
    level = levels.level(row.workspace_id, row.severity)
    kind = reading.one_of("kind", kind, Update.Kind.values)
    made = Update(
        workspace=row.workspace,
        incident=row,
        audience=reading.one_of("audience", audience, Update.Audience.values),
        kind=kind,
        subject=redact_text(line("subject", subject, 200))[:200] or f"{row.ref}: {row.title}"[:200],
        text=_said(text),
        written_by=actor.ref[:80],
        next_at=_next(row, level, kind, next_at),
    )
    made.save(force_insert=True)
    free = made.audience != CUSTOMERS or policy.can(actor, "incident.publish", row)
    if draft or not free:
        note(row, "incident.update:draft", actor=actor, after=_kept(made))
        _ask(row, made, actor)
        return made
    return _post(row, made, level, actor, action=_action(made))


@transaction.atomic
def publish(update: Update, *, actor: Actor, version: int | None = None) -> Update:
    """Let it go out as it stands. The promise it was drafted with counts from then on, if it is
    still to come."""
    row, made = _held(update, version)
    policy.require(actor, _action(made), row)
    level = levels.level(row.workspace_id, row.severity)
    return _post(row, made, level, actor, action=_action(made))


@transaction.atomic
def drop(update: Update, *, actor: Actor, reason: str = "", version: int | None = None) -> Update:
    row, made = _held(update, version)
    policy.require(actor, "incident.update", row)
    return _dropped(row, made, actor, "incident.update", reason[:500])


@transaction.atomic
def hold_back(update: Update, *, actor: Actor, reason: str, version: int | None = None) -> Update:
    """Customers are not told this. Whoever may publish it says why, and whoever wrote it reads
    that: they may write another."""
    row, made = _held(update, version)
    if made.audience != CUSTOMERS:
        raise InvalidTransition("It is for the house: whoever answers the incident drops it.")
    policy.require(actor, "incident.publish", row)
    why = redact_text(line("reason", reason, 500, required=True))[:500]
    _dropped(row, made, actor, "incident.publish", why)
    _tell_writer(row, made, actor, why)
    return made


def _dropped(row: Incident, made: Update, actor: Actor, action: str, reason: str) -> Update:
    advance(made, "dropped", actor=actor, action=action, reason=reason)
    note(row, "incident.update:drop", actor=actor, before=_kept(made), reason=reason)
    return made


def _tell_writer(row: Incident, made: Update, actor: Actor, why: str) -> None:
    kind, _, key = made.written_by.partition(":")
    if kind != "user" or made.written_by == actor.ref:
        return
    notify(
        workspace_id=row.workspace_id,
        kind="incident.update_held",
        to=To(users=[int(key)]),
        key=f"incident.update_held:{made.uid}",
        values={"ref": row.ref, "who": actor.label, "text": made.text, "why": why},
        link=links.page_of(row),
        about=subject_ref(row),
    )


def _held(update: Update, version: int | None) -> tuple[Incident, Update]:
    """The incident first, as everywhere."""
    row = hold(update.incident)
    made: Update = Update.objects.select_for_update(of=("self",), no_key=True).get(pk=update.pk)
    if version is not None and made.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.",
                       details={"seen_version": version, "version": made.version})  # fmt: skip
    if row.status in ENDED:
        raise InvalidTransition(f"{row.ref} is {row.get_status_display().lower()}.")
    return row, made


def _action(made: Update) -> str:
    return "incident.publish" if made.audience == CUSTOMERS else "incident.update"


def _said(given: str) -> str:
    return redact_text(text("text", given, _MOST, required=True))


def _next(row: Incident, level: SeverityLevel, kind: str, given: Any) -> datetime | None:
    """What it promises. Where the level has a clock it is never longer than that, and only the
    news that it works again may end it."""
    now = clock.now()
    if isinstance(given, str):
        given = reading.moment("next_at", given)
    if row.status in OVER:
        return None
    if given is None:
        calm = row.status in {"mitigated", "monitoring"}
        if level.update_s is None or (kind == Update.Kind.RECOVERY and calm):
            return None
        return now + timedelta(seconds=level.update_s)
    longest = level.update_s or _LONGEST_S
    # Whoever typed "15 minutes" took a few seconds to press the button.
    if not now < given <= now + timedelta(seconds=longest + 60):
        raise refuse("next_at", f"Within the next {longest // 60} minutes.")
    found: datetime = given
    return found


def _post(
    row: Incident, made: Update, level: SeverityLevel, actor: Actor, *, action: str
) -> Update:
    now = clock.now()
    if made.next_at is not None and (made.next_at <= now or row.status in OVER):
        # It lay about as a draft, or it is over meanwhile.
        made.next_at = None if row.status in OVER else _next(row, level, made.kind, None)
    due = row.next_update_at
    if due is not None and due < now:
        missing.note_miss(row, level, due)
    changes = {
        "posted_at": now, "posted_by": actor.ref[:80], "due_at": due, "next_at": made.next_at,
    }  # fmt: skip
    advance(made, "posted", actor=actor, action=action, changes=changes)
    Incident.objects.filter(pk=row.pk).update(last_update_at=now)
    row.last_update_at = now
    if made.next_at is None:
        cadence.stop(row)
    else:
        cadence.promise(row, made.next_at)
    note(
        row, _logged(made), actor=actor, after=_kept(made),
        said=f"**{_head(made)}**\n\n{made.text}",
    )  # fmt: skip
    _tell(row, made, level)
    followers.posted(row, made)
    return made


def _logged(made: Update) -> str:
    if made.audience == CUSTOMERS:
        return "incident.publish"
    return "incident.update"


def _head(made: Update) -> str:
    if made.audience == CUSTOMERS:
        return f"Told customers: {made.subject}"
    return f"{made.get_kind_display()}: {made.subject}"


def _kept(made: Update) -> dict[str, Any]:
    return {
        "update": str(made.uid), "audience": made.audience, "kind": made.kind,
        "text": made.text[:500], "next_at": plain(made.next_at),
    }  # fmt: skip


def _tell(row: Incident, made: Update, level: SeverityLevel) -> None:
    """In the channels, and whoever the level or its work names."""
    roles = {*level.informed, *(HANDED_ON if made.audience == CUSTOMERS else ())}
    people = {row.commander_id, row.communications_id, row.operations_id, row.scribe_id}
    notify(
        workspace_id=row.workspace_id,
        kind=f"incident.{made.audience}_{made.kind}",
        to=To(
            users=sorted(pk for pk in people if pk is not None),
            roles=telling.held(row, roles),
            channels=None,
        ),
        key=f"incident.update:{made.uid}",
        subject=_subject(row, made),
        body=made.text,
        link=links.page_of(row),
        about=subject_ref(row),
    )


def _subject(row: Incident, made: Update) -> str:
    told = f"told customers: {made.subject}" if made.audience == CUSTOMERS else made.subject
    return told if row.ref in told else f"{row.ref} {told}"


def _ask(row: Incident, made: Update, actor: Actor) -> None:
    """Whoever may publish is told that something waits for them."""
    if made.audience != CUSTOMERS:
        return
    roles = telling.held(row, set(PUBLISHERS))
    notify(
        workspace_id=row.workspace_id,
        kind="incident.update_drafted",
        to=To(roles=roles or ["workspace_admin"]),
        key=f"incident.update_drafted:{made.uid}",
        values={"ref": row.ref, "who": actor.label, "text": made.text, "uid": str(made.uid)},
        link=links.page_of(row),
        about=subject_ref(row),
    )
