"""What is told over many deployments: the board, the calendar, the four keys, the release log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import django_filters
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet
from django.http import HttpResponse

from controlplane.base.api import etag
from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.serializers import read
from controlplane.base.api.views import ListView, PortalAPIView, PortalRequest
from controlplane.catalog.models import Component, Environment
from controlplane.lib import clock
from controlplane.lib.errors import Invalid
from deployments.api import boards_forms as forms
from deployments.models import Deployment, DeploymentComponent
from deployments.overview import board as boards
from deployments.overview import dora, entries, log, merges, words
from deployments.overview.keys import DEFAULT, RANGES, Keys, keys

VIEW = "deployment.view"
LONGEST = timedelta(days=400)
FAR = timedelta(days=3_660)
MOST = 200


def _place(request: Any, slug: str) -> Environment | None:
    if not slug:
        return None
    found: Environment | None = Environment.objects.of(request.workspace).filter(slug=slug).first()
    if found is None:
        raise Invalid("There is no such environment.", details={"environment": "Not known."})
    return found


def _component(request: Any, slug: str) -> Component | None:
    if not slug:
        return None
    found: Component | None = Component.objects.of(request.workspace).filter(slug=slug).first()
    if found is None:
        raise Invalid("There is no such component.", details={"component": "Not known."})
    return found


def _asked(view: PortalAPIView, request: Any, form: Any) -> dict[str, Any]:
    return read(form, dict(request._request.GET.items()))


class BoardView(PortalAPIView):
    """What version is where

    Every component in every environment: what runs, since when, who started it, how far it is
    behind the environment before, what comes next, and what its probes say.
    """

    actions = {"GET": VIEW}
    outputs = {"GET": forms.BoardAnswer}
    tags = forms.TAGS

    def get(self, request: Any) -> HttpResponse:
        found = boards.board(request.workspace)
        cells = [_cell(cell) for _, row in found.rows for cell in row]
        return JsonAnswer(
            {
                "at": found.at,
                "environments": [_column(place) for place in found.places],
                "cells": cells,
                "more_components": found.more,
            }
        )


def _column(place: boards.Place) -> dict[str, Any]:
    freeze, after = place.freeze, place.next_freeze
    return {
        "environment": place.environment.slug,
        "name": place.environment.name,
        "frozen_until": freeze.ends_at if freeze is not None else None,
        "freeze": freeze.title if freeze is not None else "",
        "next_freeze_at": after.starts_at if after is not None else None,
        "maintenance": place.window.ref if place.window is not None else "",
        "next_maintenance_at": place.next_window.starts_at if place.next_window else None,
        "under_way": [row.ref for row in place.under_way],
        "coming": [row.ref for row in place.coming],
        "canaries": [row.ref for row in place.rollouts],
    }


def _cell(cell: boards.Cell) -> dict[str, Any]:
    row, drift, health = cell.deployment, cell.drift, cell.health
    return {
        "component": cell.component.slug,
        "environment": cell.environment.slug,
        "release": row.release if row is not None else "",
        "deployment": row.ref if row is not None else "",
        "status": row.status if row is not None else "",
        "commit_sha": row.commit_sha if row is not None else "",
        "since": cell.since,
        "by": cell.by,
        "brought_back_by": cell.brought_back.ref if cell.brought_back is not None else "",
        "behind": drift.ahead if drift is not None else None,
        "merges_behind": drift.merges if drift is not None else None,
        "same_as_before": drift.same if drift is not None else None,
        "health": health.state if health is not None else "",
        "health_at": health.at if health is not None else None,
        "on_the_way": [each.ref for each in cell.on_the_way],
    }


class CalendarView(PortalAPIView):
    """Deployments, canaries, freezes, maintenance and hand-overs of a stretch of time

    Those that touch [since, until), by default of the next four weeks.
    """

    actions = {"GET": VIEW}
    outputs = {"GET": forms.CalendarAnswer}
    query = ("since", "until", "environment", "kind")
    tags = forms.TAGS

    def get(self, request: Any) -> HttpResponse:
        asked = _asked(self, request, forms.CalendarQuery)
        now = clock.now()
        since = asked.get("since", now)
        until = asked.get("until", since + timedelta(days=28))
        if not timedelta(0) < until - since <= LONGEST:
            said = f"After since, by {LONGEST.days} days at most."
            raise Invalid("The time is not valid.", details={"until": said})
        if abs(since - now) > FAR:
            raise Invalid("That is too far away.", details={"since": "Within ten years."})
        place = _place(request, asked.get("environment", ""))
        kinds = [asked["kind"]] if asked.get("kind") else []
        question = entries.Asked(request.workspace, since, until, place, now)
        found = entries.found(request.actor, question, kinds)
        return JsonAnswer(
            {
                "since": since,
                "until": until,
                "items": [_entry(one) for one in found.entries],
                "cut": list(found.cut),
            }
        )


def _entry(one: entries.Entry) -> dict[str, Any]:
    shown = asdict(one)
    for name in ("url", "brief"):
        shown.pop(name)
    shown["environments"] = list(one.environments)
    return {**shown, "state": one.state, "link": one.url}


class DoraView(PortalAPIView):
    """The four keys of an environment, computed from its deployments

    Weeks are ISO weeks in UTC. `value` is null where there are too few to say. With `of`, `rows`
    are the deployments that figure is made of. `merges` tells which did not reach staging.
    """

    actions = {"GET": VIEW}
    outputs = {"GET": forms.DoraAnswer}
    query = ("environment", "component", "range", "of")
    tags = forms.TAGS

    def get(self, request: Any) -> HttpResponse:
        asked = _asked(self, request, forms.DoraQuery)
        place = _place(request, asked.get("environment") or "production")
        component = _component(request, asked.get("component", ""))
        now = clock.now()
        assert place is not None
        weeks = RANGES[asked.get("range", DEFAULT)]
        found = keys(place, at=now, weeks=weeks, component=component)
        report = merges.report(request.workspace, found.start, now)
        answer = {**_keys(found), "merges": _merges(report), "rows": []}
        figure = found.figures.get(asked.get("of", ""))
        if figure is not None:
            answer["rows"] = [_change(one) for one in figure.rows[-MOST:]]
        response = JsonAnswer(answer)
        return etag.conditional(request._request, response, etag.of_body(response.content))


def _keys(found: Keys) -> dict[str, Any]:
    target = found.target
    return {
        "environment": found.environment.slug,
        "component": found.component.slug if found.component is not None else "",
        "since": found.start,
        "counted_from": found.counted_from if found.counted_from > found.start else found.start,
        "figures": {
            slug: _figure(figure, found.before.get(slug)) for slug, figure in found.figures.items()
        },
        "releases_per_week": list(target) if target is not None else None,
        "weeks_kept": found.met[0],
        "weeks": [
            {
                "week": week.name,
                "landed": week.landed,
                "failed": week.failed,
                "completed": week.closed,
                "lead_time_s": week.lead,
                "whole": week.whole,
            }
            for week in found.weeks
        ],
        "cut": found.cut,
    }


def _figure(figure: dora.Figure, before: dora.Figure | None) -> Mapping[str, Any]:
    title, about = words.ABOUT[figure.slug]
    return {
        "title": title,
        "definition": about,
        "value": figure.value,
        "unit": {"frequency": "a week", "failure_rate": "share"}.get(figure.slug, "s"),
        "made_of": figure.n,
        "of": figure.of,
        "before": before.value if before is not None else None,
    }


def _change(one: dora.Change) -> dict[str, Any]:
    return {
        "deployment": one.ref,
        "release": one.release,
        "out_at": one.out_at,
        "status": one.status,
        "failed": one.failed,
        "lead_time_s": one.lead,
        "restored_by": one.restored_by,
        "restore_time_s": one.down,
    }


def _merges(report: merges.Report) -> dict[str, Any]:
    return {
        "count": len(report.merges),
        "deployed": report.count("deployed"),
        "brought_along": report.count("brought along"),
        "pending": report.count("pending"),
        "missing": [
            {
                "repository": one.merge.repository,
                "number": one.merge.number,
                "title": one.merge.title,
                "commit_sha": one.merge.commit_sha,
                "merged_at": one.merge.merged_at,
            }
            for one in report.missing[:MOST]
        ],
    }


class ReleaseFilter(PortalFilterSet):
    environment = django_filters.CharFilter(field_name="environment__slug", max_length=50)
    component = django_filters.CharFilter(field_name="parts__component__slug", max_length=50)
    kind = django_filters.ChoiceFilter(choices=Deployment.Kind.choices)


class ReleasesView(ListView):
    """The release log: what became live where, the newest first

    `/releases/document` is the same as Markdown.
    """

    actions = {"GET": VIEW}
    output = forms.ReleaseRow
    filterset = ReleaseFilter
    sorts = {"newest": ("-deployed_at", "-id")}
    list_etag = True
    tags = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = Deployment.objects.visible_to(request.actor).of(request.workspace).landed()
        named = DeploymentComponent.objects.filter(deployment=OuterRef("pk")).order_by("position")
        return rows.annotate(component_slugs=ArraySubquery(named.values("component__slug")))  # type: ignore[no-any-return]


class ReleasesDocumentView(PortalAPIView):
    """The release log as Markdown: the newest, of an environment or of all."""

    actions = {"GET": VIEW}
    outputs = {"GET": forms.DocumentAnswer}
    query = ("environment", "component")
    tags = forms.TAGS

    def get(self, request: Any) -> HttpResponse:
        asked = _asked(self, request, forms.DocumentQuery)
        question = log.Asked(
            request.workspace,
            _place(request, asked.get("environment", "")),
            _component(request, asked.get("component", "")),
        )
        rows = list(log.releases(question)[: log.EXPORTED + 1])
        cut = len(rows) > log.EXPORTED
        text = log.markdown(question, rows[: log.EXPORTED], cut=cut)
        return JsonAnswer({"markdown": text})
