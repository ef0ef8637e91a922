"""Paths below `/api/` that access owns."""

from __future__ import annotations

from django.urls import path

from controlplane.access.api import agents, issuers, keys, oauth, tokens

urlpatterns = [
    path("v1/me", tokens.Me.as_view(), name="api-me"),
    path("v1/me/keys", keys.OwnKeyList.as_view(), name="api-own-keys"),
    path("v1/me/keys/<uuid:uid>", keys.OwnKeyDetail.as_view(), name="api-own-key"),
    path("v1/me/keys/<uuid:uid>/rotate", keys.OwnKeyRotate.as_view(), name="api-own-key-rotate"),
    path("v1/me/keys/<uuid:uid>/revoke", keys.OwnKeyRevoke.as_view(), name="api-own-key-revoke"),
    path("v1/token", tokens.TokenExchange.as_view(), name="api-token"),
    path("v1/token/revoke", tokens.TokenRevoke.as_view(), name="api-token-revoke"),
    path("v1/oauth/token", oauth.oauth_token, name="oauth-token"),
    path("v1/oauth/revoke", oauth.oauth_revoke, name="oauth-revoke"),
    path("v1/oauth/authorize", oauth.oauth_authorize, name="oauth-authorize"),
    path("v1/agents", agents.AgentList.as_view(), name="api-agents"),
    path("v1/agents/<uuid:uid>", agents.AgentDetail.as_view(), name="api-agent"),
    path(
        "v1/agents/<uuid:uid>/deactivate",
        agents.AgentDeactivate.as_view(),
        name="api-agent-deactivate",
    ),
    path(
        "v1/agents/<uuid:uid>/reactivate",
        agents.AgentReactivate.as_view(),
        name="api-agent-reactivate",
    ),
    path(
        "v1/agents/<uuid:uid>/end-tokens",
        agents.AgentEndTokens.as_view(),
        name="api-agent-end-tokens",
    ),
    path("v1/keys", keys.KeyList.as_view(), name="api-keys"),
    path("v1/keys/<uuid:uid>", keys.KeyDetail.as_view(), name="api-key"),
    path("v1/keys/<uuid:uid>/rotate", keys.KeyRotate.as_view(), name="api-key-rotate"),
    path("v1/keys/<uuid:uid>/revoke", keys.KeyRevoke.as_view(), name="api-key-revoke"),
    path("v1/issuers", issuers.IssuerList.as_view(), name="api-issuers"),
    path("v1/issuers/<uuid:uid>", issuers.IssuerDetail.as_view(), name="api-issuer"),
    path(
        "v1/issuers/<uuid:uid>/fetch-keys",
        issuers.IssuerFetchKeys.as_view(),
        name="api-issuer-fetch-keys",
    ),
    path("v1/issuers/<uuid:uid>/distrust", issuers.IssuerDistrust.as_view(), name="api-distrust"),
    path("v1/issuers/<uuid:uid>/trust", issuers.IssuerTrust.as_view(), name="api-trust"),
]
