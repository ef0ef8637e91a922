"""OAuth for machines: a key becomes a short-lived token for what it is asked for.

The portal's own keys and tokens in the words of OAuth 2.1: nothing is kept here beside them. A
key's prefix is the client's id, and the key itself, or what stands behind the prefix, its secret.
There is one grant, `client_credentials`, and no refreshing: who has the key asks again.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote

from django.http import HttpRequest, HttpResponse
from rest_framework.parsers import FormParser

from controlplane.access import keys, tokens
from controlplane.access.api import forms
from controlplane.access.credentials import authenticate_bearer
from controlplane.access.services import tokens as services
from controlplane.base.api import bodies, throttles
from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.auth import ANYONE
from controlplane.base.api.plain import plain_view
from controlplane.lib import context
from controlplane.lib.errors import Invalid, NotAllowed, NotFound, Unauthorized

GRANT = "client_credentials"
METHODS = ["client_secret_basic", "client_secret_post"]
_FORM = "application/x-www-form-urlencoded"
_OF_A_BROWSER = (
    *("response_type", "client_id", "redirect_uri", "scope", "state", "resource"),
    *("code_challenge", "code_challenge_method", "response_mode", "nonce", "prompt"),
)
_MOST_BYTES = 32_768
_MOST_FIELDS = 20
_TAGS = ("access",)
# What the portal's codes are called here.
_NAMES = {
    "UNAUTHORIZED": "invalid_client",
    "FORBIDDEN": "unauthorized_client",
    "RATE_LIMITED": "temporarily_unavailable",
    "UNAVAILABLE": "temporarily_unavailable",
    "INTERNAL": "server_error",
}
# RFC 6749 lets a description hold printable ASCII but quotes and backslashes.
_NO_DESCRIPTION = re.compile(r"[^\x20-\x21\x23-\x5b\x5d-\x7e]")


class OauthError(Invalid):
    """A refusal that has a name of its own in OAuth."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message, details={"oauth": name})


def refused(request: HttpRequest, envelope: JsonAnswer) -> HttpResponse:
    error = envelope.data["error"]
    name = error["details"].get("oauth") or _NAMES.get(error["code"], "invalid_request")
    described = _NO_DESCRIPTION.sub("'", error["message"])
    status = 400 if error["code"] == "FORBIDDEN" else envelope.status_code
    told = JsonAnswer({"error": name, "error_description": described}, status)
    for header, value in envelope.items():
        if header != "Content-Type":
            told[header] = value
    if name == "invalid_client":
        told["WWW-Authenticate"] = 'Basic realm="oauth"'
    return told


def client(request: Any) -> None:
    """The way in: a client by its credentials, counted for its address first."""
    throttles.check(request, throttles.NOBODY, "anonymous")
    fields = _fields(request)
    name, secret = _credentials(request, fields)
    text = f"{name}_{secret.removeprefix(f'{name}_')}" if name.startswith(keys.START) else ""
    try:
        actor = authenticate_bearer(f"Bearer {text}", context.current().address)
    except Unauthorized:
        raise Unauthorized("The client's id or secret is wrong, or its key has ended.") from None
    request.actor = request.portal_actor = actor
    request.oauth_fields = fields
    context.note(user_ref=actor.ref)
    throttles.check(request, actor, "write")


