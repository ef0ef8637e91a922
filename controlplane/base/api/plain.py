"""Plain views: hot paths outside DRF that share the door, the envelope, the limits and the
OpenAPI document.

    @plain_view(actions={"POST": "telemetry.ingest"}, throttle="hot", max_body=5_000_000,
                inputs={"POST": EventBatch}, outputs={"POST": Receipt})
    def ingest(request: HttpRequest) -> Any: ...

The function answers with data, `(status, data)` or a response. `request.actor` and
`request.workspace` are set; `bodies.read_json(request, limit)` or `read` gives the body.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import update_wrapper
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from controlplane.access.tokens import IDENTITY
from controlplane.base.api import bodies, door, idempotency
from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.errors import error_answer
from controlplane.base.api.rows import Form
from controlplane.base.api.views import PortalAPIView

Handler = Callable[..., Any]
Foreign = Callable[[HttpRequest, JsonAnswer], HttpResponse]
Enter = Callable[[HttpRequest], None]


def plain_view(
    *,
    actions: Mapping[str, str],
    inputs: Mapping[str, Form] | None = None,
    outputs: Mapping[str, Form] | None = None,
    statuses: Mapping[str, int] | None = None,
    in_workspace: bool = True,
    throttle: str = "hot",
    query: Collection[str] = (),
    emergency: bool = False,
    max_body: int = 0,
    idempotent: bool = False,
    secret_fields: Collection[str] = (),
    sender_fields: Collection[str] = IDENTITY,
    tags: Sequence[str] = (),
    errors: Collection[int] = (),
    foreign: Foreign | None = None,
    refusal: Form | None = None,
    enter: Enter | None = None,
    credentials: str = "",
    resource: str = "api",
    examples: Mapping[str, Any] | None = None,
) -> Callable[[Handler], Callable[..., HttpResponse]]:
    """Let a function answer behind the door. Methods not in `actions` answer 405.

    `foreign`: the route speaks a protocol of others, and this says a refusal in its words,
    which have the form `refusal`.

    `enter`: the route's own way in, for credentials that are not the portal's; the document calls
    them `credentials`. It sets `request.actor` or raises, and looks at no query parameters.

    `resource`: what a token must be for.
    """

    def decorate(handler: Handler) -> Callable[..., HttpResponse]:
        described = _description(
            handler,
            {
                "actions": actions,
                "inputs": inputs or {},
                "outputs": outputs or {},
                "statuses": statuses or {},
                "in_workspace": in_workspace,
                "throttle": throttle,
                "query": query,
                "emergency": emergency,
                "max_body": max_body,
                "secret_fields": secret_fields,
                "tags": tags,
                "errors": errors,
                "foreign": foreign is not None,
                "refusal": refusal,
                "credentials": credentials,
                "resource": resource,
                "idempotent": idempotent,
                "examples": examples or {},
            },
        )

        def view(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                if enter is None:
                    door.enter(request, described, query)
                else:
                    door.let_in(request, described, enter)
                request.portal_sender_fields = sender_fields  # type: ignore[attr-defined]
                response = _perform(request, handler, described, idempotent, args, kwargs)
            except Exception as error:  # noqa: BLE001 - every failure becomes the envelope
                refusal = error_answer(error, request)
                response = foreign(request, refusal) if foreign else refusal
            door.leave(request, described, response)
            return response

        update_wrapper(view, handler)
        # What spectacular, the start-up check and the matrix of routes look at.
        view.cls = type(described)  # type: ignore[attr-defined]
        view.initkwargs = {}  # type: ignore[attr-defined]
        view.login_required = False  # type: ignore[attr-defined]
        return csrf_exempt(view)

    return decorate


def _perform(
    request: HttpRequest,
    handler: Handler,
    rules: PortalAPIView,
    idempotent: bool,
    args: Any,
    kwargs: Any,
) -> HttpResponse:
    def perform() -> HttpResponse:
        return _response(handler(request, *args, **kwargs))

    key = idempotency.key_of(request) if idempotent else ""
    actor = request.actor  # type: ignore[attr-defined]
    if not key or actor.kind == "anonymous":
        return perform()
    body = bodies.read(request, rules.max_body or bodies.MAX_BODY.value)
    return idempotency.run(request, actor, key, body, perform, secret_fields=rules.secret_fields)


def _response(result: Any) -> HttpResponse:
    if isinstance(result, HttpResponseBase):  # streams are no HttpResponse
        return result  # type: ignore[return-value]
    if isinstance(result, tuple):
        status, data = result
        return JsonAnswer(data, status)
    return JsonAnswer(result)


def _description(handler: Handler, declared: Mapping[str, Any]) -> PortalAPIView:
    """A view class that says what the function declares. It never answers a request."""
    methods = {method.lower(): _never for method in declared["actions"]}
    name = "".join(word.title() for word in handler.__name__.split("_"))
    kind = type(
        name,
        (PortalAPIView,),
        {**declared, **methods, "__doc__": handler.__doc__, "__module__": handler.__module__},
    )
    described: PortalAPIView = kind()
    return described


def _never(self: PortalAPIView, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
    raise NotImplementedError("the plain function answers")
