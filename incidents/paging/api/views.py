"""Policies of escalation, their preview, the ledger of calls, and one's own rules."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import BooleanField, CharField, ExpressionWrapper, F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpResponse
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from controlplane.access.models import User, Workspace
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import read
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from controlplane.lib import clock
from controlplane.lib.errors import NotAllowed
from controlplane.lib.given import refuse
from controlplane.notify.models import Urgency
from incidents.models import EscalationPolicy, EscalationRun, Page, PersonalRule
from incidents.paging import figures, policies, preview, rules
from incidents.paging.api import forms

VIEW, KEEP = "paging.view", "paging.policy"


def _here(request: PortalRequest) -> Workspace:
    here: Any = request.workspace
    found: Workspace = here
    return found


def _policies(request: PortalRequest) -> QuerySet[Any]:
    here = _here(request).pk
    policies.in_force(here)  # what was never shipped yet is
    rows = EscalationPolicy.objects.visible_to(request.actor).in_force(here)
    found: QuerySet[Any] = rows.select_related("current").annotate(
        number=F("current__number"),
        steps=F("current__steps"),
        repeats=F("current__repeats"),
        catch_all=F("current__catch_all"),
        shipped=ExpressionWrapper(Q(workspace=None), output_field=BooleanField()),
    )
    return found


def _again(request: PortalRequest, row: EscalationPolicy) -> Any:
    """As the list shows it."""
    return _policies(request).get(pk=row.pk)


class PolicyFilter(PortalFilterSet):
    is_active = BooleanFilter(field_name="is_active", label="In use.")


class EscalationPoliciesView(ListView):
    """Policies of escalation that hold in the workspace: its own, and shipped ones."""

    actions = {"GET": VIEW, "POST": KEEP}
    output = forms.EscalationPolicyRow
    inputs = {"POST": forms.LadderNew}
    outputs = {"POST": forms.EscalationPolicyRow}
    filterset = PolicyFilter
    sorts = {"title": ("title", "id"), "newest": ("-id",)}
    tags = forms.TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _policies(request)

    def post(self, request: Any) -> HttpResponse:
        """Make a policy of the workspace's own"""
        values = self.read(request)
        made = policies.save_policy(
            request.workspace, values.pop("slug"), actor=request.actor, **values
        )
        return created(self.show(_again(request, made)), f"{request.path}/{made.slug}")


class EscalationPolicyView(DetailView):
    """One policy of escalation."""

    actions = {"GET": VIEW, "PUT": KEEP}
    output = forms.EscalationPolicyRow
    inputs = {"PUT": forms.PolicyForm}
    outputs = {"GET": forms.EscalationPolicyRow, "PUT": forms.EscalationPolicyRow}
    lookup = "slug"
    version = ("version",)
    tags = forms.TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _policies(request)

    def put(self, request: Any, slug: str) -> HttpResponse:
        """Say it anew; of a shipped one the workspace gets its own

        Calls under way go on by the version they began with.
        """
        row = self.object(request, {"slug": slug})
        made = policies.save_policy(
            request.workspace, row.slug, actor=request.actor, **self.read(request)
        )
        return JsonAnswer(self.show(_again(request, made)))


class EscalationPolicyRetireView(EscalationPolicyView):
    """Put a policy of the workspace's own away."""

    actions = {"POST": KEEP}
    inputs = {"POST": forms.PolicyRetire}
    outputs = {"POST": forms.EscalationPolicyRow}

    def post(self, request: Any, slug: str) -> HttpResponse:
        row = self.object(request, {"slug": slug})
        done = policies.retire_policy(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(_again(request, done)))


class EscalationPolicyPreviewView(DetailView):
    """Who would be called by it, beginning now or at `at`."""

    actions = {"GET": VIEW}
    output = forms.PolicyPreview
    outputs = {"GET": forms.PolicyPreview}
    lookup = "slug"
    tags = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _policies(request)

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        row = self.object(request, kwargs)
        at = _moment(request.GET.get("at", ""))
        found = preview.would_call(row.current, request.workspace.pk, at)
        items = [
            {
                **{name: getattr(one, name) for name in forms.PreviewRung().get_fields()},
                "called": [{"name": each.name, "why": each.why} for each in one.called],
            }
            for one in found
        ]
        return JsonAnswer({"at": at, "items": items})


def _moment(text: str) -> Any:
    if not text:
        return clock.now()
    try:
        found = parse_datetime(text.replace(" ", "+"))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise refuse("at", "A time with its zone, like 2026-11-22T18:00:00Z.")
    return found


