"""Asked swaps and hand-off notes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django_filters import ChoiceFilter

from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import PortalFilterSet
from controlplane.base.api.serializers import NoInput, OptionalReason
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from controlplane.lib.errors import Invalid
from controlplane.oncall import services
from controlplane.oncall.api import forms, shapes
from controlplane.oncall.api.schedules import TAGS, VIEW, schedules
from controlplane.oncall.models import HandoffNote, SwapRequest

OWN = "oncall.override"


class SwapRequestFilter(PortalFilterSet):
    status = ChoiceFilter(choices=SwapRequest.Status.choices, label="How it stands.")


def _requests(request: PortalRequest) -> QuerySet[Any]:
    rows: QuerySet[Any] = SwapRequest.objects.visible_to(request.actor).of(request.workspace)
    return rows


class SwapRequestsView(ListView):
    """Shifts that people ask others to take

    `POST` asks: a person by name, or without one whoever is on call in the schedule. The shift
    stays with whoever has it until somebody takes it.
    """

    actions = {"GET": VIEW, "POST": OWN}
    output = forms.SwapRequestRow
    extra_columns = shapes.REQUEST_COLUMNS
    inputs = {"POST": forms.SwapRequestNew}
    outputs = {"POST": forms.SwapRequestRow}
    filterset = SwapRequestFilter
    sorts = {"newest": ("-id",), "starts": ("starts", "id")}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _requests(request)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return shapes.swap_request(row)

    def post(self, request: Any) -> HttpResponse:
        given = self.read(request)
        schedule = schedules(request).filter(slug=given.pop("schedule")).first()
        if schedule is None:
            raise Invalid("No such schedule here.", details={"schedule": "Not here."})
        made = services.ask_swap(schedule, actor=request.actor, **given)
        return created(self.show(made), f"{request.path}/{made.uid}")


class SwapRequestView(DetailView):
    """One asked swap."""

    actions = {"GET": VIEW}
    output = forms.SwapRequestRow
    extra_columns = shapes.REQUEST_COLUMNS
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _requests(request)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return shapes.swap_request(row)


class _Answer(SwapRequestView):
    actions = {"POST": OWN}
    inputs = {"POST": forms.SwapAnswer}
    outputs = {"POST": forms.SwapRequestRow}
    errors = (409,)
    service: Any = None

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        done = type(self).service(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(done))


class SwapTakeView(_Answer):
    """Take the shift: the swap is made at once. Of two who do, one has it and one gets 409."""

    service = staticmethod(services.take_asked)


class SwapDeclineView(_Answer):
    """Say no to what one was asked by name."""

    service = staticmethod(services.decline_asked)


class SwapWithdrawView(SwapRequestView):
    """Ask nobody any more: one's own, or anybody's by who manages schedules."""

    actions = {"POST": VIEW}
    inputs = {"POST": OptionalReason}
    outputs = {"POST": forms.SwapRequestRow}
    errors = (409,)

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        done = services.withdraw_asked(row, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(done))


class HandoffNoteFilter(PortalFilterSet):
    status = ChoiceFilter(choices=HandoffNote.Status.choices, label="How it stands.")


def _notes(request: PortalRequest) -> QuerySet[Any]:
    rows: QuerySet[Any] = HandoffNote.objects.visible_to(request.actor).of(request.workspace)
    return rows


class HandoffNotesView(ListView):
    """What each shift told the next

    `POST` writes one's own: kept as a draft while on duty, handed over at once where it is due.
    """

    actions = {"GET": VIEW, "POST": OWN}
    output = forms.HandoffNoteRow
    extra_columns = shapes.NOTE_COLUMNS
    inputs = {"POST": forms.HandoffNoteNew}
    outputs = {"POST": forms.HandoffNoteRow}
    filterset = HandoffNoteFilter
    sorts = {"newest": ("-id",)}
    tags = TAGS
    errors = (409,)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _notes(request)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return shapes.note(row)

    def post(self, request: Any) -> HttpResponse:
        given = self.read(request)
        schedule = schedules(request).filter(slug=given.pop("schedule")).first()
        if schedule is None:
            raise Invalid("No such schedule here.", details={"schedule": "Not here."})
        made = services.write_note(schedule, actor=request.actor, **given)
        return created(self.show(made), f"{request.path}/{made.uid}")


class HandoffNoteView(DetailView):
    """One hand-off note, with what was open then."""

    actions = {"GET": VIEW}
    output = forms.HandoffNoteRow
    extra_columns = shapes.NOTE_COLUMNS
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        return _notes(request)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return shapes.note(row)


class HandoffReadView(HandoffNoteView):
    """Say that one has read it: whoever came on duty next, or is on duty by now."""

    actions = {"POST": OWN}
    inputs = {"POST": NoInput}
    outputs = {"POST": forms.HandoffNoteRow}
    errors = (409,)

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        self.read(request)
        row = self.object(request, {"uid": uid})
        return JsonAnswer(self.show(services.read_note(row, actor=request.actor)))
