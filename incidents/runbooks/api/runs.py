"""Working through a runbook over the API: the same services, the same limits, the same record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.rows import row_of
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from incidents.models import RunbookRun
from incidents.runbooks import books, running, validating
from incidents.runbooks.api import forms
from incidents.runbooks.api.views import VIEW, here, subject_of

RELATED = ("runbook", "text", "incident__service", "workspace", "drill")


def _rows(request: PortalRequest) -> QuerySet[Any]:
    rows: Any = RunbookRun.objects.visible_to(request.actor)
    found: QuerySet[Any] = rows.of(here(request)).select_related(*RELATED)
    return found


class RunFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=RunbookRun.Status.choices)
    purpose = django_filters.ChoiceFilter(choices=RunbookRun.Purpose.choices)
    runbook = django_filters.CharFilter(field_name="runbook__slug", max_length=60)
    incident = django_filters.CharFilter(field_name="incident__ref", max_length=16)


class RunbookRunsView(ListView):
    """Runbooks that were worked through, the newest first."""

    actions = {"GET": VIEW, "POST": running.ACTION}
    output = forms.RunbookRunRow
    inputs = {"POST": forms.RunbookRunNew}
    outputs = {"POST": forms.RunbookRunRow}
    filterset = RunFilter
    sorts = {"newest": ("-id",)}
    tags = forms.TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _rows(request)

    def post(self, request: Any) -> HttpResponse:
        """Begin to work through one; for an incident, go on where somebody has begun"""
        values = self.read(request)
        row = books.get(here(request).pk, values["runbook"])
        incident, _ = subject_of(request, values)
        purpose = values.get("purpose", RunbookRun.Purpose.REAL)
        if purpose == RunbookRun.Purpose.DRILL:
            made = validating.begin_drill(row, here(request), actor=request.actor)
        else:
            made = running.begin(
                row, actor=request.actor, incident=incident, workspace=here(request),
                purpose=purpose,
            )  # fmt: skip
        return created(self.show(_rows(request).get(pk=made.pk)), f"{request.path}/{made.uid}")


class _OneRun(DetailView):
    output = forms.RunbookRunRow
    lookup = "uid"
    tags = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _rows(request)

    def answer(self, request: Any, uid: Any) -> HttpResponse:
        row = self.rows(request).get(uid=uid)
        form = row_of(forms.RunbookStepRow)
        steps = [form.from_object(each) for each in row.steps.order_by("number", "attempt")]
        return JsonAnswer({**self.show(row), "steps": steps})


class RunbookRunView(_OneRun):
    """One run with every try of every step."""

    actions = {"GET": VIEW}
    outputs = {"GET": forms.RunbookRunWhole}

    def get(self, request: Any, uid: Any) -> HttpResponse:
        self.object(request, {"uid": uid})
        return self.answer(request, uid)


class RunbookStepRunView(_OneRun):
    """Do what a step says, once, now; it is ended by its limit."""

    actions = {"POST": running.ACTION}
    inputs = {"POST": forms.RunbookStepRun}
    outputs = {"POST": forms.RunbookStepRow}
    statuses = {"POST": 200}
    calls_out = True
    errors = (409,)

    def post(self, request: Any, uid: Any, number: int) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        done = running.run_step(row, number, actor=request.actor, **self.read(request))
        return JsonAnswer(row_of(forms.RunbookStepRow).from_object(done))


class RunbookStepTickView(_OneRun):
    """A step was done by hand, or is left out."""

    actions = {"POST": running.ACTION}
    inputs = {"POST": forms.RunbookStepTick}
    outputs = {"POST": forms.RunbookStepRow}
    statuses = {"POST": 200}
    errors = (409,)

    def post(self, request: Any, uid: Any, number: int) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        done = running.tick(row, number, actor=request.actor, **self.read(request))
        return JsonAnswer(row_of(forms.RunbookStepRow).from_object(done))


class _Over(_OneRun):
    """The end of a run."""

    actions = {"POST": running.ACTION}
    inputs = {"POST": forms.RunbookRunOver}
    outputs = {"POST": forms.RunbookRunWhole}
    statuses = {"POST": 200}
    errors = (409,)
    plain: ClassVar[Callable[..., Any]]
    drill: ClassVar[Callable[..., Any]]

    def post(self, request: Any, uid: Any) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        act = type(self).drill if row.drill_id is not None else type(self).plain
        act(row, actor=request.actor, reason=self.read(request).get("reason", ""))
        return self.answer(request, uid)


class RunbookRunEndView(_Over):
    """All is done; what is left open says why. A drill is scored."""

    plain, drill = staticmethod(running.end), staticmethod(validating.end_drill)


class RunbookRunAbandonView(_Over):
    """It led nowhere, or was not needed any more."""

    plain, drill = staticmethod(running.abandon), staticmethod(validating.abandon_drill)
