"""Alert rules: what holds in a workspace, how it stands, what it did, what it would have done."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path
from rest_framework import serializers

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.plain import plain_view
from controlplane.base.api.serializers import NoInput, StrictSerializer
from controlplane.base.api.views import DetailView, ListView, PortalAPIView, PortalRequest
from controlplane.lib.errors import Invalid
from telemetry.models import AlertRule, RuleChange, RuleState, Severity
from telemetry.rules import prometheus, services
from telemetry.rules.preview import PERIODS, USUAL, preview

VIEW, MANAGE = "telemetry.view", "telemetry.manage_rules"
TAGS = ["telemetry"]


class RuleFields(StrictSerializer):
    """What a rule asks. What is left out is as shipped, or as it was."""

    title = serializers.CharField(max_length=120, required=False)
    about = serializers.CharField(max_length=400, required=False, allow_blank=True)
    severity = serializers.ChoiceField(choices=Severity.choices, required=False)
    measure = serializers.CharField(max_length=60, required=False)
    group_by = serializers.CharField(max_length=20, required=False, allow_blank=True)
    filters = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField(max_length=80)), required=False
    )
    comparison = serializers.ChoiceField(choices=AlertRule.Comparison.choices, required=False)
    against = serializers.ChoiceField(choices=AlertRule.Against.choices, required=False)
    threshold = serializers.FloatField(required=False, allow_null=True)
    multiple = serializers.FloatField(required=False, allow_null=True)
    floor = serializers.FloatField(required=False, allow_null=True)
    window_s = serializers.IntegerField(min_value=60, max_value=2_678_400, required=False)
    for_s = serializers.IntegerField(min_value=0, max_value=604_800, required=False)
    resolve_for_s = serializers.IntegerField(min_value=0, max_value=604_800, required=False)
    min_sample = serializers.IntegerField(min_value=0, max_value=1_000_000, required=False)
    no_data = serializers.ChoiceField(choices=AlertRule.NoData.choices, required=False)
    notify_roles = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, max_length=40
    )
    ack_within_s = serializers.IntegerField(
        min_value=1, max_value=604_800, required=False, allow_null=True
    )
    escalate_after_s = serializers.IntegerField(
        min_value=1, max_value=604_800, required=False, allow_null=True
    )
    escalate_to = serializers.CharField(max_length=40, required=False, allow_blank=True)
    hooks = serializers.DictField(required=False)
    labels = serializers.DictField(child=serializers.CharField(max_length=80), required=False)
    runbook = serializers.CharField(max_length=60, required=False, allow_blank=True)


class RuleChangeForm(RuleFields):
    is_active = serializers.BooleanField(required=False)
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True)


class RuleNew(RuleFields):
    slug = serializers.CharField(max_length=50)
    title = serializers.CharField(max_length=120)
    measure = serializers.CharField(max_length=60)


class RuleRow(RuleFields):
    uid = serializers.UUIDField()
    slug = serializers.CharField()
    scope = serializers.ChoiceField(choices=AlertRule.Scope.choices)
    own = serializers.BooleanField(help_text="this workspace's, not shipped")
    is_active = serializers.BooleanField()
    standing = serializers.CharField(allow_null=True, help_text="its worst state here")
    last_fired = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class RulePreviewForm(RuleFields):
    """A saved rule's `slug`, with what should be changed; or a whole new one."""

    slug = serializers.CharField(max_length=50, required=False)
    period = serializers.ChoiceField(choices=sorted(PERIODS), required=False)


class IntervalRow(StrictSerializer):
    series = serializers.CharField(allow_blank=True)
    worst = serializers.FloatField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)

    def get_fields(self) -> Any:
        return {"from": serializers.DateTimeField(), **super().get_fields()}


class PreviewRow(StrictSerializer):
    sentence = serializers.CharField()
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    fired = serializers.IntegerField()
    lasted_s = serializers.IntegerField()
    looks = serializers.IntegerField()
    judged = serializers.IntegerField()
    intervals = IntervalRow(many=True)


