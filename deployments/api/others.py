"""Freezes and the allow-list of adapters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import OptionalReason
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from deployments import services
from deployments.api import forms
from deployments.models import Adapter, Freeze


class FreezeFilter(PortalFilterSet):
    in_force = BooleanFilter(method="whether_in_force")

    def whether_in_force(self, rows: Any, name: str, value: bool) -> Any:
        now = Freeze.objects.in_force().values("pk")
        return rows.filter(pk__in=now) if value else rows.exclude(pk__in=now)


class _ShownFreeze:
    extra_columns: ClassVar[Sequence[str]] = ("id",)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        named = Freeze.environments.through.objects.filter(freeze_id=row.pop("id"))
        row["environments"] = sorted(named.values_list("environment__slug", flat=True))
        return row


class FreezesView(_ShownFreeze, ListView):
    """Freezes of the workspace: times in which nothing goes out."""

    actions = {"GET": "freeze.view", "POST": "freeze.manage"}
    output = forms.FreezeRow
    inputs = {"POST": forms.FreezeNew}
    outputs = {"POST": forms.FreezeRow}
    filterset = FreezeFilter
    tags = ["freezes"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Freeze.objects.visible_to(request.actor).of(request.workspace)

    def post(self, request: Any) -> HttpResponse:
        """Freeze changes for a time"""
        values = self.read(request)
        values["environments"] = forms.places(request, values.get("environments", []))
        made = services.make_freeze(request.workspace, actor=request.actor, **values)
        return created(self.show(made), f"{request.path}/{made.uid}")


class FreezeView(_ShownFreeze, DetailView):
    """One freeze."""

    actions = {"GET": "freeze.view", "PATCH": "freeze.manage"}
    output = forms.FreezeRow
    inputs = {"PATCH": forms.FreezeFields}
    outputs = {"PATCH": forms.FreezeRow}
    if_match = {"PATCH": "optional"}
    version = ("version",)
    tags = ["freezes"]
    errors = (409,)
    rows = FreezesView.rows

    def patch(self, request: Any, uid: Any) -> HttpResponse:
        """Change a freeze"""
        row = self.object(request, {"uid": uid})
        values = self.read(request)
        if "environments" in values:
            values["environments"] = forms.places(request, values["environments"])
        return JsonAnswer(self.show(services.change_freeze(row, actor=request.actor, **values)))


class FreezeEndView(FreezeView):
    """End a freeze before its time."""

    actions = {"POST": "freeze.manage"}
    inputs = {"POST": forms.LongReason}
    outputs = {"POST": forms.FreezeRow}
    statuses = {"POST": 200}
    if_match = {}

    def post(self, request: Any, uid: Any) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        done = services.end_freeze(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(done))


class AdaptersView(ListView):
    """What may be run or called for deployments."""

    actions = {"GET": "deployment.view", "POST": "deployment.adapters"}
    output = forms.AdapterRow
    inputs = {"POST": forms.AdapterNew}
    outputs = {"POST": forms.AdapterSecret}
    secret_fields = ("secret",)
    tags = forms.TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Adapter.objects.visible_to(request.actor).of(request.workspace)

    def post(self, request: Any) -> HttpResponse:
        """Add an adapter, switched off; the answer holds a webhook's secret, once"""
        values = self.read(request)
        values["environments"] = forms.places(request, values["environments"])
        made = services.add_adapter(
            request.workspace, values.pop("slug"), actor=request.actor, **values
        )
        shown = {"adapter": self.show(made.adapter), "secret": made.secret}
        return created(shown, f"{request.path}/{made.adapter.uid}")


class AdapterView(DetailView):
    """One adapter."""

    actions = {"GET": "deployment.view", "PATCH": "deployment.adapters"}
    output = forms.AdapterRow
    inputs = {"PATCH": forms.AdapterChange}
    outputs = {"PATCH": forms.AdapterRow}
    if_match = {"PATCH": "optional"}
    version = ("version", "enabled")
    tags = forms.TAGS
    errors = (409,)
    rows = AdaptersView.rows

    def patch(self, request: Any, uid: Any) -> HttpResponse:
        """Change what an adapter does, which switches it off"""
        row = self.object(request, {"uid": uid})
        values = self.read(request)
        if "environments" in values:
            values["environments"] = forms.places(request, values["environments"])
        return JsonAnswer(self.show(services.change_adapter(row, actor=request.actor, **values)))


class AdapterSwitchView(AdapterView):
    """Switch an adapter on or off."""

    actions = {"POST": "deployment.adapters"}
    inputs = {"POST": forms.AdapterSwitch}
    outputs = {"POST": forms.AdapterRow}
    statuses = {"POST": 200}
    if_match = {}

    def post(self, request: Any, uid: Any) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        done = services.switch_adapter(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(done))


class AdapterRotateView(AdapterView):
    """Give a webhook's adapter a new secret."""

    actions = {"POST": "deployment.adapters"}
    inputs = {"POST": OptionalReason}
    outputs = {"POST": forms.AdapterSecret}
    statuses = {"POST": 200}
    secret_fields = ("secret",)
    if_match = {}

    def post(self, request: Any, uid: Any) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        made = services.rotate_secret(row, actor=request.actor, **self.read(request))
        return JsonAnswer({"adapter": self.show(made.adapter), "secret": made.secret})
