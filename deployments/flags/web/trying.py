"""The try-out: a context in; the decision, and what became of each rule, out. All of it is in the
address, so that an answer can be shown to somebody else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from controlplane.base.web import actor_of
from controlplane.catalog.models import Environment
from controlplane.lib import clock
from deployments.flags.engine.explaining import Explanation
from deployments.flags.models import Flag, FlagState
from deployments.flags.shown import because, segments, words
from deployments.flags.web.common import page, show, workspace_shown

MOST_PROPERTIES = 50
MOST_NAMES = 500


@require_safe
@page
def trying(request: HttpRequest) -> HttpResponse:
    workspace = workspace_shown(request)
    name = _asked(request, "flag", 200)
    rows = FlagState.objects.visible_to(actor_of(request)).select_related(
        "flag__workspace", "environment"
    )
    rows = rows.filter(workspace=workspace, flag__archived_at=None)
    states = list(rows.filter(flag__flag_name=name).order_by("environment__order")) if name else []
    asked = _asked(request, "in", 50)
    state = next((each for each in states if each.environment.slug == asked), None)
    state = state or (states[-1] if states else None)
    context, wrong = _context(request)
    now = _moment(request)
    context_given = bool(request.GET.keys() - {"flag", "in", "workspace"})
    shown: dict[str, Any] = {
        "title": "Try a flag",
        "flag": state.flag if state is not None else None,
        "name": name,
        "given": {each: _asked(request, each, 4_000) for each in ("user", "session", "at", "with")},
        "wrong": wrong,
        "environments": _environments(workspace, states),
        "chosen": state.environment.slug if state is not None else asked,
        "names": _names(workspace),
        "missing": bool(name) and state is None,
        "context_given": context_given,
        "context_json": json.dumps({"context": _told_to_ofrep(context)}, indent=2),
    }
    if state is not None:
        names = segments.names(state.workspace_id, [state.settings])
        shown["says"] = words.sentence(state.settings, names)
        shown["state"] = state
        shown["answer"] = _told(because.explain(state, context, now=now))
        shown["elsewhere"] = _elsewhere(states, state, context, now, request)
    return show(request, "try.html", shown)


def _told(answer: Explanation) -> dict[str, Any]:
    decision = answer.decision
    payload = decision.payload
    return {
        "on": decision.enabled,
        "variant": decision.variant,
        "payload": dict(payload) if payload else None,
        "reason": decision.reason,
        "detail": decision.detail,
        "rule": decision.rule,
        "needs": answer.needs,
        "rules": answer.rules,
    }


def _elsewhere(
    states: list[FlagState],
    state: FlagState,
    context: Mapping[str, Any],
    now: datetime,
    request: HttpRequest,
) -> list[dict[str, Any]]:
    """The same question in the other environments."""
    found = []
    for each in states:
        if each.pk == state.pk:
            continue
        query = request.GET.copy()
        query["in"] = each.environment.slug
        told = because.explain(each, context, now=now).decision
        found.append(
            {
                "name": each.environment.name,
                "url": f"?{query.urlencode()}",
                "on": told.enabled,
                "variant": told.variant,
                "detail": told.detail,
            }
        )
    return found


def _asked(request: HttpRequest, name: str, most: int) -> str:
    return request.GET.get(name, "").replace("\x00", "").strip()[:most]


def _context(request: HttpRequest) -> tuple[dict[str, Any], str]:
    """As an SDK would send it; lines that are no `name = value` are told, and left out."""
    context: dict[str, Any] = {}
    if user := _asked(request, "user", 400):
        context["userId"] = user
    if session := _asked(request, "session", 400):
        context["sessionId"] = session
    wrong, properties = [], {}
    for line in _asked(request, "with", 4_000).splitlines()[:MOST_PROPERTIES]:
        name, sign, value = line.partition("=")
        if name.strip() and sign:
            properties[name.strip()] = value.strip()
        elif line.strip():
            wrong.append(words.clipped(line))
    if properties:
        context["properties"] = properties
    said = f"Left out, for it is no “field = value”: {', '.join(wrong[:3])}." if wrong else ""
    return context, said


def _told_to_ofrep(context: Mapping[str, Any]) -> dict[str, Any]:
    named = {name: value for name, value in context.items() if name not in _ELSEWHERE}
    user = {"targetingKey": context["userId"]} if "userId" in context else {}
    return {**user, **named, **context.get("properties", {})}


_ELSEWHERE = frozenset({"userId", "properties"})


def _moment(request: HttpRequest) -> datetime:
    text = _asked(request, "at", 40)
    try:
        at = parse_datetime(text) if text else None
    except ValueError:
        at = None
    if at is None:
        return clock.now()
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _environments(workspace: Any, states: list[FlagState]) -> list[Environment]:
    if states:
        return [each.environment for each in states]
    return list(Environment.objects.filter(workspace=workspace).order_by("order", "slug"))


def _names(workspace: Any) -> list[str]:
    rows = Flag.objects.filter(workspace=workspace, archived_at=None).order_by("flag_name")
    return list(rows.values_list("flag_name", flat=True)[:MOST_NAMES])