class PageFilter(PortalFilterSet):
    incident = django_filters.CharFilter(field_name="incident__ref")
    ticket = django_filters.CharFilter(field_name="ticket__ref")
    status = django_filters.ChoiceFilter(choices=Page.Status.choices)


class PagesView(ListView):
    """Everybody who was called, and what came of it: rows that are never taken back."""

    actions = {"GET": VIEW}
    output = forms.PageRow
    filterset = PageFilter
    sorts = {"newest": ("-id",)}
    tags = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = Page.objects.visible_to(request.actor).filter(workspace=_here(request))
        names = ("user__name", "channel__name", "contact__name")
        name = Coalesce(*names, Value(""), output_field=CharField())
        found: QuerySet[Any] = rows.select_related("incident", "ticket", "run").annotate(name=name)
        return found


class EscalationFilter(PortalFilterSet):
    incident = django_filters.CharFilter(field_name="incident__ref")
    ticket = django_filters.CharFilter(field_name="ticket__ref")
    status = django_filters.ChoiceFilter(choices=EscalationRun.Status.choices)


class EscalationsView(ListView):
    """Escalations: under way, answered, or never answered."""

    actions = {"GET": VIEW}
    output = forms.EscalationRow
    filterset = EscalationFilter
    sorts = {"newest": ("-id",)}
    tags = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = EscalationRun.objects.visible_to(request.actor).filter(workspace=_here(request))
        found: QuerySet[Any] = rows.select_related("incident", "ticket", "policy__policy")
        return found


class PagingFiguresView(PortalAPIView):
    """How soon calls are answered

    By severity and by month, against what the levels ask, and the pages that were missed last.
    Without drills, false alarms and duplicates.
    """

    actions = {"GET": VIEW}
    outputs = {"GET": forms.PagingFiguresAnswer}
    query = ("months",)
    tags = forms.TAGS

    def get(self, request: Any) -> HttpResponse:
        asked = read(forms.PagingFiguresQuery, dict(request._request.GET.items()))
        months = int(asked.get("months", figures.MONTHS))
        told = figures.figures(request.actor, _here(request).pk, clock.now(), months)
        return JsonAnswer({
            "since": told.since,
            "by_severity": [_figure(one) for one in told.by_severity],
            "by_month": [_figure(one) for one in told.by_month],
            "missed": told.missed,
            "latest_missed": [
                _missed(page) for page in told.latest
            ],
            "promises": [
                {name: getattr(one, name) for name in forms.PromisesRow().get_fields()}
                for one in told.promises
            ],
        })  # fmt: skip


def _missed(page: Page) -> dict[str, Any]:
    incident, ticket = page.incident, page.ticket
    return {
        "uid": page.uid,
        "incident": incident.ref if incident is not None else None,
        "ticket": ticket.ref if ticket is not None else None,
        "severity": incident.severity if incident is not None else page.matter.priority,
        "called": page.target,
        "status": page.status,
        "created_at": page.created_at,
        "link": reverse("admin:incidents_page_change", args=[page.uid]),
    }


def _figure(one: figures.Figure) -> dict[str, Any]:
    return {name: getattr(one, name) for name in forms.PagingFigureRow().get_fields()}


class OwnPagingRulesView(PortalAPIView):
    """How one is called oneself: by which ways, and how long after a call began."""

    actions = {"GET": "paging.rules", "PUT": "paging.rules"}
    inputs = {"PUT": forms.OwnRulesForm}
    outputs = {"GET": forms.OwnRulesRow, "PUT": forms.OwnRulesRow}
    tags = forms.TAGS

    def get(self, request: Any) -> HttpResponse:
        urgency = request.GET.get("urgency", Urgency.CRITICAL.value)
        return JsonAnswer(_own(_me(request), urgency))

    def put(self, request: Any) -> HttpResponse:
        """Say it anew; no ways: the usual ones"""
        values = self.read(request)
        person = _me(request)
        rules.set_rules(person, values["rules"], actor=request.actor, urgency=values["urgency"])
        return JsonAnswer(_own(person, values["urgency"]))


def _me(request: PortalRequest) -> User:
    if request.actor.user_id is None:
        raise NotAllowed("Only people are called.")
    return User.objects.get(pk=request.actor.user_id)


def _own(person: User, urgency: str) -> dict[str, Any]:
    return {
        "urgency": urgency,
        "rules": [
            {"way": str(row.contact_method.uid) if row.contact_method else row.way,
             "called": _label(row), "after_s": row.after_s}
            for row in rules.rules_of(person, urgency)
        ],
    }  # fmt: skip


def _label(row: PersonalRule) -> str:
    if row.contact_method is None:
        return str(row.get_way_display())
    return row.contact_method.label or str(row.contact_method)
