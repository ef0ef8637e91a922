"""Flags that outlived their use: found, marked, and an item opened that asks for their removal.

Three signs, any of which is enough: on for everybody for a month where users are, not asked about
for a month, past the day somebody said it would be gone. A permanent flag is never stale.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.lib import clock, defaults
from controlplane.lib.ids import uuid7
from controlplane.notify import outbox
from controlplane.notify.services import To, notify
from controlplane.work import services as work
from controlplane.work.services.projects import ensure_operations_project
from deployments.flags import telling
from deployments.flags.models import Flag, FlagChange, FlagState, FlagUsage

PORTAL = telling.STALE
SETTLED = defaults.define(
    "flags.settled_days",
    30,
    unit="days",
    why="On for everybody that long, it is no question any more: the code can go without it.",
)
UNASKED = defaults.define(
    "flags.unasked_days",
    30,
    unit="days",
    why="Nobody asked that long: no running code knows it.",
)


def find_stale(workspace: Workspace) -> dict[str, int]:
    """Look at every living flag of a workspace. Counts of what is new."""
    found = freed = 0
    asked = _last_asked(workspace)
    rows = Flag.objects.of(workspace).living().select_related("cleanup").order_by("pk")
    for flag in rows:
        why = "" if flag.permanent else reason_for(flag, asked.get(flag.flag_name))
        if why and flag.stale_since is None:
            found += mark(flag, why)
        elif not why and flag.stale_since is not None:
            freed += unmark(flag)
    return {"stale": found, "no_longer": freed}


def reason_for(flag: Flag, last_asked: datetime | None) -> str:
    """Why it is stale, in words; empty when it is not."""
    now = clock.now()
    if flag.remove_by is not None and flag.remove_by < now.date():
        return f"it was to be removed by {flag.remove_by:%Y-%m-%d}"
    unasked = now - timedelta(days=UNASKED.value)
    if flag.created_at < unasked and (last_asked is None or last_asked < unasked):
        return f"nobody has asked for it for {UNASKED.value} days"
    if _settled_since(flag, now - timedelta(days=SETTLED.value)):
        return f"it has been on for everybody for {SETTLED.value} days"
    return ""


def _last_asked(workspace: Workspace) -> dict[str, datetime]:
    since = clock.now() - timedelta(days=UNASKED.value + 1)
    return dict(FlagUsage.objects.of(workspace).since(since).last_asked())


def _settled_since(flag: Flag, cutoff: datetime) -> bool:
    """On for everybody in the last environment of the line, and untouched since then."""
    if not flag.enabled:
        return False
    state = FlagState.objects.filter(flag=flag).order_by("-environment__order").first()
    if state is None or state.changed_at > cutoff or not is_for_everybody(state.settings):
        return False
    switched = FlagChange.objects.filter(flag=flag, environment=None, at__gt=cutoff)
    return not switched.filter(after__has_key="enabled").exists()


def is_for_everybody(settings: dict[str, Any]) -> bool:
    """Whether everybody gets the same "on". Variants are still a question."""
    if not settings["on"] or settings["deny"] or settings["requires"] or settings["variants"]:
        return False
    rules = [each for each in settings["rules"] if not each["disabled"]]
    if not settings["rules"] and not settings["allow"]:
        return True
    return any(
        each["percent"] == 100 and not (each["constraints"] or each["segments"] or each["variants"])
        for each in rules
    )


@transaction.atomic
def mark(flag: Flag, why: str) -> int:
    """Once, and with an item of the operations' backlog that says what to do."""
    project = ensure_operations_project(flag.workspace, actor=PORTAL)
    item = work.ensure(
        project,
        f"flag-cleanup:{flag.uid}",
        actor=PORTAL,
        title=f"Remove the feature flag {flag.flag_name}",
        description=f"The flag is stale: {why}. Take it out of the code, then archive it."
        " If it must stay, say that it is permanent.",
        labels=["feature-flag"],
        priority=3,
    ).item
    # The flag's row last: making an item may wait for others, and a kill would wait for the row.
    rows = Flag.objects.filter(pk=flag.pk, stale_since=None)
    if not rows.update(stale_since=clock.now(), cleanup=item):
        return 0
    _revise(flag)
    record(
        PORTAL, "flag.stale", flag, after={"stale": True}, reason=why, details={"item": item.key}
    )
    notify(
        workspace_id=flag.workspace_id,
        kind="flag.stale",
        to=To(
            users=[flag.owner_id] if flag.owner_id else [],
            roles=() if flag.owner_id else ("engineering_lead",),
        ),
        key=f"flag-stale:{flag.uid}:{flag.version}",
        values={"flag": flag.flag_name, "why": why, "item": item.key},
        link=telling.link_of(flag),
        about=f"feature_flags.flag:{flag.pk}",
    )
    return 1


@transaction.atomic
def unmark(flag: Flag) -> int:
    """In use again, or declared permanent. The item stays for a person to close."""
    rows = Flag.objects.filter(pk=flag.pk, stale_since__isnull=False)
    if not rows.update(stale_since=None):
        return 0
    _revise(flag)
    record(PORTAL, "flag.stale:off", flag, before={"stale": True}, after={"stale": False})
    if flag.cleanup_id is not None:
        # Said later: whoever works on the item holds it, and a kill would wait for both.
        outbox.enqueue(
            telling.IN_USE,
            {"flag": str(flag.uid), "item": flag.cleanup_id},
            key=f"flag-in-use:{uuid7()}",
            workspace_id=flag.workspace_id,
            subject=f"feature_flags.flag:{flag.pk}",
        )
    return 1


def _revise(flag: Flag) -> None:
    # SDKs are told of it too: the mark is part of what they read.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT feature_flags_revise_workspaces(ARRAY[%s]::bigint[])", [flag.workspace_id]
        )
