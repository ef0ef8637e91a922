"""The way in for SDKs: a token in memory, no question to the database.

Portal keys do not open these routes and SDK tokens open no others. What a refusal says is the
protocol's own business; browsers on any site may ask, since a token alone decides.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse

from controlplane.base.api import throttles
from controlplane.base.api.auth import ANYONE
from controlplane.base.api.plain import Foreign, Handler, plain_view
from controlplane.base.api.rows import Form
from controlplane.lib import context
from controlplane.lib.errors import NotAllowed, Unauthorized
from deployments.flags.services.apps import App
from deployments.flags.serving import counting
from deployments.flags.serving.snapshots import Snapshot, Token
from deployments.flags.serving.store import store

SCHEME = "sdkToken"  # described in the settings of the document
_ALLOWED = (
    "Authorization, Content-Type, If-None-Match, X-API-Key, unleash-appname, unleash-connection-id,"
    " unleash-instanceid, unleash-interval, unleash-sdk, Unleash-Client-Spec"
)


class SdkRequest(HttpRequest):
    """What the way in adds to a request."""

    sdk_token: Token
    snapshot: Snapshot


def sdk_view(
    *,
    methods: Collection[str],
    kinds: Collection[str],
    foreign: Foreign,
    refusal: Form,
    any_site: bool = False,
    inputs: Mapping[str, Form] | None = None,
    outputs: Mapping[str, Form] | None = None,
    statuses: Mapping[str, int] | None = None,
    errors: Collection[int] = (),
    max_body: int = 0,
    tagged: bool = False,
    operation: str = "",
) -> Callable[[Handler], Callable[..., HttpResponse]]:
    """A plain view for tokens of these kinds. With `any_site` browsers may ask from anywhere;
    `operation` is its name in the document, where the path alone would not tell it apart."""

    def decorate(handler: Handler) -> Callable[..., HttpResponse]:
        view: Any = plain_view(
            actions=dict.fromkeys(methods, ANYONE),
            inputs=inputs,
            outputs=outputs,
            statuses=statuses,
            in_workspace=False,
            throttle="hot",
            max_body=max_body,
            sender_fields=(),
            tags=["flags for SDKs"],
            errors={401, 403, *errors},
            foreign=foreign,
            refusal=refusal,
            enter=_way_in(frozenset(kinds)),
            credentials=SCHEME,
        )(handler)
        view.cls.list_etag = tagged
        view.cls.operation_ids = dict.fromkeys(methods, operation) if operation else {}
        return _from_any_site(view, methods) if any_site else view

    return decorate


def _way_in(kinds: frozenset[str]) -> Callable[[HttpRequest], None]:
    def enter(request: Any) -> None:
        credential = _credential(request.META)
        found = store.token(credential, asking=False)
        if found is None:
            # Guesses count for their address, before the database hears of them. A good token that
            # this process never saw counts as one, once.
            throttles.check(request, throttles.NOBODY, "anonymous", reading=False)
            found = store.token(credential)
        if found is None:
            raise Unauthorized("Send an SDK token of this environment that is in force.")
        token, snapshot = found
        request.actor = request.portal_actor = token.actor
        request.workspace = snapshot.workspace
        request.sdk_token, request.snapshot = token, snapshot
        context.note(user_ref=token.actor.ref, workspace=snapshot.workspace.slug)
        reading = store.watched_by != os.getpid()
        throttles.check(request, token.actor, "hot", reading=reading)
        if token.kind not in kinds:
            raise NotAllowed(f"A token of the kind {token.kind} does not open this route.")
        counting.used(token.pk)

    return enter


def _credential(meta: Mapping[str, Any]) -> str:
    header = str(meta.get("HTTP_AUTHORIZATION") or meta.get("HTTP_X_API_KEY") or "").strip()
    scheme, _, rest = header.partition(" ")
    return rest.strip() if scheme.lower() == "bearer" else header


def _from_any_site(
    view: Callable[..., HttpResponse], methods: Collection[str]
) -> Callable[..., HttpResponse]:
    offered = ", ".join([*sorted(methods), "OPTIONS"])

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "OPTIONS":
            response = HttpResponse(status=204)
            response["Access-Control-Allow-Methods"] = offered
            response["Access-Control-Allow-Headers"] = _ALLOWED
            response["Access-Control-Max-Age"] = "86400"
        else:
            response = view(request, *args, **kwargs)
            response["Access-Control-Expose-Headers"] = "ETag, Retry-After"
        response["Access-Control-Allow-Origin"] = "*"
        response["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    return answer


def app_of(request: Any, told: str = "") -> App:
    """Who is counted: what the application calls itself, else its token, whose name is ours."""
    token: Token = request.sdk_token
    return App(told, token.is_browsers) if told else App(token.name)


def tell_age(response: HttpResponse) -> HttpResponse:
    """Whoever reads answers from old flags can see it."""
    state = store.state()
    if state.stale:
        response["X-Flags-Age"] = str(round(state.age))
    return response
