"""Checks and steps of one deployment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.serializers import NoInput, OptionalReason
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from deployments import services
from deployments.api import forms
from deployments.api.deployments import START, VIEW, deployment_of
from deployments.models import Gate, Step

TICK = "deployment.tick"


def _gates(view: Any, request: PortalRequest) -> QuerySet[Any]:
    return Gate.objects.filter(deployment=deployment_of(request, view.kwargs["ref"]))


class GatesView(ListView):
    """Checks of a deployment, in order, as they were found last."""

    actions = {"GET": VIEW, "POST": TICK}
    output = forms.GateRow
    inputs = {"POST": NoInput}
    outputs = {"POST": forms.Gates}
    statuses = {"POST": 200}
    sorts = {"position": ("position",)}
    tags = forms.TAGS
    rows = _gates

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Look at every check that the portal can compute, now"""
        self.read(request)
        gates = services.look_at_gates(deployment_of(request, ref))
        return JsonAnswer({"gates": [self.show(gate) for gate in gates]})


class _OneGate(DetailView):
    service: ClassVar[Callable[..., Gate]]
    output = forms.GateRow
    outputs = {"POST": forms.GateRow}
    statuses = {"POST": 200}
    lookup = "slug"
    tags = forms.TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _gates(self, request).select_related("deployment__environment")

    def post(self, request: Any, ref: str, slug: str) -> HttpResponse:
        gate = self.object(request, {"slug": slug})
        done = type(self).service(gate, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(done))


class GateTickView(_OneGate):
    """Say that a check holds, or doesn't, and show what by."""

    actions = {"POST": TICK}
    inputs = {"POST": forms.Tick}
    service = staticmethod(services.tick_gate)


class GateWaiveView(_OneGate):
    """Go on without a check: for those who may, with a reason that stays on the record."""

    # Who may depends on the check and the lane; the service asks.
    actions = {"POST": TICK}
    inputs = {"POST": forms.Waive}
    service = staticmethod(services.waive_gate)


class GateAskView(_OneGate):
    """Take back what was ticked or waived."""

    actions = {"POST": TICK}
    inputs = {"POST": OptionalReason}
    service = staticmethod(services.ask_again)


def _steps(view: Any, request: PortalRequest) -> QuerySet[Any]:
    rows = Step.objects.filter(deployment=deployment_of(request, view.kwargs["ref"]))
    return rows.select_related("adapter", "deployment__environment")


class StepsView(ListView):
    """Steps of a deployment, in order, with what came of them."""

    actions = {"GET": VIEW}
    output = forms.StepRow
    sorts = {"position": ("position",)}
    tags = forms.TAGS
    rows = _steps


class StepView(DetailView):
    """One step; its `output` grows while it runs."""

    actions = {"GET": VIEW, "PATCH": "deployment.change"}
    output = forms.StepRow
    inputs = {"PATCH": forms.StepChange}
    outputs = {"PATCH": forms.StepRow}
    version = ("version", "output")
    tags = forms.TAGS
    errors = (409,)
    rows = _steps

    def patch(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        """Say how a step is done: by which adapter, by hand, at which address"""
        step = self.object(request, {"uid": uid})
        values = _with_adapter(request, self.read(request))
        return JsonAnswer(self.show(services.set_step(step, actor=request.actor, **values)))


def _with_adapter(request: Any, values: dict[str, Any]) -> dict[str, Any]:
    if "adapter" in values:
        values["adapter"] = forms.adapter(request, values["adapter"])
    return values


class _StepVerb(DetailView):
    service: ClassVar[Callable[..., Step]]
    actions = {"POST": START}
    output = forms.StepRow
    outputs = {"POST": forms.StepRow}
    statuses = {"POST": 200}
    tags = forms.TAGS
    errors = (409, 422)
    rows = _steps

    def post(self, request: Any, ref: str, uid: Any) -> HttpResponse:
        step = self.object(request, {"uid": uid})
        values = _with_adapter(request, self.read(request))
        done = type(self).service(step, actor=request.actor, **values)
        return JsonAnswer(self.show(done))


class StepBeginView(_StepVerb):
    """Begin a step by hand: the record says how long it took."""

    inputs = {"POST": forms.Seen}
    service = staticmethod(services.begin_step)


class StepFinishView(_StepVerb):
    """A step was done by hand: what came of it, output pasted."""

    inputs = {"POST": forms.Finish}
    service = staticmethod(services.finish_step)
    max_body = 2_000_000


class StepRunView(_StepVerb):
    """Give a step to a worker: its adapter, or a look at its health address. It is run once."""

    inputs = {"POST": forms.Run}
    service = staticmethod(services.run_step)


class StepSkipView(_StepVerb):
    """Leave a step out, and why."""

    inputs = {"POST": forms.Waive}
    service = staticmethod(services.skip_step)


class StepRetryView(_StepVerb):
    """What failed may be done once more: somebody looked."""

    inputs = {"POST": OptionalReason}
    service = staticmethod(services.try_again)


class StepStopView(_StepVerb):
    """Take a step from its worker; its command is ended."""

    inputs = {"POST": forms.LongReason}
    service = staticmethod(services.stop_step)
