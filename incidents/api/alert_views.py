"""Sources of alerts, alerts and silences over the API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from controlplane.catalog.models import Environment, Service
from controlplane.lib.errors import Invalid
from controlplane.lib.given import refuse
from incidents.api import alert_forms as forms
from incidents.intake import handling, sources, trying
from incidents.intake.sources import Keyed
from incidents.models import Alert, AlertSource, Silence
from incidents.models.sources import Severity
from incidents.routing import matching, silences

VIEW, KEEP, SILENCE = "alert.view", "alert.source", "alert.silence"
_MOST_LABELS = 10


# --- Sources ------------------------------------------------------------------------------------


def _sources(request: PortalRequest) -> QuerySet[Any]:
    rows: QuerySet[Any] = AlertSource.objects.visible_to(request.actor).filter(
        workspace=request.workspace
    )
    return rows.select_related("workspace", "service", "environment")


def _named(request: PortalRequest, values: dict[str, Any]) -> dict[str, Any]:
    """Slugs of this workspace become the rows they name."""
    for name, kind in (("service", Service), ("environment", Environment)):
        slug = values.get(name)
        if slug:
            found = kind.objects.filter(workspace=request.workspace, slug=slug).first()
            if found is None:
                raise refuse(name, "There is none of that name here.")
            values[name] = found
        elif name in values:
            values[name] = None
    return values


class AlertSourceFilter(PortalFilterSet):
    format = django_filters.ChoiceFilter(choices=AlertSource.Format.choices)
    is_active = BooleanFilter(field_name="is_active", label="In use.")


class AlertSourcesView(ListView):
    """Who sends alerts, each with a key of its own."""

    actions = {"GET": VIEW, "POST": KEEP}
    output = forms.AlertSourceRow
    inputs = {"POST": forms.AlertSourceNew}
    outputs = {"POST": forms.AlertSourceKeyed}
    filterset = AlertSourceFilter
    sorts = {"name": ("name", "id"), "newest": ("-id",)}
    secret_fields = ("key",)
    tags = forms.TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _sources(request)

    def post(self, request: Any) -> HttpResponse:
        """Make a source; its key is shown once"""
        values = _named(request, self.read(request))
        made = sources.create_source(request.workspace, actor=request.actor, **values)
        return created(_keyed(self, made), f"{request.path}/{made.source.uid}")


def _keyed(view: Any, made: Keyed) -> dict[str, Any]:
    return {**view.show(made.source), "key": made.key}


class AlertSourceView(DetailView):
    """One source of alerts, and how it fares."""

    actions = {"GET": VIEW, "PATCH": KEEP}
    output = forms.AlertSourceRow
    inputs = {"PATCH": forms.AlertSourceChange}
    outputs = {"GET": forms.AlertSourceRow, "PATCH": forms.AlertSourceRow}
    version = ("version", "calls", "refused", "last_at")
    tags = forms.TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _sources(request)

    def patch(self, request: Any, uid: Any) -> HttpResponse:
        """Change what is given"""
        row = self.object(request, {"uid": uid})
        values = _named(request, self.read(request, partial=True))
        return JsonAnswer(self.show(sources.change_source(row, actor=request.actor, **values)))


class AlertSourceKeyView(AlertSourceView):
    """Give a source another key: the one before opens nothing from then on."""

    actions = {"POST": KEEP}
    inputs = {"POST": forms.AlertReason}
    outputs = {"POST": forms.AlertSourceKeyed}
    secret_fields = ("key",)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        made = sources.renew_key(row, actor=request.actor, **self.read(request))
        return JsonAnswer(_keyed(self, made))


class AlertSourceSwitchView(AlertSourceView):
    """Switch a source on or off."""

    actions = {"POST": KEEP}
    inputs = {"POST": forms.AlertSourceSwitch}
    outputs = {"POST": forms.AlertSourceRow}

    def post(self, request: Any, uid: Any) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        done = sources.switch_source(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(done))


class AlertSourceTryView(AlertSourceView):
    """What would become of a message: nothing is kept, and nobody is called."""

    actions = {"POST": KEEP}
    inputs = {"POST": forms.MessageToTry}
    outputs = {"POST": forms.MessageTried}
    max_body = 2 * 1024 * 1024

    def post(self, request: Any, uid: Any) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        if row.format == AlertSource.Format.PORTAL:
            raise Invalid("The portal sends itself: there is no message.")
        values = self.read(request)
        found = trying.try_message(row, values.pop("body").encode(), **values)
        items = [
            {"title": each.alert.title, "what": each.what, "severity": each.severity,
             "rule": each.rule, "follows": each.follows, "held_back": each.held_back}
            for each in found.alerts
        ]  # fmt: skip
        refused = [{"index": each.index, "reason": each.reason} for each in found.refused]
        return JsonAnswer(
            {"items": items, "more": found.more, "refused": refused, "truncated": found.truncated}
        )


# --- Alerts -------------------------------------------------------------------------------------


class AlertFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=Alert.Status.choices)
    severity = django_filters.ChoiceFilter(choices=Severity.choices)
    source = django_filters.UUIDFilter(field_name="source__uid")
    service = django_filters.CharFilter(field_name="service__slug")
    incident = django_filters.CharFilter(field_name="incident__ref")
    label = django_filters.CharFilter(
        method="by_labels", label="Labels it has, like `service=agent,env=prod`."
    )
    held_back = BooleanFilter(method="by_held", label="Silenced, or behind a graver one.")

    def by_labels(self, rows: Any, name: str, value: str) -> Any:
        wanted: dict[str, str] = {}
        for part in value.split(",")[: _MOST_LABELS + 1]:
            label, sign, said = part.partition("=")
            if not sign or not label.strip() or "\0" in part or len(wanted) >= _MOST_LABELS:
                raise refuse(name, f"Like service=agent,env=prod, at most {_MOST_LABELS}.")
            wanted[label.strip()] = said.strip()
        return rows.filter(labels__contains=wanted)

    def by_held(self, rows: Any, name: str, value: bool | None) -> Any:
        if value is None:
            return rows
        held = rows.held_back()
        return held if value else rows.exclude(pk__in=held.values("pk"))


class AlertsView(ListView):
    """Alerts: what fires, and what did."""

    actions = {"GET": VIEW}
    output = forms.AlertRow
    filterset = AlertFilter
    sorts = {"newest": ("-id",)}
    tags = forms.TAGS
    is_kept = True

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _alerts(request)


def _alerts(request: PortalRequest) -> QuerySet[Any]:
    rows: QuerySet[Any] = Alert.objects.visible_to(request.actor).of(request.workspace)
    return rows


class AlertView(DetailView):
    """One alert."""

    actions = {"GET": VIEW}
    output = forms.AlertRow
    outputs = {"GET": forms.AlertRow}
    version = ("version",)
    tags = forms.TAGS
    is_kept = True

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _alerts(request)


class AlertResolveView(AlertView):
    """Say that an alert is over, though its sender has not."""

    actions = {"POST": "alert.resolve"}
    inputs = {"POST": forms.AlertReason}
    outputs = {"POST": forms.AlertRow}
    errors = (409,)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        done = handling.end_alert(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(done))


# --- Silences -----------------------------------------------------------------------------------


class SilenceFilter(PortalFilterSet):
    state = django_filters.ChoiceFilter(
        choices=[(each, each) for each in ("active", "pending", "expired")], method="by_state"
    )
    origin = django_filters.ChoiceFilter(choices=Silence.Origin.choices)

    def by_state(self, rows: Any, name: str, value: str) -> Any:
        if value == "active":
            return rows.in_force()
        return rows.coming() if value == "pending" else rows.over()


class SilencesView(ListView):
    """Silences: alerts like these call nobody, until when and why."""

    actions = {"GET": VIEW, "POST": SILENCE}
    output = forms.SilenceRow
    inputs = {"POST": forms.SilenceNew}
    outputs = {"POST": forms.SilenceRow}
    filterset = SilenceFilter
    sorts = {"newest": ("-id",), "ends_at": ("ends_at", "id")}
    tags = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _silences(request)

    def post(self, request: Any) -> HttpResponse:
        """Silence alerts, from now or from a time on"""
        made = silences.create_silence(
            request.workspace, actor=request.actor, **_matching(self.read(request))
        )
        return created(self.show(made), f"{request.path}/{made.uid}")


def _silences(request: PortalRequest) -> QuerySet[Any]:
    rows: QuerySet[Any] = Silence.objects.visible_to(request.actor).of(request.workspace)
    return rows


def _matching(values: dict[str, Any]) -> dict[str, Any]:
    if "matchers" in values:
        given = [dict(each) for each in values["matchers"]]
        values["matchers"] = matching.read("matchers", given)
    return values


class SilenceView(DetailView):
    """One silence."""

    actions = {"GET": VIEW, "PATCH": SILENCE}
    output = forms.SilenceRow
    inputs = {"PATCH": forms.SilenceChange}
    outputs = {"GET": forms.SilenceRow, "PATCH": forms.SilenceRow}
    version = ("version",)
    tags = forms.TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _silences(request)

    def patch(self, request: Any, uid: Any) -> HttpResponse:
        """Change one that is not over"""
        row = self.object(request, {"uid": uid})
        values = _matching(self.read(request, partial=True))
        done = silences.change_silence(row, actor=request.actor, **values)
        return JsonAnswer(self.show(done))


class SilenceEndView(SilenceView):
    """End a silence now: what it holds back and fires still is told within seconds."""

    actions = {"POST": SILENCE}
    inputs = {"POST": forms.SilenceEnd}
    outputs = {"POST": forms.SilenceRow}

    def post(self, request: Any, uid: Any) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        done = silences.end_silence(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(done))
