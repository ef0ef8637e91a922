"""Runbooks as they hold in the workspace, what was run of them, and drills."""

from __future__ import annotations

from typing import Any

import django_filters
from django.contrib.postgres.search import SearchQuery
from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet
from django.http import HttpResponse

from controlplane.access.models import Workspace
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.rows import row_of
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from controlplane.lib.errors import NotFound
from controlplane.lib.given import refuse
from controlplane.work.models import Item
from incidents.models import Alert, Drill, Incident, Runbook, RunbookValidation
from incidents.runbooks import books, drilled, reading, using, validating
from incidents.runbooks.api import forms

VIEW = "runbook.view"


def here(request: PortalRequest) -> Workspace:
    assert request.workspace is not None
    return request.workspace


def _rows(request: PortalRequest) -> QuerySet[Any]:
    rows = books.in_force(here(request).pk)
    found: QuerySet[Any] = rows.annotate(
        number=F("current__number"),
        shipped=ExpressionWrapper(Q(workspace=None), output_field=BooleanField()),
    )
    return found


class RunbookFilter(PortalFilterSet):
    severity = django_filters.CharFilter(max_length=8)
    archived = BooleanFilter(method="whether_archived")
    q = django_filters.CharFilter(method="that_say", max_length=200, label="words in it")

    def whether_archived(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return rows.filter(archived_at__isnull=not value)

    def that_say(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        words = SearchQuery(value.replace("\x00", ""), config="english", search_type="websearch")
        return rows.filter(search=words)


class RunbooksView(ListView):
    """Runbooks that hold in the workspace: its own, and shipped ones."""

    actions = {"GET": VIEW, "POST": books.ACTION}
    output = forms.RunbookRow
    inputs = {"POST": forms.RunbookForm}
    outputs = {"POST": forms.RunbookRow}
    filterset = RunbookFilter
    sorts = {"slug": ("slug", "id")}
    tags = forms.TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _rows(request)

    def post(self, request: Any) -> HttpResponse:
        """Write a runbook of the workspace's own"""
        made = books.save_runbook(
            here(request), actor=request.actor, **_sources(request, self.read(request))
        )
        row = _rows(request).get(pk=made.pk)
        return created(self.show(row), f"{request.path}/{made.slug}")


def _sources(request: PortalRequest, values: dict[str, Any]) -> dict[str, Any]:
    """The key of an item as its row."""
    key = values.pop("source_item", "")
    if key:
        values["source_item"] = Item.objects.filter(workspace=here(request), key=key).first()
        if values["source_item"] is None:
            raise refuse("source_item", "There is none of that key here.")
    return values


class _One(DetailView):
    """By slug or alias; one that was replaced answers as its replacement."""

    output = forms.RunbookRow
    lookup = "slug"
    version = ("version",)
    tags = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _rows(request)

    def named(self, request: Any, slug: str) -> Runbook:
        return books.get(here(request).pk, slug)

    def answer(self, request: Any, row: Runbook) -> HttpResponse:
        held = _rows(request).get(pk=row.pk)
        known = {each.slug: each for each in validating.standings(here(request).pk)}
        standing = known.get(held.slug)
        steps = reading.steps_of(held.current.steps)
        return JsonAnswer({
            **self.show(held),
            "text": held.current.text,
            "steps": [_step(step) for step in steps],
            "state": standing.state if standing is not None else "put away",
            "validated_at": standing.validated_at if standing is not None else None,
            "drilled_at": standing.drilled_at if standing is not None else None,
            "newer": books.newer(held) is not None,
        })  # fmt: skip


def _step(step: reading.Step) -> dict[str, Any]:
    return {
        "number": step.number, "kind": step.kind, "title": step.title, "asks": list(step.asked),
        "changes": step.changes, "expect": step.expect, "otherwise": step.otherwise,
    }  # fmt: skip


class RunbookView(_One):
    """One runbook with its text and steps."""

    actions = {"GET": VIEW, "PUT": books.ACTION}
    inputs = {"PUT": forms.RunbookChange}
    outputs = {"GET": forms.RunbookWhole, "PUT": forms.RunbookWhole}
    errors = (409,)

    def get(self, request: Any, slug: str) -> HttpResponse:
        """By slug or alias; one that was replaced answers as its replacement"""
        return self.answer(request, self.named(request, slug))

    def put(self, request: Any, slug: str) -> HttpResponse:
        """Say it anew; of a shipped one the workspace gets its own"""
        row = self.named(request, slug)
        values = _sources(request, self.read(request))
        saved = books.save_runbook(here(request), actor=request.actor, slug=row.slug, **values)
        return self.answer(request, saved)


class RunbookArchiveView(_One):
    """Put a runbook away; whoever asks for it is led to what replaces it."""

    actions = {"POST": books.ACTION}
    inputs = {"POST": forms.RunbookArchive}
    outputs = {"POST": forms.RunbookWhole}
    statuses = {"POST": 200}
    errors = (409,)

    def post(self, request: Any, slug: str) -> HttpResponse:
        done = books.archive(here(request), slug, actor=request.actor, **self.read(request))
        return self.answer(request, done)


class RunbookVersionsView(ListView):
    """Its texts, the newest first."""

    actions = {"GET": VIEW}
    output = forms.RunbookVersionRow
    sorts = {"newest": ("-number",)}
    tags = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        found: QuerySet[Any] = books.get(here(request).pk, self.kwargs["slug"]).versions.all()
        return found


class RunbookValidationsView(ListView):
    """Who tried it when, where, and what came of it."""

    actions = {"GET": VIEW, "POST": validating.ACTION}
    output = forms.RunbookValidationRow
    inputs = {"POST": forms.RunbookValidationNew}
    outputs = {"POST": forms.RunbookValidationRow}
    sorts = {"newest": ("-id",)}
    tags = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: Any = RunbookValidation.objects.visible_to(request.actor)
        row = books.get(here(request).pk, self.kwargs["slug"])
        found: QuerySet[Any] = rows.of(here(request)).filter(slug=row.slug).select_related("text")
        return found

    def post(self, request: Any, slug: str) -> HttpResponse:
        """Say what came of trying the version in force"""
        row = books.get(here(request).pk, slug)
        made = validating.validate(
            row, actor=request.actor, workspace=here(request), **self.read(request)
        )
        return created(self.show(made), "")


class RunbookConsultView(PortalAPIView):
    """Note that it was looked into for an incident or an alert."""

    actions = {"POST": VIEW}
    inputs = {"POST": forms.RunbookSubject}
    outputs = {"POST": forms.RunbookConsulted}
    statuses = {"POST": 200}
    tags = forms.TAGS

    def post(self, request: Any, slug: str) -> HttpResponse:
        row = books.get(here(request).pk, slug)
        incident, alert = subject_of(request, self.read(request))
        if incident is None and alert is None:
            raise refuse("incident", "Say what it is looked into for.")
        made = using.consult(row, actor=request.actor, incident=incident, alert=alert)
        return JsonAnswer({"noted": made is not None})


def subject_of(
    request: PortalRequest, given: dict[str, Any]
) -> tuple[Incident | None, Alert | None]:
    """The incident and the alert that are named, of this workspace."""
    incident, alert = None, None
    if ref := str(given.get("incident") or "").strip().upper():
        incident = Incident.objects.of(here(request)).filter(ref=ref).first()
        if incident is None:
            raise refuse("incident", "There is no such incident here.")
    if uid := given.get("alert"):
        alert = Alert.objects.of(here(request)).filter(uid=uid).select_related("service").first()
        if alert is None:
            raise refuse("alert", "There is no such alert here.")
    return incident, alert


class RunbookReadinessView(PortalAPIView):
    """What a go-live still asks for: every required runbook published, validated and drilled."""

    actions = {"GET": VIEW}
    outputs = {"GET": forms.RunbookReadiness}
    tags = forms.TAGS

    def get(self, request: Any) -> HttpResponse:
        left = validating.not_ready(here(request).pk)
        form = row_of(forms.RunbookStanding)
        return JsonAnswer({"ready": not left, "items": [form.from_object(each) for each in left]})


class RunbookSuggestionsView(PortalAPIView):
    """Which runbooks may help: by what is seen (`text`), or with an incident or an alert."""

    actions = {"GET": VIEW}
    outputs = {"GET": forms.RunbookSuggestions}
    query = ("text", "incident", "alert")
    tags = forms.TAGS

    def get(self, request: Any) -> HttpResponse:
        asked = request.GET
        uid = asked.get("alert", "")
        given = {"incident": asked.get("incident", ""), "alert": _uid(uid) if uid else None}
        incident, alert = subject_of(request, given)
        if incident is not None:
            found = using.for_incident(incident)
        elif alert is not None:
            found = using.for_alert(alert)
        else:
            found = using.suggest(here(request).pk, text=asked.get("text", ""))
        items = [
            {"slug": each.runbook.slug, "title": each.runbook.title, "why": each.why}
            for each in found
        ]
        return JsonAnswer({"items": items})


def _uid(text: str) -> str:
    if len(text) != 36 or not text.replace("-", "").isalnum():
        raise refuse("alert", "Its uid.")
    return text


# --- Drills -------------------------------------------------------------------------------------


class DrillFilter(PortalFilterSet):
    kind = django_filters.CharFilter(max_length=8)
    runbook = django_filters.CharFilter(max_length=60)


class DrillsView(ListView):
    """Drills of paging, of runbooks and whole game days: one log of all of them."""

    actions = {"GET": "paging.view"}
    output = forms.PracticeRow
    filterset = DrillFilter
    sorts = {"newest": ("-id",)}
    tags = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: Any = Drill.objects.visible_to(request.actor)
        found: QuerySet[Any] = rows.of(here(request))
        return found


class DrillsFileView(PortalAPIView):
    """The log of drills as a file: `md`, `csv` or `json`."""

    actions = {"GET": "paging.view"}
    tags = forms.TAGS

    def get(self, request: Any, form: str) -> HttpResponse:
        if form not in drilled.TYPES:
            raise NotFound("One of md, csv, json.")
        rows = drilled.rows_of(request.actor, here(request))
        return HttpResponse(drilled.written(rows, form), content_type=drilled.TYPES[form])
