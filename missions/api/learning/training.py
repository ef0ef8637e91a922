"""The training backlog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import django_filters
from django.http import HttpResponse

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from missions.api.learning import examples, forms
from missions.api.learning.missions import person_of
from missions.api.missions import mission_of
from missions.models import TrainingItem
from missions.services import training

VIEW, KEEP = "mission.view", "mission.training"


class TrainingFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=TrainingItem.Status.choices)
    role = django_filters.ChoiceFilter(choices=forms.ROLE_CHOICES)
    open = BooleanFilter(method="whether_open")

    def whether_open(self, rows: Any, name: str, value: bool) -> Any:
        opened = TrainingItem.objects.open().values("pk")
        return rows.filter(pk__in=opened) if value else rows.exclude(pk__in=opened)


class _Rows:
    tags: ClassVar[Sequence[str]] = forms.TAGS

    def rows(self, request: PortalRequest) -> Any:
        rows = TrainingItem.objects.visible_to(request.actor).of(request.workspace)
        return rows.select_related("workspace", "owner", "mission")


def _with_owner(request: Any, given: dict[str, Any]) -> dict[str, Any]:
    if given.get("owner") is not None:
        given["owner"] = person_of(request.workspace, "owner", given["owner"])
    return given


class TrainingsView(_Rows, ListView):
    """What people and agents should learn."""

    actions = {"GET": VIEW, "POST": KEEP}
    output = forms.TrainingRow
    inputs = {"POST": forms.TrainingNew}
    outputs = {"POST": forms.TrainingRow}
    filterset = TrainingFilter
    sorts = {"newest": ("-id",), "due": ("due_on", "id")}
    examples = {"POST": examples.TRAINING}
    errors = (409,)

    def post(self, request: Any) -> HttpResponse:
        """Add something to learn"""
        given = _with_owner(request, self.read(request))
        source = given.pop("mission", "")
        mission = mission_of(request, source) if source else None
        made = training.add_training(
            request.workspace, actor=request.actor, mission=mission, **given
        )
        return created(self.show(made), f"{request.path}/{made.uid}")


class TrainingView(_Rows, DetailView):
    """Something to learn."""

    actions = {"GET": VIEW, "PATCH": KEEP}
    output = forms.TrainingRow
    inputs = {"PATCH": forms.TrainingChange}
    outputs = {"GET": forms.TrainingRow, "PATCH": forms.TrainingRow}
    examples = {"PATCH": {"due_on": "2027-05-31", "version": 1}}
    errors = (409,)

    def patch(self, request: Any, uid: Any) -> HttpResponse:
        """Say what it is, who sees to it, until when"""
        row = self.object(request, {"uid": uid})
        given = _with_owner(request, self.read(request))
        return JsonAnswer(self.show(training.change_training(row, actor=request.actor, **given)))


class MoveView(_Rows, DetailView):
    """Something to learn, on its way."""

    actions = {"POST": KEEP}
    output = forms.TrainingRow
    inputs = {"POST": forms.TrainingMove}
    outputs = {"POST": forms.TrainingRow}
    statuses = {"POST": 200}
    examples = {"POST": {"status": "in_progress"}}
    errors = (409,)

    def post(self, request: Any, uid: Any) -> HttpResponse:
        """Begin it, finish it, drop it with a reason, open it again"""
        row = self.object(request, {"uid": uid})
        given = self.read(request)
        done = training.move_training(row, given.pop("status"), actor=request.actor, **given)
        return JsonAnswer(self.show(done))
