"""What the page of an incident shows of its answer."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from controlplane.access import policy
from controlplane.access.models import Grant
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from incidents.models import Action, Incident, SeverityLevel
from incidents.querysets import ENDED, OVER
from incidents.response import adherence, checks, roles, suspects
from incidents.response.kinds import KINDS

POSTED, DRAFTS = 4, 3
DONE = 8
OPEN = 50 + DONE  # that nobody has taken back


def updates_of(row: Incident, level: SeverityLevel | None, actor: Actor) -> dict[str, Any]:
    over = row.status in OVER
    decision = policy.can(actor, "incident.update", row)
    publish = policy.can(actor, "incident.publish", row)
    found = kept.of(
        row,
        "updates",
        lambda rows: rows.exclude(status="dropped").order_by("-pk")[: POSTED * 3],
    )
    posted = [each for each in found if each.status == "posted"]
    told = any(each.audience == "customers" for each in posted)
    if level is not None and level.customers_told and not told:
        told = bool(
            kept.of(
                row,
                "updates",
                lambda rows: rows.posted().filter(audience="customers").values_list("pk")[:1],
            )
        )
    promises = adherence.of_incident(row)
    return {
        "promised": None if over else row.next_update_at,
        "since": row.last_update_at or row.opened_at,
        "over": over,
        "owed": level is not None and level.customers_told and not told and not over,
        "kept": promises,
        "missed": promises.missed,
        "may": bool(decision) and row.status not in ENDED,
        "refusal": "" if decision else decision.reason,
        "may_publish": bool(publish),
        "why_not_publish": "" if publish else publish.reason,
        "url": reverse("burning:update", args=(row.uid,)),
        "drafts": [each for each in found if each.status == "draft"][:DRAFTS] if not over else [],
        "posted": posted[:POSTED],
    }


def acts_of(row: Incident, actor: Actor) -> dict[str, Any]:
    """What can be done now, what was done, and what of it can be taken back."""
    over = row.status in OVER
    decision = policy.can(actor, "incident.mitigate", row)
    found = kept.of(
        row, "actions", lambda rows: rows.select_related("undoes").order_by("-pk")[:DONE]
    )
    open_ones = kept.of(row, "actions", lambda rows: rows.to_take_back()[:OPEN])
    back, shown = {each.pk for each in open_ones}, {each.pk for each in found}
    done = [_line(each, each.pk in back) for each in found]
    if over:
        done += [_line(each, back=True) for each in open_ones if each.pk not in shown]
    return {
        "may": bool(decision) and not over,
        "may_undo": bool(decision) and row.status not in {"merged", "cancelled"},
        "refusal": "" if decision or over else decision.reason,
        "url": reverse("burning:do", args=(row.uid,)),
        "kinds": [
            (kind, reverse("burning:act", args=(row.uid, kind.slug))) for kind in KINDS.values()
        ],
        "suspects": (found := suspects.of(row, actor) if not over else []),
        "by_time_alone": bool(found) and not any(each.is_near for each in found),
        "done": done,
        "left": over and any(each["back"] for each in done),
    }


def _line(each: Action, back: bool) -> dict[str, Any]:
    kind = KINDS[each.kind]
    return {
        "row": each,
        "label": kind.undo_label if each.undoes_id else kind.label,
        "page": (each.undoes.made if each.undoes is not None else each.made).get("page", ""),
        "back": back and kind.undo is not None,
        "undo": kind.undo_label,
        "url": reverse("burning:undo", args=(each.incident.uid, each.uid)),
    }


def team_of(row: Incident, actor: Actor) -> dict[str, Any]:
    """Who does what, what was decided, and whether it works again."""
    over = row.status in OVER
    lead = not over and policy.can(actor, "incident.lead", row)
    looked_at = row.status in {"mitigated", "monitoring"} or bool(not over and row.mitigated_at)
    offered = roles.proposed(row) if lead else {}
    publish = policy.can(actor, "incident.publish", row)
    return {
        "roles": [
            _role(row, role, does, actor, offered) for role, (does, _) in roles.ROLES.items()
        ],
        "may_lead": bool(lead),
        "others": _others(row) if lead else [],
        "role_url": reverse("burning:role", args=(row.uid,)),
        "decisions": kept.of(row, "decisions", lambda rows: rows.order_by("-pk")[:DONE]),
        "may_decide": row.status not in ENDED and bool(policy.can(actor, "incident.decide", row)),
        "decide_url": reverse("burning:decide", args=(row.uid,)),
        "checks": checks.standing(row) if looked_at else [],
        "required": row.severity in checks.GRAVE,
        "may_check": not over and bool(policy.can(actor, "incident.mitigate", row)),
        "why_not_left_out": "" if publish else publish.reason,
        "check_url": reverse("burning:check", args=(row.uid,)),
    }


def _role(
    row: Incident, role: str, does: str, actor: Actor, offered: dict[str, Any]
) -> dict[str, Any]:
    person = getattr(row, role)
    proposed = offered.get(role)
    known = person is not None and proposed is not None and proposed.pk == person.pk
    mine = proposed is not None and proposed.pk == actor.user_id
    return {
        "role": role, "does": does, "person": person,
        "mine": person is not None and person.pk == actor.user_id,
        "proposed": None if known or mine else proposed,
    }  # fmt: skip


def _others(row: Incident) -> list[tuple[int, str]]:
    """Whoever could be named: people of the workspace who answer incidents."""
    found = _ANSWERING.rows(row.workspace_id)
    return sorted(set(found), key=lambda each: each[1].lower())[:100]


def _answering(workspace_id: int) -> QuerySet[Grant, tuple[int, str]]:
    wanted = policy.ACTIONS["incident.mitigate"].roles | policy.ACTIONS["incident.decide"].roles
    held = Grant.objects.held().filter(
        membership__workspace_id=workspace_id,
        role__in=sorted(wanted),
        membership__user__is_active=True,
    )
    return held.values_list("membership__user_id", "membership__user__name").distinct()


_ANSWERING: kept.Question[tuple[int, str]] = kept.Question(_answering)
