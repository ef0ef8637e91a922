"""Environments as flags know them: how flags stand there, who reads them, how fresh they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db import connection
from django.db.models import Count, Max

from controlplane.approvals.models import Policy
from controlplane.base import row_slots
from controlplane.base.admin.linking import list_url, url_of
from controlplane.catalog.models import Environment
from controlplane.lib.actors import Actor
from deployments.flags.models import ChangeRequest, FlagEnvironment, ScheduledChange
from deployments.flags.models.serving import SdkInstance, SdkToken
from deployments.flags.services.requests import POLICY
from deployments.flags.serving.store import store
from deployments.flags.shown import words
from deployments.flags.shown.standing import Place

APPS = 20
APP_COLUMNS = (
    ("app", "Application"),
    ("copies", "Copies", "number"),
    ("sdks", "SDK"),
    ("last", "Last seen", "when"),
)
TONES = (("on", "on"), ("part", "partly"), ("off", "off"), ("killed", "killed"))

# The same four words as `standing` says of one flag, of all of them at once.
_STANDING = """
SELECT environment_id, tone, count(*) FROM (
    SELECT state.environment_id, CASE
        WHEN NOT flag.enabled THEN 'killed'
        WHEN state.settings -> 'on' IS DISTINCT FROM 'true'::jsonb THEN 'off'
        WHEN jsonb_path_exists(state.settings, '$.requires[0]') THEN 'part'
        WHEN jsonb_path_exists(state.settings, '$.rules[*] ?
            (!(@.disabled == true) && (!exists(@.percent) || @.percent >= 100)
             && !exists(@.constraints[0]) && !exists(@.segments[0]))') THEN 'on'
        WHEN jsonb_path_exists(state.settings, '$.rules[0]')
          OR jsonb_path_exists(state.settings, '$.allow[0]') THEN 'part'
        ELSE 'on' END AS tone
    FROM feature_flags_flagstate AS state
    JOIN feature_flags AS flag ON flag.id = state.flag_id AND flag.archived_at IS NULL
    WHERE state.environment_id = ANY(%s)
) AS found GROUP BY 1, 2
"""


@dataclass(slots=True)
class Seen:
    """What is counted of one environment."""

    flags: dict[str, int] = field(default_factory=dict)  # tone -> how many
    tokens: int = 0
    apps: int = 0
    last: datetime | None = None

    @property
    def marks(self) -> list[Place]:
        """Marks as a flag's own: "3 on", "1 killed"."""
        return [
            Place(str(count), text, tone, f"{count} {text}")
            for tone, text in TONES
            if (count := self.flags.get(tone, 0))
        ]


def seen(places: Iterable[FlagEnvironment]) -> dict[int, Seen]:
    """By environment, in three questions however many there are."""
    found = {each.environment_id: Seen() for each in places}
    keys = list(found)
    if not keys:
        return found
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, [keys])
        for key, tone, count in cursor.fetchall():
            found[key].flags[tone] = count
    tokens = SdkToken.objects.in_force().filter(environment__in=keys).order_by()
    for row in tokens.values("environment").annotate(times=Count("pk")):
        found[row["environment"]].tokens = row["times"]
    copies = SdkInstance.objects.filter(environment__in=keys).order_by().values("environment")
    for row in copies.annotate(apps=Count("app", distinct=True), last=Max("last_seen")):
        found[row["environment"]].apps = row["apps"]
        found[row["environment"]].last = row["last"]
    return found


def apps(place: FlagEnvironment) -> list[dict[str, Any]]:
    """Applications whose SDKs told of themselves, the latest first."""
    rows = SdkInstance.objects.filter(environment=place.environment_id).order_by().values("app")
    told = rows.annotate(
        copies=Count("pk"), last=Max("last_seen"), names=ArrayAgg("sdk", distinct=True)
    )
    return [
        {**row, "sdks": words.listed(filter(None, row.pop("names")), last="and")}
        for row in told.order_by("-last", "app")[:APPS]
    ]


def held(place: FlagEnvironment) -> str:
    """How far this process is: it answers from memory, and the memory says how old it is."""
    snapshot, state = store.peek(place.environment_id), store.state()
    if snapshot is None:
        return "not read yet"
    if state.stale:
        return f"stale: not compared for {state.age:.0f} s"
    behind = place.revision - snapshot.revision
    return f"{behind} behind" if behind > 0 else "up to date"


def policy_of(place: FlagEnvironment) -> Policy | None:
    """The one that says whose consent it needs."""
    rows = Policy.objects.filter(workspace=place.workspace_id, slug=POLICY)
    found: Policy | None = rows.first()
    return found


def leads(place: FlagEnvironment) -> dict[str, str]:
    """Lists that are asked about this environment alone."""
    here = f"environment__id__exact={place.environment_id}"
    return {
        "tokens_url": list_url(SdkToken, f"show=in_force&{here}"),
        "requests_url": list_url(ChangeRequest, f"show=open&{here}"),
        "planned_url": list_url(ScheduledChange, f"show=open&{here}"),
    }


def about(actor: Actor, obj: Any) -> Sequence[row_slots.RelatedRow] | None:
    """On the pages of the environment itself, of its tokens, and of the policy that is asked."""
    rows = FlagEnvironment.objects.visible_to(actor).select_related("environment")
    if isinstance(obj, Environment):
        rows = rows.filter(environment=obj)
    elif isinstance(obj, SdkToken):
        rows = rows.filter(environment=obj.environment_id)
    elif isinstance(obj, Policy) and obj.slug == POLICY:
        rows = rows.filter(workspace=obj.workspace_id, needs_approval=True)
    else:
        return None
    return [
        row_slots.RelatedRow(str(row), url, note=consent(row))
        for row in rows[: row_slots.MOST]
        if (url := url_of(row, actor))
    ] or None


def consent(place: FlagEnvironment) -> str:
    return "Consent first" if place.needs_approval else "At once"