class StateRow(StrictSerializer):
    uid = serializers.UUIDField()
    rule = serializers.CharField(source="rule.slug")
    title = serializers.CharField(source="rule.title")
    severity = serializers.CharField(source="rule.severity")
    scope = serializers.CharField(source="rule.scope")
    series = serializers.CharField(allow_blank=True)
    status = serializers.ChoiceField(choices=RuleState.Status.choices)
    since = serializers.DateTimeField()
    value = serializers.FloatField(allow_null=True)
    sample = serializers.IntegerField()
    threshold = serializers.FloatField(allow_null=True)
    note = serializers.CharField(allow_blank=True)
    quiet_by = serializers.CharField(allow_blank=True)
    fired_at = serializers.DateTimeField(allow_null=True)
    resolved_at = serializers.DateTimeField(allow_null=True)
    episode = serializers.IntegerField()
    fingerprint = serializers.CharField()


class HistoryRow(StrictSerializer):
    uid = serializers.UUIDField()
    rule = serializers.CharField(source="slug")
    title = serializers.CharField()
    severity = serializers.CharField()
    series = serializers.CharField(allow_blank=True)
    kind = serializers.ChoiceField(choices=RuleChange.Kind.choices)
    at = serializers.DateTimeField()
    began_at = serializers.DateTimeField(allow_null=True)
    value = serializers.FloatField(allow_null=True)
    threshold = serializers.FloatField(allow_null=True)
    sample = serializers.IntegerField()
    episode = serializers.IntegerField()
    note = serializers.CharField(allow_blank=True)


class RuleFilter(PortalFilterSet):
    severity = django_filters.ChoiceFilter(choices=Severity.choices)
    is_active = BooleanFilter()
    scope = django_filters.ChoiceFilter(choices=AlertRule.Scope.choices)


class StateFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=RuleState.Status.choices)
    severity = django_filters.ChoiceFilter(field_name="rule__severity", choices=Severity.choices)
    rule = django_filters.CharFilter(field_name="rule__slug", max_length=50)


class HistoryFilter(PortalFilterSet):
    kind = django_filters.ChoiceFilter(choices=RuleChange.Kind.choices)
    severity = django_filters.ChoiceFilter(choices=Severity.choices)
    rule = django_filters.CharFilter(field_name="slug", max_length=50)


def _here(request: PortalRequest) -> QuerySet[Any]:
    """The rules that hold in this workspace, and the installation's for whoever may see them."""
    rows: Any = AlertRule.objects.visible_to(request.actor)
    place = request.workspace.pk if request.workspace is not None else 0
    rows = rows.shown_in(place).with_standing(request.actor, place)
    own = ExpressionWrapper(Q(workspace__isnull=False), output_field=BooleanField())
    found: QuerySet[Any] = rows.annotate(own=own)
    return found


class RulesView(ListView):
    """The rules that hold in the workspace."""

    actions = {"GET": VIEW, "POST": MANAGE}
    output = RuleRow
    inputs = {"POST": RuleNew}
    outputs = {"POST": RuleRow}
    filterset = RuleFilter
    sorts = {"title": ("title", "id"), "newest": ("-id",)}
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _here(request)

    def post(self, request: Any) -> HttpResponse:
        rule = services.create_rule(request.workspace, actor=request.actor, **self.read(request))
        return created(self.show(_here(request).get(pk=rule.pk)), f"{request.path}/{rule.slug}")


class RuleView(DetailView):
    """One rule. A shipped one is changed for the workspace alone: it gets a copy of its own."""

    actions = {"GET": VIEW, "PATCH": MANAGE}
    output = RuleRow
    inputs = {"PATCH": RuleChangeForm}
    outputs = {"PATCH": RuleRow}
    lookup = "slug"
    version = ("version",)
    if_match = {"PATCH": "optional"}
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _here(request)

    def patch(self, request: Any, slug: str) -> HttpResponse:
        rule, actor = self.object(request, {"slug": slug}), request.actor
        changes = self.read(request)
        active, reason = changes.pop("is_active", None), changes.pop("reason", "")
        if rule.workspace_id is None and rule.scope == AlertRule.Scope.WORKSPACE:
            rule = services.copy_rule(rule, request.workspace, actor=actor)
        if changes:
            rule = services.change_rule(rule, actor=actor, version=rule.version, **changes)
        if active is not None:
            rule = services.switch_rule(rule, actor=actor, active=active, reason=reason)
        return JsonAnswer(self.show(_here(request).get(pk=rule.pk)))


