"""API keys: of agents for those who manage keys, and everybody's own."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.access.api import forms
from controlplane.access.models import Agent, ApiKey, User
from controlplane.access.services import keys as services
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.filters import BooleanFilter, PortalFilterSet
from controlplane.base.api.views import DetailView, ListView, PortalRequest, RowView
from controlplane.lib import clock
from controlplane.lib.errors import Invalid


class KeyFilter(PortalFilterSet):
    active = BooleanFilter(method="by_active", help_text="In force now.")
    agent = django_filters.UUIDFilter(field_name="agent__uid")

    class Meta:
        model = ApiKey
        fields: list[str] = []

    def by_active(self, rows: QuerySet[ApiKey], name: str, value: bool) -> QuerySet[ApiKey]:
        in_force = ApiKey.objects.in_force().values("pk")
        return rows.filter(pk__in=in_force) if value else rows.exclude(pk__in=in_force)


class KeyRows(RowView):
    output = forms.KeyOut
    tags = ("access",)

    def rows(self, request: PortalRequest) -> QuerySet[ApiKey]:
        mine = ApiKey.objects.visible_to(request.actor).filter(workspace=request.workspace)
        return mine.select_related("agent", "user", "workspace", "rotated_from")

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "state": _state(row)}


class OwnKeyRows(KeyRows):
    def rows(self, request: PortalRequest) -> QuerySet[ApiKey]:
        return super().rows(request).filter(user_id=request.actor.user_id or 0)


class KeyList(KeyRows, ListView):
    """API keys of the workspace, never their secrets."""

    actions = {"GET": "key.view", "POST": "key.manage"}
    inputs = {"POST": forms.KeyInput}
    outputs = {"POST": forms.NewKeyOut}
    filterset = KeyFilter
    secret_fields = ("key",)

    def post(self, request: Any) -> HttpResponse:
        """Make a key of an agent; its secret is in this answer only"""
        values = self.read(request)
        uid = values.pop("agent")
        agent = Agent.objects.filter(uid=uid, workspace=request.workspace).first()
        if agent is None:
            raise Invalid("No such agent.", details={"agent": "No agent of this workspace."})
        issued = services.issue_key(agent, actor=request.actor, **values)
        return created(_shown(self, issued), f"/api/v1/keys/{issued.key.uid}")


class OwnKeyList(OwnKeyRows, ListView):
    """The caller's own API keys in the workspace."""

    actions = {"GET": "key.own", "POST": "key.own"}
    inputs = {"POST": forms.OwnKeyInput}
    outputs = {"POST": forms.NewKeyOut}
    secret_fields = ("key",)

    def post(self, request: Any) -> HttpResponse:
        """Make a key of one's own; its secret is in this answer only"""
        values = self.read(request)
        person = User.objects.get(pk=request.actor.user_id)
        issued = services.issue_key(
            person, actor=request.actor, workspace=request.workspace, **values
        )
        return created(_shown(self, issued), f"/api/v1/me/keys/{issued.key.uid}")


class KeyDetail(KeyRows, DetailView):
    """One API key."""

    actions = {"GET": "key.view"}


class OwnKeyDetail(OwnKeyRows, DetailView):
    """One of the caller's own API keys."""

    actions = {"GET": "key.own"}


class _Rotate(DetailView):
    inputs = {"POST": forms.RotateInput}
    outputs = {"POST": forms.NewKeyOut}
    statuses = {"POST": 201}
    secret_fields = ("key",)

    def post(self, request: Any, **kwargs: Any) -> HttpResponse:
        key = self.object(request, kwargs)
        issued = services.rotate_key(key, actor=request.actor, **self.read(request))
        return created(_shown(self, issued))


class _Revoke(DetailView):
    inputs = {"POST": forms.ReasonInput}
    outputs = {"POST": forms.KeyOut}

    def post(self, request: Any, **kwargs: Any) -> HttpResponse:
        key = self.object(request, kwargs)
        return JsonAnswer(
            self.show(services.revoke_key(key, actor=request.actor, **self.read(request)))
        )


class KeyRotate(KeyRows, _Rotate):
    """A new key with the same name and scopes; the old one works on for the overlap."""

    actions = {"POST": "key.manage"}


class OwnKeyRotate(OwnKeyRows, _Rotate):
    """A new key of one's own; the old one works on for the overlap."""

    actions = {"POST": "key.own"}


class KeyRevoke(KeyRows, _Revoke):
    """End a key and its tokens at once."""

    actions = {"POST": "key.manage"}


class OwnKeyRevoke(OwnKeyRows, _Revoke):
    """End one of one's own keys at once."""

    actions = {"POST": "key.own"}


def _shown(view: Any, issued: services.IssuedKey) -> dict[str, Any]:
    return {**view.show(issued.key), "key": str(issued.secret)}


def _state(row: dict[str, Any]) -> str:
    now = clock.now()
    if row["revoked_at"] is not None:
        return "revoked"
    if row["expires_at"] <= now:
        return "expired"
    return "waiting" if row["not_before"] > now else "active"
