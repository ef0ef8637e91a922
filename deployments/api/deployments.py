"""Deployments: listed, found or made, described, walked to their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.serializers import NoInput
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from controlplane.lib.errors import NotFound
from deployments import services
from deployments.api import forms
from deployments.api.following import NextStep, next_of
from deployments.models import Deployment
from deployments.querysets import ENDED

VIEW, CHANGE, START = "deployment.view", "deployment.change", "deployment.start"


class DeploymentFilter(PortalFilterSet):
    environment = django_filters.CharFilter(field_name="environment__slug", max_length=50)
    release = django_filters.CharFilter(max_length=100)
    kind = django_filters.ChoiceFilter(choices=Deployment.Kind.choices)
    status = django_filters.ChoiceFilter(choices=Deployment.Status.choices)
    tier = django_filters.ChoiceFilter(choices=Deployment.Tier.choices)
    open = BooleanFilter(method="whether_open")

    def whether_open(self, rows: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return rows.exclude(status__in=ENDED) if value else rows.filter(status__in=ENDED)


class DeploymentsView(ListView):
    """Deployments of the workspace, the newest first."""

    actions = {"GET": VIEW, "POST": "deployment.create"}
    output = forms.DeploymentRow
    inputs = {"POST": forms.DeploymentNew}
    outputs = {"POST": forms.DeploymentRow}
    filterset = DeploymentFilter
    tags = forms.TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return Deployment.objects.visible_to(request.actor).of(request.workspace)

    def post(self, request: Any) -> HttpResponse:
        """Plan a deployment"""
        values = forms.resolved(request, self.read(request))
        values.setdefault("source", "api")
        made = services.create_deployment(request.workspace, actor=request.actor, **values)
        return created(self.show(made), f"{request.path}/{made.ref}")


class EnsureView(ListView):
    """Locate or create: one deployment for a release and an environment."""

    actions = {"POST": "deployment.create"}
    output = forms.DeploymentRow
    inputs = {"POST": forms.Ensure}
    outputs = {"POST": forms.Ensured}
    statuses = {"POST": 200}
    tags = forms.TAGS
    rows = DeploymentsView.rows

    def post(self, request: Any) -> HttpResponse:
        """Locate or create the deployment of a release into an environment

        Asked again, by whomever, it answers the same one; `created` tells which it was. Its work
        item is located the same way.
        """
        values = forms.resolved(request, self.read(request))
        values.setdefault("source", "api")
        found = services.ensure_deployment(request.workspace, actor=request.actor, **values)
        row = Deployment.objects.select_related("environment", "item").get(pk=found.deployment.pk)
        return JsonAnswer({"deployment": self.show(row), "created": found.created})


class DeploymentTold(forms.DeploymentWhole):
    next = NextStep()


class OneDeployment(DetailView):
    output = forms.DeploymentWhole
    lookup = "ref"
    version = ("version",)
    tags = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = Deployment.objects.visible_to(request.actor).of(request.workspace)
        return rows.select_related(
            *("environment", "workspace", "item", "flag", "watcher", "previous", "reverses"),
            "approval",
        )

    def answer(self, request: Any, ref: str) -> HttpResponse:
        """As it stands now, and what this caller may do next."""
        row = self.rows(request).get(ref=ref)
        return JsonAnswer({**self.show(row), "next": next_of(row, request.actor)})


class DeploymentView(OneDeployment):
    """One deployment: what it brings and where it stands."""

    actions = {"GET": VIEW, "PATCH": CHANGE}
    inputs = {"PATCH": forms.DeploymentChange}
    outputs = {"GET": DeploymentTold, "PATCH": DeploymentTold}
    if_match = {"PATCH": "optional"}
    errors = (409,)

    def get(self, request: Any, ref: str) -> HttpResponse:
        """One deployment, with the next step this caller may take

        The tag is the deployment's version, for `If-Match`. The next step rests on its checks
        and steps as well, so the answer is always whole.
        """
        row = self.object(request, {"ref": ref})
        response = JsonAnswer({**self.show(row), "next": next_of(row, request.actor)})
        response["ETag"] = self.tag_of(row, {"ref": ref})
        return response

    def patch(self, request: Any, ref: str) -> HttpResponse:
        """Say what a deployment brings; consent that was given to something else falls"""
        row = self.object(request, {"ref": ref})
        values = forms.resolved(request, self.read(request))
        services.change_deployment(row, actor=request.actor, **values)
        return self.answer(request, ref)


class _Verb(OneDeployment):
    """One move of a deployment."""

    service: ClassVar[Callable[..., Any]]
    outputs = {"POST": DeploymentTold}
    statuses = {"POST": 200}
    if_match = {"POST": "optional"}
    errors = (409, 422)

    def post(self, request: Any, ref: str) -> HttpResponse:
        row = self.object(request, {"ref": ref})
        done = type(self).service(row, actor=request.actor, **self.read(request))
        return self.answer(request, done.ref if isinstance(done, Deployment) else ref)


def verb(
    name: str, action: str, service: Callable[..., Any], words: str, form: Any = NoInput
) -> type[_Verb]:
    """A route of its own for each move: what may be sent and who may send it is documented."""
    attributes = {
        "__doc__": words,
        "__module__": __name__,
        "actions": {"POST": action},
        "inputs": {"POST": form},
        "service": staticmethod(service),
    }
    return type(f"Deployment{name}View", (_Verb,), attributes)


PrepareView = verb(
    "Prepare", CHANGE, services.prepare, "Begin the control loop: checks and steps are laid out."
)
ReadyView = verb(
    "Ready", CHANGE, services.declare_ready, "Declare it ready; whoever must consent is asked."
)
BackView = verb(
    "Back", CHANGE, services.back_to_preparing, "Back to preparing; consent falls.",
    forms.LongReason,
)  # fmt: skip
StartView = verb(
    "Start", START, services.start, "Start it. Every check is looked at once more.", forms.Begin
)
DeployedView = verb(
    "Deployed", START, services.steps_done, "Say that every step is done; it is verified now."
)
WatchView = verb(
    "Watch", START, services.begin_watch, "It is verified: the monitoring window begins."
)
BlockView = verb("Block", CHANGE, services.block, "Hold it where it is.", forms.LongReason)
UnblockView = verb("Unblock", CHANGE, services.unblock, "Let it go on.", forms.LongReason)
FailView = verb("Fail", START, services.give_up, "Give it up: it failed.", forms.LongReason)
CancelView = verb(
    "Cancel", CHANGE, services.cancel, "It will not be; it has not begun.", forms.LongReason
)
CloseView = verb("Close", "deployment.close", services.close, "It is live and stays.", forms.Close)
RollbackView = verb(
    "Rollback", "deployment.rollback", services.roll_back,
    "Undo it: a linked deployment of the kind rollback is made and started at once. The answer is"
    " that deployment.",
    forms.LongReason,
)  # fmt: skip
DocumentedView = verb(
    "Documented", "deployment.close", services.settle,
    "The papers a hotfix owes are complete.", forms.LongReason,
)  # fmt: skip


class SnapshotsView(ListView):
    """Figures before, after and at reviews."""

    actions = {"GET": VIEW, "POST": "deployment.tick"}
    output = forms.SnapshotRow
    inputs = {"POST": forms.SnapshotNew}
    outputs = {"POST": forms.SnapshotRow}
    tags = forms.TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        row = deployment_of(request, self.kwargs["ref"])
        return row.snapshots.all()

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Keep the figures of this moment, as for a review of the dashboards"""
        row = deployment_of(request, ref)
        note = self.read(request).get("note", "")
        made = services.take_snapshot(row, actor=request.actor, note=note)
        return created(self.show(made), request.path)


def deployment_of(request: Any, ref: str) -> Deployment:
    rows = Deployment.objects.visible_to(request.actor).of(request.workspace)
    found: Deployment | None = (
        rows.select_related("environment", "workspace", "item", "approval").filter(ref=ref).first()
    )
    if found is None:
        raise NotFound("Nothing is here, or it is not yours to see.")
    return found
