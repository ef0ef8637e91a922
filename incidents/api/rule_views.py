"""Rules of routing over the API: kept, ordered, and tried against the last day."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from controlplane.lib.errors import NotFound
from incidents.api import alert_forms as forms
from incidents.models import RoutingRule
from incidents.routing import judging, rules, trying

VIEW, KEEP = "alert.view", "alert.route"


def _rules(request: PortalRequest) -> QuerySet[Any]:
    workspace = request.workspace.pk if request.workspace is not None else 0
    judging.rules_of(workspace)  # what was never shipped yet is
    rows = RoutingRule.objects.visible_to(request.actor).in_force(workspace)
    shipped = ExpressionWrapper(Q(workspace=None), output_field=BooleanField())
    found: QuerySet[Any] = rows.annotate(shipped=shipped)
    return found


def _again(request: PortalRequest, row: RoutingRule) -> Any:
    return _rules(request).get(pk=row.pk)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    if "matchers" in values:
        values["matchers"] = [dict(each) for each in values["matchers"]]
    return values


class RoutingFilter(PortalFilterSet):
    opens = django_filters.ChoiceFilter(choices=RoutingRule.Opens.choices)
    is_active = BooleanFilter(field_name="is_active", label="In use.")


class AlertRulesView(ListView):
    """What becomes of alerts: the first rule whose matchers all hold decides."""

    actions = {"GET": VIEW, "POST": KEEP}
    output = forms.RoutingRuleRow
    inputs = {"POST": forms.RoutingRuleNew}
    outputs = {"POST": forms.RoutingRuleRow}
    filterset = RoutingFilter
    sorts = {"position": ("position", "id"), "newest": ("-id",)}
    tags = forms.TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _rules(request)

    def post(self, request: Any) -> HttpResponse:
        """Make a rule of the workspace's own"""
        values = _plain(self.read(request))
        made = rules.create_rule(
            request.workspace, values.pop("slug"), actor=request.actor, **values
        )
        return created(self.show(_again(request, made)), f"{request.path}/{made.slug}")


class AlertRuleView(DetailView):
    """One rule of routing."""

    actions = {"GET": VIEW, "PATCH": KEEP}
    output = forms.RoutingRuleRow
    inputs = {"PATCH": forms.RoutingFields}
    outputs = {"GET": forms.RoutingRuleRow, "PATCH": forms.RoutingRuleRow}
    lookup = "slug"
    version = ("version",)
    tags = forms.TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _rules(request)

    def patch(self, request: Any, slug: str) -> HttpResponse:
        """Change what is given; of a shipped one the workspace gets a copy of its own"""
        row = self.object(request, {"slug": slug})
        values = _plain(self.read(request, partial=True))
        done = rules.adapt_rule(row, request.workspace, actor=request.actor, **values)
        return JsonAnswer(self.show(_again(request, done)))


class AlertRuleSwitchView(AlertRuleView):
    """Switch a rule on or off here; a shipped one by a copy."""

    actions = {"POST": KEEP}
    inputs = {"POST": forms.RoutingSwitch}
    outputs = {"POST": forms.RoutingRuleRow}

    def post(self, request: Any, slug: str) -> HttpResponse:
        row = self.object(request, {"slug": slug})
        own = rules.adapt_rule(row, request.workspace, actor=request.actor)
        done = rules.switch_rule(own, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(_again(request, done)))


class AlertRuleResetView(AlertRuleView):
    """Back to what was shipped."""

    actions = {"POST": KEEP}
    inputs = {"POST": forms.RoutingReason}
    outputs = {"POST": forms.RoutingRuleRow}

    def post(self, request: Any, slug: str) -> HttpResponse:
        row = self.object(request, {"slug": slug})
        done = rules.reset_rule(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(_again(request, done)))


class AlertRuleRemoveView(AlertRuleView):
    """Remove a rule of the workspace's own."""

    actions = {"POST": KEEP}
    inputs = {"POST": forms.RoutingReason}
    outputs = {"POST": forms.RoutingRuleRow}

    def post(self, request: Any, slug: str) -> HttpResponse:
        row = self.object(request, {"slug": slug})
        shown = self.show(row)
        rules.remove_rule(row, actor=request.actor, **self.read(request))
        return JsonAnswer(shown)


class AlertRulesOrderView(PortalAPIView):
    """Put rules in an order: those named, the first one asked first."""

    actions = {"POST": KEEP}
    inputs = {"POST": forms.RoutingOrder}
    outputs = {"POST": forms.RoutingRules}
    tags = forms.TAGS
    errors = (409,)

    def post(self, request: Any) -> HttpResponse:
        found = rules.reorder(request.workspace, self.read(request)["slugs"], actor=request.actor)
        shown = AlertRulesView()
        return JsonAnswer({"items": [shown.show(_again(request, row)) for row in found]})


class AlertRulesTryView(PortalAPIView):
    """What would have become of the last day's alerts by a changed or new rule, beside what
    becomes of them as it is. Nothing is kept, and nobody is called."""

    actions = {"POST": VIEW}
    inputs = {"POST": forms.RoutingTry}
    outputs = {"POST": forms.RoutingTried}
    tags = forms.TAGS

    def post(self, request: Any) -> HttpResponse:
        values = _plain(self.read(request))
        slug, since = values.pop("slug", ""), values.pop("since", None)
        rule = _rules(request).filter(slug=slug).first() if slug else None
        if slug and rule is None:
            raise NotFound("No rule of this slug holds here.")
        if rule is None:
            values = {"title": "Trial", "opens": "nothing", **values}
        trial = rules.unsaved(request.workspace, rule, values)
        found = trying.try_rule(trial, request.workspace.pk, since=since)
        return JsonAnswer(
            {
                "since": found.since, "alerts": found.alerts, "held_back": found.held_back,
                "cut": found.cut, "matched": found.matched, "changed": found.changed,
                "sums": [{"what": what, "now": now, "then": then}
                         for what, now, then in found.rows],
                "items": [
                    {"uid": each.alert.uid, "title": each.alert.title, "now": _fate(each.now),
                     "then": _fate(each.then)}
                    for each in found.examples
                ],
            }
        )  # fmt: skip


def _fate(fate: trying.Fate) -> dict[str, str]:
    return {name: getattr(fate, name) for name in ("rule", "severity", "opens", "level", "policy")}