def _fields(request: HttpRequest) -> dict[str, list[str]]:
    media = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    body = bodies.read(request, _MOST_BYTES)
    if body and media != _FORM:
        raise OauthError("invalid_request", f"Send a form: {_FORM}.")
    try:
        pairs = parse_qsl(body.decode(), max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise OauthError("invalid_request", "The form can't be read.") from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        if not value.isprintable():
            raise OauthError("invalid_request", "A value holds characters that can't be meant.")
        if name in found and name != "resource":
            raise OauthError("invalid_request", "A parameter is given more than once.")
        found.setdefault(name, []).append(value)
    return found


def _credentials(request: HttpRequest, fields: dict[str, list[str]]) -> tuple[str, str]:
    """In the header or in the form, and only once."""
    header = request.META.get("HTTP_AUTHORIZATION", "")
    [name], [secret] = fields.get("client_id", [""]), fields.get("client_secret", [""])
    if not header:
        return name, secret
    scheme, _, given = header.partition(" ")
    if secret:
        raise OauthError("invalid_request", "Send the client's credentials in one way.")
    if scheme.lower() != "basic":
        raise Unauthorized("Send the client's id and secret, as Basic or in the form.")
    try:
        whole = base64.b64decode(given.strip(), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        whole = ""
    shown, _, hidden = whole.partition(":")
    shown, hidden = unquote(shown), unquote(hidden)
    if name and name != shown:
        raise OauthError("invalid_request", "The form names another client than the header.")
    return shown, hidden


def _value(request: Any, name: str) -> str:
    return str(request.oauth_fields.get(name, [""])[0])


@plain_view(
    actions={"POST": ANYONE},
    inputs={"POST": forms.OauthTokenAsk},
    outputs={"POST": forms.OauthTokenGiven},
    in_workspace=False,
    tags=_TAGS,
    errors=(401,),
    foreign=refused,
    refusal=forms.OauthRefusal,
    enter=client,
    credentials="oauthClient",
)
def oauth_token(request: HttpRequest) -> JsonAnswer:
    """A token for a key, by OAuth's `client_credentials`

    `resource` says what it is for; left out, it is for `/mcp`. It ends with its key.
    """
    grant = _value(request, "grant_type")
    if not grant:
        raise OauthError("invalid_request", "grant_type is missing.")
    if grant != GRANT:
        raise OauthError("unsupported_grant_type", f"The one grant here is {GRANT}.")
    actor = request.actor  # type: ignore[attr-defined]
    if actor.agent_id is None:
        raise OauthError("unauthorized_client", "Tokens are for agents and service accounts.")
    asked = request.oauth_fields.get("resource", [])  # type: ignore[attr-defined]
    resources = _resources(request, asked)
    try:
        issued = services.issue_token(
            actor=actor, wanted=_value(request, "scope").split() or None, resources=resources
        )
    except (Invalid, NotAllowed) as error:
        # Whose key it is was looked at before: what is left is what it may not give.
        raise OauthError("invalid_scope", error.message) from error
    claims = issued.claims
    answer = JsonAnswer(
        {
            "access_token": str(issued.token),
            "token_type": "Bearer",
            "expires_in": claims["exp"] - claims["iat"],
            "scope": claims["scope"],
        }
    )
    answer["Cache-Control"] = "no-store"
    answer["Pragma"] = "no-cache"
    return answer


def _resources(request: HttpRequest, asked: Iterable[str]) -> list[str]:
    """By the portal's public address, or by the one that the client came to."""
    known = {request.build_absolute_uri(f"/{name}"): name for name in tokens.RESOURCES}
    known |= {tokens.audience(name): name for name in tokens.RESOURCES}
    found = []
    for each in asked:
        name = known.get(each.removesuffix("/"))
        if name is None:
            raise OauthError("invalid_target", "No such resource: ask for /mcp or /api here.")
        found.append(name)
    return sorted(set(found)) or ["mcp"]


@plain_view(
    actions={"POST": ANYONE},
    inputs={"POST": forms.OauthTokenEnd},
    statuses={"POST": 200},
    in_workspace=False,
    tags=_TAGS,
    errors=(401,),
    foreign=refused,
    refusal=forms.OauthRefusal,
    enter=client,
    credentials="oauthClient",
)
def oauth_revoke(request: HttpRequest) -> HttpResponse:
    """End a token, by OAuth (RFC 7009)

    One that has ended already, or never was, is no error. Revoking the key ends all its tokens.
    """
    token = _value(request, "token")
    if not token:
        raise OauthError("invalid_request", "token is missing.")
    with suppress(NotFound):
        services.revoke_token(token, actor=request.actor)  # type: ignore[attr-defined]
    return HttpResponse(status=200)


@plain_view(
    actions={"GET": ANYONE},
    in_workspace=False,
    throttle="anonymous",
    query=_OF_A_BROWSER,
    tags=_TAGS,
    foreign=refused,
    refusal=forms.OauthRefusal,
)
def oauth_authorize(request: HttpRequest) -> HttpResponse:
    """Nobody signs in here by a browser

    Clients want the address of such a page in what the server says of itself.
    """
    message = f"Nobody signs in here for a program. A program has a key and asks for {GRANT}."
    raise OauthError("unsupported_response_type", message)


@plain_view(
    actions={"GET": ANYONE},
    outputs={"GET": forms.OauthServer},
    in_workspace=False,
    throttle="anonymous",
    tags=_TAGS,
)
def authorization_server(request: HttpRequest) -> JsonAnswer:
    """What the portal offers as a server of OAuth"""
    at = request.build_absolute_uri
    told = {
        "issuer": at("/").removesuffix("/"),
        "authorization_endpoint": at("/api/v1/oauth/authorize"),
        "token_endpoint": at("/api/v1/oauth/token"),
        "revocation_endpoint": at("/api/v1/oauth/revoke"),
        "jwks_uri": at("/.well-known/jwks.json"),
        "service_documentation": at("/api/docs/"),
        "response_types_supported": [],
        "grant_types_supported": [GRANT],
        "token_endpoint_auth_methods_supported": METHODS,
        "revocation_endpoint_auth_methods_supported": METHODS,
    }
    return JsonAnswer(told)


for _view in (oauth_token, oauth_revoke):
    described: Any = _view
    described.cls.parser_classes = [FormParser]  # what the document says is sent
