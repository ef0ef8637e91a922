"""Policies, and who signs for whom."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.approvals import services
from controlplane.approvals.api import forms, shapes
from controlplane.approvals.api.requests import TAGS, VIEW
from controlplane.approvals.models import Delegation, Policy
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import OptionalReason
from controlplane.base.api.views import DetailView, ListView, PortalRequest

MANAGE = "approval.manage"


class PolicyFilter(PortalFilterSet):
    is_active = BooleanFilter()


class PoliciesView(ListView):
    """Who must consent to what."""

    actions = {"GET": VIEW, "POST": MANAGE}
    output = forms.PolicyRow
    inputs = {"POST": forms.PolicyNew}
    outputs = {"POST": forms.PolicyRow}
    filterset = PolicyFilter
    sorts = {"name": ("name", "id"), "newest": ("-id",)}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = Policy.objects.visible_to(request.actor).of(request.workspace)
        return rows

    def post(self, request: Any) -> HttpResponse:
        made = services.define_policy(request.workspace, actor=request.actor, **self.read(request))
        return created(self.show(made), f"{request.path}/{made.slug}")


class PolicyView(DetailView):
    """One policy. A change holds for what is asked from now on."""

    actions = {"GET": VIEW, "PATCH": MANAGE}
    output = forms.PolicyRow
    inputs = {"PATCH": forms.PolicyChange}
    outputs = {"PATCH": forms.PolicyRow}
    lookup = "slug"
    version = ("version",)
    if_match = {"PATCH": "optional"}
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = Policy.objects.visible_to(request.actor).of(request.workspace)
        return rows

    def patch(self, request: Any, slug: str) -> HttpResponse:
        row = self.object(request, {"slug": slug})
        changed = services.change_policy(
            row, actor=request.actor, version=row.version, **self.read(request)
        )
        return JsonAnswer(self.show(changed))


class PolicyRetireView(PolicyView):
    """Take a policy out of use. What was asked under it goes on."""

    actions = {"POST": MANAGE}
    inputs = {"POST": OptionalReason}
    outputs = {"POST": forms.PolicyRow}
    if_match = {"POST": "optional"}
    active = False

    def post(self, request: Any, slug: str) -> HttpResponse:
        row = self.object(request, {"slug": slug})
        done = services.retire_policy(
            row, actor=request.actor, active=self.active, **self.read(request)
        )
        return JsonAnswer(self.show(done))


class PolicyRestoreView(PolicyRetireView):
    """Take a retired policy back into use."""

    active = True


class DelegationFilter(PortalFilterSet):
    in_force = BooleanFilter(method="now", label="Those that count now.")

    def now(self, queryset: Any, name: str, value: bool) -> Any:
        rows = Delegation.objects.in_force().values("pk")
        return queryset.filter(pk__in=rows) if value else queryset.exclude(pk__in=rows)


class DelegationsView(ListView):
    """Who signs for whom

    `POST` lets a colleague sign for you whatever comes while you are away.
    """

    actions = {"GET": VIEW, "POST": "approval.delegate"}
    output = forms.DelegationRow
    extra_columns = shapes.DELEGATION_COLUMNS
    inputs = {"POST": forms.AbsenceForm}
    outputs = {"POST": forms.DelegationRow}
    filterset = DelegationFilter
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = Delegation.objects.visible_to(request.actor).of(request.workspace)
        return rows

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return shapes.delegation(row)

    def post(self, request: Any) -> HttpResponse:
        made = services.delegate(
            None, actor=request.actor, workspace=request.workspace, **self.read(request)
        )
        return created(self.show(Delegation.objects.get(pk=made.pk)))


class DelegationEndView(DetailView):
    """End it: for the two people of it, and for who manages approvals."""

    actions = {"POST": "approval.delegate"}
    output = forms.DelegationRow
    extra_columns = shapes.DELEGATION_COLUMNS
    inputs = {"POST": OptionalReason}
    outputs = {"POST": forms.DelegationRow}
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = Delegation.objects.visible_to(request.actor).of(request.workspace)
        return rows

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return shapes.delegation(row)

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        ended = services.end_delegation(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(ended))
