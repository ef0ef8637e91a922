"""Tokens: exchanged for a key, ended, verified by others; and who the caller is."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse

from controlplane.access import policy, tokens
from controlplane.access.api import forms
from controlplane.access.models import Agent, User, Workspace
from controlplane.access.services import tokens as services
from controlplane.base.api import etag
from controlplane.base.api.answers import JsonAnswer, nothing
from controlplane.base.api.auth import ANYONE, SIGNED_IN
from controlplane.base.api.plain import plain_view
from controlplane.base.api.views import PortalAPIView
from controlplane.lib.actors import Actor

JWKS_SECONDS = 300  # shorter than a token's life: a new signing key is known before it matters


class TokenExchange(PortalAPIView):
    """Exchange the API key this request came with for a short-lived signed token."""

    actions = {"POST": SIGNED_IN}
    inputs = {"POST": forms.TokenInput}
    outputs = {"POST": forms.TokenOut}
    in_workspace = False
    secret_fields = ("access_token",)
    tags = ("access",)
    # A session the caller names is the new token's, not a claim about the key, which has none.
    sender_fields = ("agent_id", "workspace_id", "role")

    def post(self, request: Any) -> HttpResponse:
        values = self.read(request)
        scope = values.get("scope")
        issued = services.issue_token(
            actor=request.actor,
            wanted=scope.split() if scope else None,
            session_id=values.get("session_id", ""),
        )
        claims = issued.claims
        answer = {
            "access_token": str(issued.token),
            "token_type": "Bearer",
            "expires_in": claims["exp"] - claims["iat"],
            "expires_at": issued.expires_at,
            **{name: claims[name] for name in ("scope", "session_id", "jti")},
        }
        return JsonAnswer(answer)


class TokenRevoke(PortalAPIView):
    """End a token before its time."""

    actions = {"POST": SIGNED_IN}
    inputs = {"POST": forms.TokenRevokeInput}
    in_workspace = False
    tags = ("access",)

    def post(self, request: Any) -> HttpResponse:
        values = self.read(request)
        token, reason = values.get("token"), values["reason"]
        if token:
            services.revoke_token(token, actor=request.actor, reason=reason)
        else:
            services.revoke_presented(actor=request.actor, reason=reason)
        return nothing()


class Me(PortalAPIView):
    """Who the credentials of this request belong to, and what they may do."""

    actions = {"GET": SIGNED_IN}
    outputs = {"GET": forms.MeOut}
    in_workspace = False
    tags = ("access",)

    def get(self, request: Any) -> HttpResponse:
        actor: Actor = request.actor
        spaces = Workspace.objects.open().filter(pk__in=actor.workspace_ids)
        answer = {
            "kind": actor.kind,
            "uid": _uid(actor),
            "name": actor.label,
            "workspaces": [
                {
                    "workspace": space.slug,
                    "uid": space.uid,
                    "roles": sorted(actor.roles_in(space.pk)),
                }
                for space in spaces
            ],
            "scopes": None if actor.scopes is None else sorted(actor.scopes),
            "session_id": actor.session_id,
            "actions": [
                name
                for name in sorted(policy.ACTIONS)
                if any(policy.can(actor, name, space) for space in spaces)
            ],
        }
        return JsonAnswer(answer)


@plain_view(
    actions={"GET": ANYONE},
    outputs={"GET": forms.JwkSetOut},
    in_workspace=False,
    throttle="anonymous",
    tags=("access",),
)
def jwks(request: HttpRequest) -> HttpResponse:
    """Public keys that tokens of this portal are verified with."""
    answer = JsonAnswer(tokens.public_keys())
    response = etag.conditional(request, answer, etag.of_body(answer.content))
    response["Cache-Control"] = f"public, max-age={JWKS_SECONDS}"
    del response["Vary"]
    return response


def _uid(actor: Actor) -> Any:
    rows: Any = Agent.objects if actor.agent_id is not None else User.objects
    return rows.values_list("uid", flat=True).get(pk=actor.agent_id or actor.user_id)
