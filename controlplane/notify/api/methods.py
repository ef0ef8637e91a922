"""The caller's own ways to be reached."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers

from controlplane.access.models import User
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.serializers import NoInput, OptionalReason, StrictSerializer
from controlplane.base.api.views import DetailView, PortalAPIView, PortalRequest
from controlplane.lib.errors import NotFound
from controlplane.notify import services
from controlplane.notify.api.inbox import OWN
from controlplane.notify.models import ContactMethod
from controlplane.notify.services import methods


class MethodRow(StrictSerializer):
    uid = serializers.UUIDField()
    kind = serializers.CharField()
    target = serializers.CharField(source="masked")
    name = serializers.CharField(source="label")
    position = serializers.IntegerField()
    is_account = serializers.BooleanField()
    is_verified = serializers.BooleanField()
    verified_at = serializers.DateTimeField(allow_null=True)
    failures_in_a_row = serializers.IntegerField()
    last_ok_at = serializers.DateTimeField(allow_null=True)
    version = serializers.IntegerField()


class MethodNew(StrictSerializer):
    kind = serializers.ChoiceField(choices=ContactMethod.Kind.choices)
    target = serializers.CharField(max_length=2000)
    name = serializers.CharField(source="label", max_length=60, required=False, allow_blank=True)


def _person(request: Any) -> User:
    user = User.objects.filter(pk=request.actor.user_id or 0).first()
    if user is None:
        raise NotFound("Only people have ways to be reached.")
    return user


class Methods(StrictSerializer):
    items = MethodRow(many=True)


class MethodsView(PortalAPIView):
    """One's own ways to be reached, the first one first.

    A new one gets a code; it is used once the code came back. Numbers and addresses are shown
    masked.
    """

    actions = {"GET": OWN, "POST": OWN}
    in_workspace = False
    inputs = {"POST": MethodNew}
    outputs = {"GET": Methods, "POST": MethodRow}
    statuses = {"POST": 201}
    secret_fields = ("target",)
    operation_ids: ClassVar[Any] = {"GET": "me_methods_list"}
    tags = ["inbox"]

    def get(self, request: Any) -> HttpResponse:
        return JsonAnswer({"items": MethodRow(methods.of(_person(request)), many=True).data})

    def post(self, request: Any) -> HttpResponse:
        made = services.add_method(_person(request), actor=request.actor, **self.read(request))
        return created(MethodRow(made).data, f"/api/v1/me/methods/{made.uid}")


class _OwnMethod(DetailView):
    in_workspace = False
    output = MethodRow
    tags = ["inbox"]

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        own = ContactMethod.objects.filter(user_id=request.actor.user_id or 0)
        return own.active().select_related("user")


class MethodView(_OwnMethod):
    """One way of one's own. Removed, nothing is sent there any more."""

    actions = {"GET": OWN, "DELETE": OWN}
    inputs = {"DELETE": OptionalReason}
    outputs = {"DELETE": MethodRow}

    def get(self, request: Any, uid: UUID) -> HttpResponse:
        return JsonAnswer(self.show(self.object(request, {"uid": uid})))

    def delete(self, request: Any, uid: UUID) -> HttpResponse:
        method = self.object(request, {"uid": uid})
        reason = self.read(request).get("reason", "")
        return JsonAnswer(
            self.show(services.remove_method(method, actor=request.actor, reason=reason))
        )


class MethodCodeView(_OwnMethod):
    """Send another code there."""

    actions = {"POST": OWN}
    inputs = {"POST": NoInput}
    outputs = {"POST": MethodRow}

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        method = self.object(request, {"uid": uid})
        return JsonAnswer(self.show(services.send_code(method, actor=request.actor)))


class MethodCode(StrictSerializer):
    code = serializers.CharField(max_length=20)


class MethodConfirmView(_OwnMethod):
    """Bring back the code that was sent."""

    actions = {"POST": OWN}
    inputs = {"POST": MethodCode}
    outputs = {"POST": MethodRow}
    secret_fields = ("code",)

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        method = self.object(request, {"uid": uid})
        code = self.read(request)["code"]
        return JsonAnswer(
            self.show(services.confirm_method(method, actor=request.actor, code=code))
        )


class MethodTestResult(StrictSerializer):
    result = serializers.ChoiceField(choices=["accepted", "retry", "rejected"])
    detail = serializers.CharField()
    status = serializers.IntegerField(allow_null=True)


class MethodTestView(_OwnMethod):
    """Send a test there now, and answer with what came of it."""

    actions = {"POST": OWN}
    inputs = {"POST": NoInput}
    outputs = {"POST": MethodTestResult}
    calls_out = True

    def post(self, request: Any, uid: UUID) -> HttpResponse:
        self.read(request)
        method = self.object(request, {"uid": uid})
        outcome = services.test_method(method, actor=request.actor)
        return JsonAnswer(
            {"result": outcome.kind, "detail": outcome.detail, "status": outcome.status}
        )


class MethodOrder(StrictSerializer):
    order = serializers.ListField(child=serializers.UUIDField(), max_length=50)


class MethodOrdered(StrictSerializer):
    items = MethodRow(many=True)


class MethodOrderView(PortalAPIView):
    """Put one's ways in order: the first one is tried first."""

    actions = {"POST": OWN}
    in_workspace = False
    inputs = {"POST": MethodOrder}
    outputs = {"POST": MethodOrdered}
    tags = ["inbox"]

    def post(self, request: Any) -> HttpResponse:
        order = self.read(request)["order"]
        rows = services.order_methods(_person(request), actor=request.actor, order=order)
        return JsonAnswer({"items": MethodRow(rows, many=True).data})
