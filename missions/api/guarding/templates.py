"""Policy templates of a workspace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from missions import services
from missions.api.guarding import examples, forms
from missions.api.guarding.common import TAGS, VIEW
from missions.models import PolicyTemplate, TemplateVersion

KEEP = "mission.templates"


class _Rows:
    tags: ClassVar[Sequence[str]] = TAGS

    def rows(self, request: PortalRequest) -> Any:
        return PolicyTemplate.objects.visible_to(request.actor).of(request.workspace)


class TemplateFilter(PortalFilterSet):
    retired = BooleanFilter(method="whether_retired")
    is_default = BooleanFilter()

    def whether_retired(self, rows: Any, name: str, value: bool) -> Any:
        return rows.filter(retired_at__isnull=not value)


class TemplatesView(_Rows, ListView):
    """Policy templates: what a workspace asks of its missions."""

    actions = {"GET": VIEW, "POST": KEEP}
    output = forms.TemplateRow
    inputs = {"POST": forms.TemplateNew}
    outputs = {"POST": forms.TemplateRow}
    filterset = TemplateFilter
    sorts = {"slug": ("slug", "id"), "newest": ("-id",)}
    examples = {"POST": examples.TEMPLATE}
    errors = (409,)

    def post(self, request: Any) -> HttpResponse:
        """Add a policy template"""
        made = services.add_template(request.workspace, actor=request.actor, **self.read(request))
        return created(self.show(made), f"{request.path}/{made.slug}")


class TemplateView(_Rows, DetailView):
    """One policy template, its newest version."""

    actions = {"GET": VIEW, "PATCH": KEEP}
    output = forms.TemplateRow
    inputs = {"PATCH": forms.TemplateChange}
    outputs = {"GET": forms.TemplateRow, "PATCH": forms.TemplateRow}
    examples = {"PATCH": {"severity": "critical", "reason": "It went wrong twice.", "version": 2}}
    lookup = "slug"
    version = ("version",)
    if_match = {"PATCH": "optional"}
    errors = (409,)

    def patch(self, request: Any, slug: str) -> HttpResponse:
        """Change it: its next version. Missions that took it over keep theirs"""
        row = self.object(request, {"slug": slug})
        done = services.change_template(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(done))


class RetireView(_Rows, DetailView):
    """A policy template put away, or brought back."""

    actions = {"POST": KEEP}
    output = forms.TemplateRow
    inputs = {"POST": forms.Retire}
    outputs = {"POST": forms.TemplateRow}
    statuses = {"POST": 200}
    lookup = "slug"
    errors = (409,)

    def post(self, request: Any, slug: str) -> HttpResponse:
        """Suggest it to no mission any more; or again"""
        row = self.object(request, {"slug": slug})
        done = services.retire_template(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(done))


class VersionsView(ListView):
    """What a policy template said, the newest first."""

    actions = {"GET": VIEW}
    output = forms.VersionRow
    sorts = {"newest": ("-number",)}
    tags = TAGS

    def rows(self, request: PortalRequest) -> Any:
        rows = TemplateVersion.objects.visible_to(request.actor).of(request.workspace)
        return rows.filter(template__slug=self.kwargs["slug"])
