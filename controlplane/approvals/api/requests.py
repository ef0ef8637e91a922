"""Requests: listed, asked, read, decided, revised, withdrawn, delegated."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.approvals import owners, packets, services, signing
from controlplane.approvals.api import forms, shapes
from controlplane.approvals.diffing import diff
from controlplane.approvals.models import Decision, Delegation, Request
from controlplane.approvals.services import reading
from controlplane.audit.refs import subject_ref
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.rows import Form, row_of
from controlplane.base.api.views import DetailView, ListView, PortalRequest
from controlplane.lib.errors import Invalid
from controlplane.work.models import Item

VIEW = "approval.view"
TAGS = ["approvals"]
MAX_BODY = 600_000  # a packet of the largest size, written with many escapes


def _requests(request: PortalRequest) -> Any:
    return Request.objects.visible_to(request.actor).of(request.workspace)


class RequestFilter(PortalFilterSet):
    status = django_filters.ChoiceFilter(choices=Request.Status.choices)
    owner = django_filters.CharFilter(max_length=60)
    subject = django_filters.CharFilter(max_length=160)
    policy = django_filters.CharFilter(field_name="policy__slug", max_length=50)
    item = django_filters.CharFilter(field_name="item__key", lookup_expr="iexact", max_length=120)
    question = django_filters.UUIDFilter()
    waiting_for_me = BooleanFilter(method="mine", label="Those you may sign now.")

    def mine(self, queryset: Any, name: str, value: bool) -> Any:
        rows = Request.objects.waiting_for(self.request.actor).values("pk")
        return queryset.filter(pk__in=rows) if value else queryset.exclude(pk__in=rows)


class RequestsView(ListView):
    """What people are asked to consent to

    `waiting_for_me=true` are those that you may sign now. Whatever an app asks for on its own
    (a change of a flag, a release) is listed too; `POST` asks by hand.
    """

    actions = {"GET": VIEW, "POST": "approval.ask"}
    output = forms.RequestRow
    inputs = {"POST": forms.RequestNew}
    outputs = {"POST": forms.RequestDetail}
    filterset = RequestFilter
    is_kept = True
    sorts = {"newest": ("-id",), "oldest": ("requested_at", "id"), "due": ("due_at", "id")}
    extra_columns = shapes.REQUEST_COLUMNS
    max_body = MAX_BODY
    tags = TAGS
    errors = (404, 409)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = _requests(request)
        return rows

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return shapes.request(row)

    def post(self, request: Any) -> HttpResponse:
        values = self.read(request)
        item = _item(request, values.pop("item", ""))
        subject = values.pop("subject", "") or (subject_ref(item) if item else "by_hand")
        people = [
            reading.person("producers", one, request.workspace.pk)
            for one in values.pop("producers", [])
        ]
        asked = services.ask(
            request.workspace,
            actor=request.actor,
            owner=owners.BY_HAND.name,
            subject=subject,
            item=item,
            producers=people,
            **values,
        )
        return created(detail(request.actor, asked), f"{request.path}/{asked.uid}")


def _item(request: Any, key: str) -> Item | None:
    if not key:
        return None
    rows: Any = Item.objects.visible_to(request.actor).of(request.workspace)
    try:
        found = rows.filter(uid=UUID(key)).first()
    except ValueError:
        found = rows.called(key).order_by("-project__is_operations", "id").first()
    if found is None:
        raise Invalid(f"There is no item {key}.", details={"item": "There is none."})
    item: Item = found
    return item


def detail(actor: Any, request: Request) -> dict[str, Any]:
    """One request with all that is known of it."""
    row = row_of(forms.RequestDetail).from_object(request)
    for name in shapes.REQUEST_COLUMNS:
        value: Any = request
        for part in name.split("__"):
            value = None if value is None else getattr(value, part)
        row[name] = value
    form = row_of(forms.DecisionRow)
    columns = dict(zip(form.names, form.columns, strict=True))
    row["packet"] = request.packet
    row["slots"] = [shapes.slot(view) for view in signing.slots_for(actor, request)]
    row["decisions"] = shapes.decisions_of(request.pk, columns)
    return shapes.request(row)


class OneRequest(DetailView):
    """Shared by every route of one request."""

    output: ClassVar[Form] = forms.RequestDetail
    version = ("version",)
    tags = TAGS

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = _requests(request)
        return rows

    def answer(self, request: Any, row: Request) -> JsonAnswer:
        return JsonAnswer(detail(request.actor, Request.objects.get(pk=row.pk)))


class RequestView(OneRequest):
    """One request: the packet, whose signatures it waits for, who signed

    `slots` says of each whether you may sign it, and why not.
    """

    actions = {"GET": VIEW}

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        row = self.object(request, kwargs)
        return JsonAnswer(detail(request.actor, row), headers={"ETag": self.tag_of(row, kwargs)})


class ChangesView(OneRequest):
    """What changed: since the last revision, and since it was asked."""

    actions = {"GET": VIEW}
    output = forms.ChangesRow

    def get(self, request: Any, uid: UUID) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        before = row.supersedes.packet if row.supersedes is not None else None
        answer: dict[str, Any] = {
            "previous": None if before is None else diff(before, row.packet),
            "stands": None,
        }
        current = owners.get(row.owner).current_packet
        if current is not None and row.is_open:
            stands = current(row)
            text = "{}" if stands is None else packets.clean(stands)
            answer["stands"] = diff(row.packet, shapes.packet(text))
        return JsonAnswer(answer)


class DecideView(OneRequest):
    """Sign, reject or send back

    `sha256` is that of the packet you read. If another stands by now, the answer is
    `PACKET_CHANGED` with the difference in `details.diff`, and nothing is signed. People sign,
    with their session; keys and tokens never do.
    """

    actions = {"POST": "approval.sign"}
    inputs = {"POST": forms.DecideForm}
    outputs = {"POST": forms.RequestDetail}
    # A refusal may leave something behind (the request is void, or has expired), so that none of
    # the door's transactions may be around it.
    calls_out = True
    errors = (409,)

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        return self.answer(request, services.decide(row, actor=request.actor, **self.read(request)))


class ReviseView(OneRequest):
    """Ask the same question with another packet

    The clock goes on; what was signed of the last packet counts for nothing.
    """

    actions = {"POST": "approval.ask"}
    inputs = {"POST": forms.ReviseForm}
    outputs = {"POST": forms.RequestDetail}
    if_match = {"POST": "optional"}
    max_body = MAX_BODY
    errors = (409,)

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        return self.answer(request, services.revise(row, actor=request.actor, **self.read(request)))


class WithdrawView(OneRequest):
    """Take it back: for whoever asked, and for who manages approvals."""

    actions = {"POST": "approval.withdraw"}
    inputs = {"POST": forms.WithdrawForm}
    outputs = {"POST": forms.RequestDetail}
    if_match = {"POST": "optional"}
    errors = (409,)

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        row = self.object(request, {"uid": uid})
        done = services.withdraw(row, actor=request.actor, **self.read(request))
        return self.answer(request, done)


class DelegateView(OneRequest):
    """Let a colleague sign this request for you."""

    actions = {"POST": "approval.delegate"}
    output = forms.DelegationRow
    extra_columns = shapes.DELEGATION_COLUMNS
    inputs = {"POST": forms.DelegateForm}
    outputs = {"POST": forms.DelegationRow}
    statuses = {"POST": 201}
    errors = (409,)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return shapes.delegation(row)

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        rows = self.rows(request).filter(uid=uid)
        row = rows.first() or self.object(request, {"uid": uid})
        made = services.delegate(row, actor=request.actor, **self.read(request))
        return created(self.show(Delegation.objects.get(pk=made.pk)))


class SignaturesView(ListView):
    """What was signed; `mine=true` by you."""

    actions = {"GET": VIEW}
    output = forms.SignatureRow
    extra_columns = shapes.DECISION_COLUMNS
    tags = TAGS

    class filterset(PortalFilterSet):  # noqa: N801 - named by the attribute it fills
        verdict = django_filters.ChoiceFilter(choices=Decision.Verdict.choices)
        mine = BooleanFilter(method="own", label="Signed by you.")

        def own(self, queryset: Any, name: str, value: bool) -> Any:
            mine = {"person_id": self.request.actor.user_id}
            return queryset.filter(**mine) if value else queryset.exclude(**mine)

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = Decision.objects.visible_to(request.actor).of(request.workspace)
        return rows

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return shapes.decision(row)
