"""Outside token issuers a workspace trusts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse

from controlplane.access.api import forms
from controlplane.access.models import TrustedIssuer
from controlplane.access.services import issuers as services
from controlplane.base.api.answers import JsonAnswer, created
from controlplane.base.api.rows import Form
from controlplane.base.api.views import DetailView, ListView, PortalRequest, RowView

SENDER = ("agent_id", "workspace_id", "session_id")


class IssuerRows(RowView):
    output = forms.IssuerOut
    tags = ("access",)

    def rows(self, request: PortalRequest) -> QuerySet[TrustedIssuer]:
        mine = TrustedIssuer.objects.visible_to(request.actor)
        return mine.filter(workspace=request.workspace).select_related("workspace")


class IssuerList(IssuerRows, ListView):
    """Outside token issuers that the workspace trusts."""

    actions = {"GET": "key.view", "POST": "key.trust_issuer"}
    inputs = {"POST": forms.IssuerInput}
    outputs = {"POST": forms.IssuerOut}
    sender_fields = SENDER

    def post(self, request: Any) -> HttpResponse:
        """Trust an outside issuer"""
        row = services.trust_issuer(request.workspace, actor=request.actor, **self.read(request))
        return created(self.show(row), f"{request.path}/{row.uid}")


class IssuerDetail(IssuerRows, DetailView):
    """One outside token issuer."""

    actions = {"GET": "key.view", "PATCH": "key.trust_issuer"}
    inputs = {"PATCH": forms.IssuerChange}
    outputs = {"PATCH": forms.IssuerOut}
    if_match = {"PATCH": "optional"}
    sender_fields = SENDER
    version = ("jwks_url", "role", "is_active")

    def patch(self, request: Any, **kwargs: Any) -> HttpResponse:
        """Change where its keys are, or how much it may give"""
        issuer = self.object(request, kwargs)
        changed = services.change_issuer(issuer, actor=request.actor, **self.read(request))
        return JsonAnswer(self.show(changed))


class _IssuerVerb(IssuerRows, DetailView):
    actions = {"POST": "key.trust_issuer"}
    inputs: ClassVar[Mapping[str, Form]] = {"POST": forms.ReasonInput}
    outputs = {"POST": forms.IssuerOut}


class IssuerDistrust(_IssuerVerb):
    """Accept its tokens no longer."""

    def post(self, request: Any, **kwargs: Any) -> HttpResponse:
        issuer = self.object(request, kwargs)
        values = self.read(request)
        return JsonAnswer(
            self.show(services.distrust_issuer(issuer, actor=request.actor, **values))
        )


class IssuerFetchKeys(_IssuerVerb):
    """Fetch its keys now, instead of at the job's next turn."""

    inputs = {"POST": forms.EmptyInput}
    calls_out = True

    def post(self, request: Any, **kwargs: Any) -> HttpResponse:
        issuer = self.object(request, kwargs)
        self.read(request)
        return JsonAnswer(self.show(services.fetch_keys_now(issuer, actor=request.actor)))


class IssuerTrust(_IssuerVerb):
    """Accept its tokens again."""

    def post(self, request: Any, **kwargs: Any) -> HttpResponse:
        issuer = self.object(request, kwargs)
        values = self.read(request)
        again = services.trust_issuer_again(issuer, actor=request.actor, **values)
        return JsonAnswer(self.show(again))
