"""Launches: planned, their lines shown to hold, sent to be signed, exported."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.rows import row_of
from controlplane.base.api.serializers import NoInput
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from controlplane.lib.errors import NotFound
from deployments import services
from deployments.api import boards_forms as forms
from deployments.models import Launch, LaunchLine
from deployments.overview import checklist, launch_review, launched

VIEW, MANAGE, TICK = "launch.view", "launch.manage", "launch.tick"
TAGS = ["launches"]


class LaunchFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=Launch.Status.choices)


class LaunchesView(ListView):
    """Launches of the workspace, the newest first."""

    actions = {"GET": VIEW, "POST": MANAGE}
    output = forms.LaunchRow
    inputs = {"POST": forms.LaunchNew}
    outputs = {"POST": forms.LaunchRow}
    filterset = LaunchFilter
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = Launch.objects.visible_to(request.actor).of(request.workspace)
        return rows.select_related("approval", "workspace")

    def post(self, request: Any) -> HttpResponse:
        """Plan a launch; its checklist comes with it"""
        made = services.plan_launch(request.workspace, actor=request.actor, **self.read(request))
        return created(self.show(made), f"{request.path}/{made.ref}")


class OneLaunch(DetailView):
    output = forms.LaunchWhole
    extra_columns = ("id",)
    lookup = "ref"
    version = ("version",)
    tags = TAGS
    errors = (409, 422)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows = Launch.objects.visible_to(request.actor).of(request.workspace)
        return rows.select_related("approval", "workspace")

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        lines = LaunchLine.objects.filter(launch_id=row.pop("id")).order_by("position")
        form = row_of(forms.LaunchLineRow)
        row["lines"] = [form.from_object(line) for line in lines]
        return row

    def answer(self, request: Any, launch: Launch) -> HttpResponse:
        """As it stands now."""
        return JsonAnswer(self.show(self.rows(request).get(pk=launch.pk)))


class LaunchView(OneLaunch):
    """One launch with its checklist."""

    actions = {"GET": VIEW, "PATCH": MANAGE}
    inputs = {"PATCH": forms.LaunchChange}
    outputs = {"GET": forms.LaunchWholeShown, "PATCH": forms.LaunchWholeShown}
    if_match = {"PATCH": "optional"}

    def patch(self, request: Any, ref: str) -> HttpResponse:
        """Say what it is and when; signatures that were given fall"""
        row = self.object(request, {"ref": ref})
        return self.answer(
            request, services.change_launch(row, actor=request.actor, **self.read(request))
        )


class LaunchLineView(OneLaunch):
    """One line of its checklist."""

    actions = {"PUT": TICK}
    inputs = {"PUT": forms.LineChange}
    outputs = {"PUT": forms.LaunchWholeShown}

    def put(self, request: Any, ref: str, slug: str) -> HttpResponse:
        """Show that a line holds, or say why it does not apply"""
        launch = self.object(request, {"ref": ref})
        rows = LaunchLine.objects.filter(launch=launch, slug=slug)
        line = rows.select_related("launch").first()
        if line is None:
            raise NotFound("The launch has no such line.")
        services.settle_line(line, actor=request.actor, **self.read(request))
        return self.answer(request, launch)


class LaunchSignOffView(OneLaunch):
    """Ask those whom the policy names to sign."""

    actions = {"POST": MANAGE}
    inputs = {"POST": NoInput}
    outputs = {"POST": forms.LaunchWholeShown}
    statuses = {"POST": 200}

    def post(self, request: Any, ref: str) -> HttpResponse:
        row = self.object(request, {"ref": ref})
        return self.answer(request, services.ask_sign_off(row, actor=request.actor))


class LaunchReopenView(OneLaunch):
    """Open it again; what was signed counts for nothing."""

    actions = {"POST": MANAGE}
    inputs = {"POST": forms.LaunchReason}
    outputs = {"POST": forms.LaunchWholeShown}
    statuses = {"POST": 200}

    def post(self, request: Any, ref: str) -> HttpResponse:
        row = self.object(request, {"ref": ref})
        done = services.reopen_launch(row, actor=request.actor, **self.read(request))
        return self.answer(request, done)


class LaunchCancelView(OneLaunch):
    """It will not be launched."""

    actions = {"POST": MANAGE}
    inputs = {"POST": forms.LaunchReason}
    outputs = {"POST": forms.LaunchWholeShown}
    statuses = {"POST": 200}

    def post(self, request: Any, ref: str) -> HttpResponse:
        row = self.object(request, {"ref": ref})
        done = services.cancel_launch(row, actor=request.actor, **self.read(request))
        return self.answer(request, done)


class LaunchDocumentView(OneLaunch):
    """The checklist with its evidence and signatures, as Markdown."""

    actions = {"GET": VIEW}
    outputs = {"GET": forms.DocumentAnswer}

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        return JsonAnswer({"markdown": checklist.markdown(self.object(request, kwargs))})


class LaunchReviewView(OneLaunch):
    """The review after a launch: figures of now, or what was signed."""

    actions = {"GET": VIEW, "POST": "launch.review"}
    inputs = {"POST": forms.LaunchReviewSigned}
    outputs = {"GET": forms.LaunchReviewShown, "POST": forms.LaunchReviewShown}
    statuses = {"POST": 200}

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._told(request, self.object(request, kwargs))

    def post(self, request: Any, ref: str) -> HttpResponse:
        """Say what came of a launch, and sign it"""
        words = self.read(request)
        version = words.pop("version", None)
        row = self.object(request, {"ref": ref})
        done = services.sign_review(row, actor=request.actor, words=words, version=version)
        return self._told(request, done)

    def _told(self, request: Any, launch: Launch) -> HttpResponse:
        state = launch_review.state_of(launch)
        signed = state == "reviewed"
        return JsonAnswer(
            {
                "state": state,
                "due": launched.review_due(launch),
                "reviewed_at": launch.reviewed_at if signed else None,
                "reviewed_by": launch.reviewed_by if signed else "",
                **launch_review.told(launch, request.actor),
            }
        )


class LaunchCycleTimesView(OneLaunch):
    """Cycle times before the launch and since."""

    actions = {"GET": VIEW}
    outputs = {"GET": forms.CycleTimes}

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        found = launched.report(self.object(request, kwargs))
        if found is None:
            raise NotFound("Nobody knows yet when it goes live.")
        return JsonAnswer(
            {
                "before": _span(found.before),
                "since": _span(found.since) if found.since is not None else None,
                "lines": [
                    {"what": one.what, "before": one.before, "since": one.since,
                     "change": one.better}
                    for one in found.lines
                ],
                "markdown": found.markdown(),
            }
        )  # fmt: skip


def _span(span: launched.Span) -> dict[str, Any]:
    return {"start": span.start, "end": span.end}