class Reason(StrictSerializer):
    reason = serializers.CharField(max_length=300, default="", allow_blank=True)


class RuleResetView(DetailView):
    """Give up the workspace's own rule for the shipped one of its slug."""

    actions = {"POST": MANAGE}
    output = RuleRow
    inputs = {"POST": Reason}
    outputs = {"POST": RuleRow}
    lookup = "slug"
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _here(request)

    def post(self, request: Any, slug: str) -> HttpResponse:
        rule = self.object(request, {"slug": slug})
        kept = services.reset_rule(rule, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(_here(request).get(pk=kept.pk)))


class RuleTestView(DetailView):
    """Send a test alert the whole way: to whoever would be paged, marked as a test."""

    actions = {"POST": MANAGE}
    output = HistoryRow
    inputs = {"POST": NoInput}
    outputs = {"POST": HistoryRow}
    lookup = "slug"
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _here(request)

    def post(self, request: Any, slug: str) -> HttpResponse:
        rule = self.object(request, {"slug": slug})
        place = request.workspace if rule.scope == AlertRule.Scope.WORKSPACE else None
        return JsonAnswer(self.show(services.try_rule(rule, place, actor=request.actor)))


class StatesView(ListView):
    """How rules stand, series by series. What was always well has no row."""

    actions = {"GET": VIEW}
    output = StateRow
    filterset = StateFilter
    sorts = {"newest": ("-since", "-id")}
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = RuleState.objects.visible_to(request.actor).select_related("rule")
        return rows.filter(Q(workspace=request.workspace) | Q(workspace=None))


class ChangesView(ListView):
    """What rules did: fired, resolved, tried, not evaluated."""

    actions = {"GET": VIEW}
    output = HistoryRow
    filterset = HistoryFilter
    sorts = {"newest": ("-at", "-id")}
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = RuleChange.objects.visible_to(request.actor)
        return rows.filter(Q(workspace=request.workspace) | Q(workspace=None))


class RulePreviewView(PortalAPIView):
    """What a rule would have done in the last day or week. Nothing is saved."""

    actions = {"POST": MANAGE}
    inputs = {"POST": RulePreviewForm}
    outputs = {"POST": PreviewRow}
    statuses = {"POST": 200}
    tags = TAGS

    def post(self, request: Any) -> HttpResponse:
        values = self.read(request)
        period = values.pop("period", USUAL)
        rule = _meant(request, values.pop("slug", ""))
        for name, value in values.items():
            setattr(rule, name, value)
        return JsonAnswer(preview(rule, request.workspace.pk, period=period).as_data())


def _meant(request: Any, slug: str) -> AlertRule:
    """The saved rule, read apart so that nothing of it is ever saved, or a new one."""
    if not slug:
        return AlertRule(workspace=request.workspace, slug="new", title="New")
    found: AlertRule | None = _here(request).filter(slug=slug).first()
    if found is None:
        raise Invalid("There is no such rule here.", details={"slug": "No such rule here."})
    return found


HERE = "v1/telemetry/rules"


@plain_view(actions={"GET": VIEW}, throttle="", tags=TAGS)
def rules_file(request: HttpRequest) -> HttpResponse:
    """The workspace's rules as a rule file of Prometheus, over what `/metrics` shows of them."""
    workspace = request.workspace  # type: ignore[attr-defined]
    text = prometheus.rule_file([workspace], installation=False)
    answer = HttpResponse(text, content_type="application/yaml")
    answer["Content-Disposition"] = 'attachment; filename="rules.prom.yml"'
    return answer


urlpatterns = [
    path(HERE, RulesView.as_view()),
    path(f"{HERE}.prom.yml", rules_file),
    path(f"{HERE}/preview", RulePreviewView.as_view()),
    path(f"{HERE}/states", StatesView.as_view()),
    path(f"{HERE}/changes", ChangesView.as_view()),
    path(f"{HERE}/<slug:slug>", RuleView.as_view()),
    path(f"{HERE}/<slug:slug>/reset", RuleResetView.as_view()),
    path(f"{HERE}/<slug:slug>/test", RuleTestView.as_view()),
]
