"""The endpoint `/mcp`, and what it says of itself to clients that look for credentials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework import serializers

from controlplane.base.api import bodies
from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.auth import ANYONE, SIGNED_IN
from controlplane.base.api.plain import plain_view
from controlplane.base.api.serializers import StrictSerializer
from controlplane.base.mcp import eras, methods, rpc
from controlplane.base.mcp.registry import Server, server
from controlplane.base.mcp.rpc import PARSE_ERROR, ProtocolError
from controlplane.lib.errors import Invalid, NotAllowed

TAGS = ["mcp"]
METADATA = "/.well-known/oauth-protected-resource"
_ACCEPTED = 202


class McpMessage(StrictSerializer):
    """One message of JSON-RPC 2.0."""

    jsonrpc = serializers.ChoiceField(["2.0"])
    id = serializers.JSONField(required=False, help_text="a text or a whole number")
    method = serializers.CharField()
    params = serializers.DictField(required=False)


class McpAnswer(StrictSerializer):
    """`result`, or `error` with `code`, `message` and `data`."""

    jsonrpc = serializers.ChoiceField(["2.0"])
    id = serializers.JSONField(required=False)
    result = serializers.DictField(required=False)
    error = serializers.DictField(required=False)


def refused(request: HttpRequest, envelope: JsonAnswer) -> HttpResponse:
    told = rpc.refused(request, envelope)
    if "WWW-Authenticate" in told:
        where = request.build_absolute_uri(f"{METADATA}{request.path}")
        told["WWW-Authenticate"] += f', resource_metadata="{where}"'
    return told


def endpoint(of: Server) -> Callable[..., HttpResponse]:
    """The view of a server. The product has one; tests mount others."""

    @plain_view(
        actions={"POST": SIGNED_IN},
        inputs={"POST": McpMessage},
        outputs={"POST": McpAnswer},
        in_workspace=False,
        sender_fields=(),
        tags=TAGS,
        errors=(404,),
        foreign=refused,
        refusal=McpAnswer,
        resource="mcp",
    )
    def mcp(request: HttpRequest) -> HttpResponseBase:
        """One message of the Model Context Protocol

        Revision 2026-07-28, and those from 2025-03-26 on that begin with `initialize`. What is
        answered to `subscriptions/listen` is a stream of server-sent events.
        """
        try:
            return _answer(request, of)
        except ProtocolError as error:
            told = rpc.refusal(request, error)
            for name, value in getattr(error, "headers", {}).items():
                told[name] = value
            return told

    return mcp


def _answer(request: HttpRequest, of: Server) -> HttpResponseBase:
    _check_origin(request)
    value = _body(request)
    request.mcp_id = rpc.id_in(value)  # type: ignore[attr-defined]
    message = rpc.message_of(value)
    modern = eras.is_modern(request, message)
    if message is None:
        if modern:
            raise ProtocolError(rpc.INVALID_REQUEST, "This server asks nothing that is answered.")
        return HttpResponse(status=_ACCEPTED)
    if message.id is None:
        # Nothing is running that a notification could stop: a stream ends when it is closed.
        return HttpResponse(status=_ACCEPTED)
    if modern:
        eras.check_modern(request, message)
    else:
        eras.check_legacy(request)
    return methods.perform(of, request, message, modern=modern)


def _body(request: HttpRequest) -> Any:
    try:
        return bodies.read_json(request, bodies.MAX_BODY.value)
    except Invalid as error:
        raise ProtocolError(PARSE_ERROR, error.message) from None


def _check_origin(request: HttpRequest) -> None:
    """A page of somebody else must not speak with the portal through the browser of a person who
    can reach it. The host itself is checked where it is read."""
    origin = request.headers.get("Origin")
    if origin is None:
        return
    host = request.get_host()
    if origin == f"{request.scheme}://{host}" or origin in settings.CSRF_TRUSTED_ORIGINS:
        return
    public = urlsplit(settings.PUBLIC_URL)
    if origin != f"{public.scheme}://{public.netloc}":
        raise NotAllowed("Pages of other origins may not ask here.")


mcp = endpoint(server)


class ProtectedResource(StrictSerializer):
    """RFC 9728: how one is let in here."""

    resource = serializers.URLField()
    resource_name = serializers.CharField()
    resource_documentation = serializers.URLField()
    authorization_servers = serializers.ListField(child=serializers.URLField())
    bearer_methods_supported = serializers.ListField(child=serializers.CharField())
    jwks_uri = serializers.URLField()


@plain_view(
    actions={"GET": ANYONE},
    outputs={"GET": ProtectedResource},
    in_workspace=False,
    throttle="read",
    tags=TAGS,
)
def protected_resource(request: HttpRequest) -> JsonAnswer:
    """What a client of `/mcp` needs to be let in

    A key or a token of the portal as a bearer. Keys are issued by people; a client that speaks
    OAuth gets a token for its key from the portal itself.
    """
    told = {
        "resource": request.build_absolute_uri("/mcp"),
        "resource_name": server.title,
        "resource_documentation": request.build_absolute_uri("/api/docs/"),
        "authorization_servers": [request.build_absolute_uri("/").removesuffix("/")],
        "bearer_methods_supported": ["header"],
        "jwks_uri": request.build_absolute_uri("/.well-known/jwks.json"),
    }
    return JsonAnswer(told)
