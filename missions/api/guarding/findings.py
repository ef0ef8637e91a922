"""Findings and exceptions of one mission."""

from __future__ import annotations

from typing import Any

import django_filters
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.rows import row_of
from missions import services
from missions.api import forms as mission_forms
from missions.api.guarding import examples, forms
from missions.api.guarding.common import VIEW, Part, Parts, one
from missions.models import Finding, Mission, Override, Severity


class FindingFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=Finding.Status.choices)
    result = django_filters.ChoiceFilter(choices=Finding.Result.choices)
    severity = django_filters.ChoiceFilter(choices=Severity.choices)
    unhandled = BooleanFilter()
    safeguard = django_filters.UUIDFilter(field_name="safeguard__uid")
    step = django_filters.CharFilter(max_length=120)


class FindingsView(Parts):
    """What safeguards found of a mission, the newest first."""

    actions = {"GET": VIEW, "POST": "mission.find"}
    model = Finding
    output = forms.FindingRow
    inputs = {"POST": forms.FindingsNew}
    outputs = {"POST": forms.ReportedAll}
    statuses = {"POST": 200}
    filterset = FindingFilter
    examples = {"POST": examples.FINDINGS}

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Report findings: all of them or none, each once by its external id

        One that failed again after people resolved it is another: it is found again, and its
        `episode` counts. A retry says by `found_at` that it means the same look.

        What failed, is not mended and is grave or enforced stops the mission: it answers with
        `mission_status` paused, and agents stop until people decided.
        """
        row = self.mission(request)
        given = [dict(each) for each in self.read(request)["findings"]]
        done = services.report_findings(row, given, actor=request.actor)
        status = Mission.objects.values_list("status", flat=True).get(pk=row.pk)
        found = [
            {
                "external_id": each.finding.external_id,
                "uid": each.finding.uid,
                "episode": each.finding.episode,
                "created": each.created,
                "status": each.finding.status,
                "unhandled": each.finding.unhandled,
            }
            for each in done
        ]
        return JsonAnswer({"mission_status": status, "findings": found})


class ResolveView(Part):
    """A finding put right."""

    actions = {"POST": "mission.resolve"}
    inputs = {"POST": forms.Resolve}
    outputs = {"POST": forms.FindingRow}

    def post(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        """Say how it was put right"""
        rows = self.mission(request).findings.select_related("safeguard", "mission__workspace")
        done = services.resolve_finding(
            one(rows, uid=uid), actor=request.actor, **self.read(request)
        )
        return self.answer(row_of(forms.FindingRow).from_object(done))


class OverrideFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=Override.Status.choices)
    kind = django_filters.ChoiceFilter(choices=Override.Kind.choices)


class OverridesView(Parts):
    """What is let pass of a mission, and what somebody asked for."""

    actions = {"GET": VIEW, "POST": "mission.except"}
    model = Override
    output = forms.OverrideRow
    inputs = {"POST": forms.OverrideNew}
    outputs = {"POST": forms.OverrideRow}
    statuses = {"POST": 200}
    filterset = OverrideFilter
    examples = {"POST": examples.OVERRIDE}

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Ask that a gap, a finding or a gate be let pass

        Asked for already, or granted, it answers that one. Somebody else of the right role
        decides, for a time.
        """
        made = services.ask_override(
            self.mission(request), actor=request.actor, **self.read(request)
        )
        return JsonAnswer(self.show(made))


class _OneOverride(Part):
    outputs = {"POST": forms.OverrideRow}

    def override(self, request: Any, uid: Any) -> Override:
        rows = self.mission(request).overrides.select_related("mission__workspace", "finding")
        found: Override = one(rows, uid=uid)
        return found

    def shown(self, row: Override) -> HttpResponse:
        return self.answer(row_of(forms.OverrideRow).from_object(row))


class DecideView(_OneOverride):
    """A decision on what somebody asked to let pass."""

    actions = {"POST": "mission.override"}
    inputs = {"POST": forms.OverrideDecide}
    examples = {"POST": examples.GRANT}

    def post(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        """Grant it until a time, or deny it"""
        row, given = self.override(request, uid), self.read(request)
        done = services.decide_override(row, given.pop("to"), actor=request.actor, **given)
        return self.shown(done)


class RevokeView(_OneOverride):
    """An exception taken back."""

    actions = {"POST": "mission.override"}
    inputs = {"POST": mission_forms.Reason}

    def post(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        """Take it back; a finding that it let pass is open again"""
        row = self.override(request, uid)
        return self.shown(services.revoke_override(row, actor=request.actor, **self.read(request)))
