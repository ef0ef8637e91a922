"""What the page of an incident shows of its answer."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from controlplane.access import policy
from controlplane.lib.actors import Actor
from incidents.models import Incident, SeverityLevel
from incidents.querysets import ENDED, OVER
from incidents.response import adherence

POSTED = 4


def updates_of(row: Incident, level: SeverityLevel | None, actor: Actor) -> dict[str, Any]:
    over = row.status in OVER
    decision = policy.can(actor, "incident.update", row)
    publish = policy.can(actor, "incident.publish", row)
    found = list(row.updates.exclude(status="dropped").order_by("-pk")[: POSTED * 3])
    posted = [each for each in found if each.status == "posted"]
    told = any(each.audience == "customers" for each in posted)
    if level is not None and level.customers_told and not told:
        told = row.updates.posted().filter(audience="customers").exists()
    kept = adherence.of_incident(row)
    return {
        "promised": None if over else row.next_update_at,
        "since": row.last_update_at or row.opened_at,
        "over": over,
        "owed": level is not None and level.customers_told and not told and not over,
        "kept": kept,
        "missed": kept.missed,
        "may": bool(decision) and row.status not in ENDED,
        "refusal": "" if decision else decision.reason,
        "may_publish": bool(publish),
        "why_not_publish": "" if publish else publish.reason,
        "url": reverse("burning:update", args=(row.uid,)),
        "drafts": [each for each in found if each.status == "draft"] if not over else [],
        "posted": posted[:POSTED],
    }
