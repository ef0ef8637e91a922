"""The classes API routes are written with.

A view declares: `actions` (method -> policy action), `inputs` and `outputs` (method -> form).
Everything else has a sensible value. Views translate; services decide and write.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from copy import copy
from typing import Any, ClassVar, NoReturn

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django_filters.filterset import FilterSet
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from controlplane.access.tokens import IDENTITY, claims_match
from controlplane.base.api import bodies, door, etag, filters, idempotency, pagination
from controlplane.base.api.answers import JsonAnswer
from controlplane.base.api.auth import ANYONE, SIGNED_IN, PortalRequest
from controlplane.base.api.deprecation import Deprecation
from controlplane.base.api.errors import error_answer
from controlplane.base.api.rows import Form, row_of, through
from controlplane.base.api.schema import PortalSchema
from controlplane.base.api.serializers import StrictSerializer, read
from controlplane.lib import kept
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound

__all__ = ["ANYONE", "SIGNED_IN", "DetailView", "ListView", "PortalAPIView", "PortalRequest"]

_PLAIN = frozenset({"limit", "sort"})  # what asks for no other rows


class PortalAPIView(APIView):
    """Base of every DRF route."""

    schema = PortalSchema()

    # method -> policy action, or ANYONE, or SIGNED_IN. A method not named here answers 405.
    actions: ClassVar[Mapping[str, str]] = {}
    inputs: ClassVar[Mapping[str, Form]] = {}
    outputs: ClassVar[Mapping[str, Form]] = {}
    statuses: ClassVar[Mapping[str, int]] = {}  # of success, where not 200 (POST of a list: 201)
    # method -> the status, with the same form, where what is asked for was there already
    repeats: ClassVar[Mapping[str, int]] = {}
    in_workspace: ClassVar[bool] = True
    throttle: ClassVar[str] = ""  # "", or a class of `throttles.CLASSES`
    query: ClassVar[Collection[str]] = ()  # parameters beside the filters'
    # For what people reach for when things burn: no temporary limit refuses it, and no query
    # parameter that it doesn't know.
    emergency: ClassVar[bool] = False
    max_body: ClassVar[int] = 0  # 0: the default
    secret_fields: ClassVar[Collection[str]] = ()  # of answers; never remembered
    # Fields of a body that name its sender. Less, where one of them names somebody acted upon.
    sender_fields: ClassVar[Collection[str]] = IDENTITY
    if_match: ClassVar[Mapping[str, str]] = {}  # method -> "optional" or "required"
    # The handler asks something outside and writes in transactions of its own: none is open
    # around it, also not for its `Idempotency-Key`. Not together with `if_match`.
    calls_out: ClassVar[bool] = False
    idempotent: ClassVar[bool] = True  # a write with an `Idempotency-Key` happens once
    # It speaks a protocol of others: its bodies and refusals have their form, not ours.
    foreign: ClassVar[bool] = False
    refusal: ClassVar[Form | None] = None  # the form of its refusals, where it is not ours
    resource: ClassVar[str] = "api"  # what a token must be for
    # It asks for credentials of its own, by this name in the document; none of the portal's opens
    # it, whatever `actions` say.
    credentials: ClassVar[str] = ""
    deprecation: ClassVar[Deprecation | None] = None
    tags: ClassVar[Sequence[str]] = ()
    errors: ClassVar[Collection[int]] = ()  # statuses to document beside the usual ones
    # method -> what the document shows: a body to send, or the answer of a read.
    examples: ClassVar[Mapping[str, Any]] = {}

    @property
    def allowed_methods(self) -> list[str]:
        """What is declared. By attributes it would be what a base class happens to answer: a
        route that only acts on a row would be documented, and generated, as one that reads it."""
        return list(self.actions)

    # --- one request --------------------------------------------------------------------------

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.args, self.kwargs = args, kwargs
        self.headers: dict[str, str] = {}
        wrapped = self.initialize_request(request, *args, **kwargs)
        self.request = wrapped
        try:
            self.initial(wrapped, *args, **kwargs)
            response = self._perform(wrapped, args, kwargs)
        except Exception as error:  # noqa: BLE001 - every failure becomes the envelope
            response = error_answer(error, request)
        if isinstance(response, Response):  # ours need no rendering later
            response = self.finalize_response(wrapped, response, *args, **kwargs)
        door.leave(request, self, response)
        return response

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> PortalRequest:
        wrapped = PortalRequest(
            request,
            parsers=self.get_parsers(),
            authenticators=self.get_authenticators(),
            parser_context={"view": self, "args": args, "kwargs": kwargs},
        )
        wrapped.max_body = self.max_body or bodies.MAX_BODY.value
        wrapped.accepted_renderer = _RENDERER
        wrapped.accepted_media_type = _RENDERER.media_type
        return wrapped

    def initial(self, request: Any, *args: Any, **kwargs: Any) -> None:
        door.enter(request._request, self, self.known_parameters())
        _ = request.user  # DRF's own view of the caller

    def _perform(self, request: PortalRequest, args: Any, kwargs: Any) -> HttpResponse:
        method = (request.method or "").lower()
        handler: Callable[..., HttpResponse] = getattr(self, method)
        if request.method not in idempotency.METHODS:
            return handler(request, *args, **kwargs)
        key = idempotency.key_of(request._request)
        claims_match(request.actor, request.data, names=self.sender_fields)
        if self._states_version(request):
            with transaction.atomic():  # `object` locks the row it compares
                return self._once(request, key, handler, args, kwargs)
        return self._once(request, key, handler, args, kwargs)

    def _states_version(self, request: Any) -> bool:
        return request.method in self.if_match and "HTTP_IF_MATCH" in request.META

    def _once(
        self,
        request: PortalRequest,
        key: str,
        handler: Callable[..., HttpResponse],
        args: Any,
        kwargs: Any,
    ) -> HttpResponse:
        if not key or request.actor.kind == "anonymous":
            # Callers without credentials cannot be told apart: no answer is kept for them.
            return handler(request, *args, **kwargs)
        return idempotency.run(
            request._request,
            request.actor,
            key,
            request.data,
            lambda: handler(request, *args, **kwargs),
            secret_fields=self.secret_fields,
            calls_out=self.calls_out,
        )

    def options(self, request: Any, *args: Any, **kwargs: Any) -> NoReturn:
        raise door.MethodNotAllowed(self.actions)

    def known_parameters(self) -> Collection[str]:
        return self.query

    # --- for handlers -------------------------------------------------------------------------

    def read(self, request: Any, form: Form | None = None, **kwargs: Any) -> dict[str, Any]:
        """The validated body."""
        return read(form or self.inputs[request.method], request.data, **kwargs)


_RENDERER = JSONRenderer()


class RowView(PortalAPIView):
    """Shared by lists and details: scoping, columns, shaping."""

    output: ClassVar[Form] = StrictSerializer
    extra_columns: ClassVar[Sequence[str]] = ()  # read for `shape`, under their own names
    # Whether `rows` looks at nothing but who asks, where, and what `also_by` names: then its
    # statement is written once.
    is_kept: ClassVar[bool] = False

    def rows(self, request: PortalRequest) -> QuerySet[Any]:
        """Rows this caller may see here. Start from `visible_to(request.actor)` and the
        workspace of the request."""
        raise NotImplementedError

    def also_by(self, request: Any) -> Hashable:
        return None

    def kept_rows(
        self,
        request: Any,
        named: Hashable,
        some: Callable[..., QuerySet[Any, Any]],
        *values: Any,
    ) -> list[Any]:
        """Some of the rows, by these values: `named` is what else it depends on."""
        workspace = request.workspace
        where = workspace.pk if workspace is not None else None

        def written(actor: Actor, *given: Any) -> QuerySet[Any, Any]:
            of_them = copy(request)
            of_them.actor = actor
            return some(self.rows(of_them), *given)

        return kept.seen_by(request.actor, (type(self), where, named), written, *values)

    def shape(self, row: dict[str, Any]) -> dict[str, Any]:
        """Last touch to one row as it is sent. `extra_columns` are popped here."""
        return row

    def show(self, obj: Any) -> dict[str, Any]:
        """One object a service returned, in the same form as its list."""
        row = row_of(self.output).from_object(obj)
        for name in self.extra_columns:
            row[name] = through(name.split("__"))(obj)
        return self.shape(row)

    def _columns(self) -> tuple[str, ...]:
        return (*row_of(self.output).columns, *self.extra_columns)

    def _from_tuple(self, values: Sequence[Any]) -> dict[str, Any]:
        form = row_of(self.output)
        row = form.from_tuple(values)
        for position, name in enumerate(self.extra_columns, len(form.columns)):
            row[name] = values[position]
        return self.shape(row)


class ListView(RowView):
    """`GET`: one page of rows. A subclass adds `post()` for creating."""

    is_list: ClassVar[bool] = True
    sorts: ClassVar[Mapping[str, Sequence[str]]] = {"newest": ("-id",)}
    filterset: ClassVar[type[FilterSet] | None] = None
    list_etag: ClassVar[bool] = False

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        http = request._request
        limit = pagination.limit_of(http)
        sort, order = pagination.sort_of(http, self.sorts)
        name, columns = f"{type(self).__qualname__}/{sort}", self._columns()
        if self.is_kept and not kwargs and http.GET.keys() <= _PLAIN:
            page = pagination.page_from(
                self._first_rows(request, columns, order, limit), columns, name, limit
            )
            return self._answer(http, page)
        rows = filters.apply(self.filterset, http, self.rows(request))
        cursor = http.GET.get("cursor")
        page = pagination.page_of(rows, columns, order, name=name, limit=limit, cursor=cursor)
        return self._answer(http, page)

    def _first_rows(
        self, request: Any, columns: Sequence[str], order: Sequence[str], limit: int
    ) -> list[tuple[Any, ...]]:
        return self.kept_rows(
            request,
            (tuple(order), limit, self.also_by(request)),
            lambda rows: pagination.asked(rows, columns, order, limit),
        )

    def _answer(self, request: HttpRequest, page: pagination.Page) -> HttpResponse:
        link = None
        if page.next_cursor:
            query = request.GET.copy()
            query["cursor"] = page.next_cursor
            link = f"{request.path}?{query.urlencode()}"
        body = {
            "items": [self._from_tuple(row) for row in page.rows],
            "next": link,
            "next_cursor": page.next_cursor,
        }
        response = JsonAnswer(body, headers={"Link": f'<{link}>; rel="next"'} if link else None)
        if self.list_etag:
            return etag.conditional(request, response, etag.of_body(response.content))
        return response

    def known_parameters(self) -> Collection[str]:
        named = filters.names_of(self.filterset) if self.filterset else frozenset()
        return named.union(self.query, pagination.PARAMETERS)


class DetailView(RowView):
    """`GET`: one row by `lookup`, with an ETag when `version` names what changes with it."""

    lookup: ClassVar[str] = "uid"
    version: ClassVar[Sequence[str]] = ()  # columns that change whenever the row does

    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        columns = (*self._columns(), *self.version)
        values = self._one(request, kwargs, lambda rows: rows.values_list(*columns))
        if values is None:
            raise NotFound("Nothing is here, or it is not yours to see.")
        response = JsonAnswer(self._from_tuple(values))
        tag = etag.of(kwargs[self.lookup], *values[len(self._columns()) :])
        if not self.version:
            tag = etag.of_body(response.content)
        return etag.conditional(request._request, response, tag)

    def object(self, request: Any, kwargs: Mapping[str, Any]) -> Any:
        """The row to act on, if this caller may see it and has seen its present version.

        With `If-Match` the row stays locked until the answer is made: of two callers who saw
        the same version and write at the same moment, one is refused.
        """
        if self._states_version(request):
            rows = self._found(self.rows(request), kwargs[self.lookup])
            obj = rows.select_for_update(of=("self",), no_key=True).first()
        else:
            obj = self._one(request, kwargs, lambda rows: rows)
        if obj is None:
            raise NotFound("Nothing is here, or it is not yours to see.")
        demand = self.if_match.get(request.method)
        if demand:
            tag = self.tag_of(obj, kwargs)
            etag.require_match(request._request, tag, required=demand == "required")
        return obj

    def tag_of(self, obj: Any, kwargs: Mapping[str, Any]) -> str:
        values = (through(name.split("__"))(obj) for name in self.version)
        return etag.of(kwargs[self.lookup], *values)

    def _one(
        self,
        request: Any,
        kwargs: Mapping[str, Any],
        read: Callable[[QuerySet[Any]], QuerySet[Any, Any]],
    ) -> Any:
        value = kwargs[self.lookup]
        if not self.is_kept:
            return read(self._found(self.rows(request), value)).first()

        def one(rows: QuerySet[Any], value: Any) -> QuerySet[Any, Any]:
            return read(self._found(rows, value).order_by("pk"))[:1]

        named = ("one", read.__code__, self.also_by(request))
        return next(iter(self.kept_rows(request, named, one, value)), None)

    def _found(self, rows: QuerySet[Any], value: Any) -> QuerySet[Any]:
        return rows.filter(**{self.lookup: value}).order_by()


class NowView(DetailView):
    """One row whose version the service compares itself, under locks taken in its own order. The
    answer's ETag names the version; `If-Match` says which one the caller saw."""

    def _states_version(self, request: Any) -> bool:
        return False

    def seen(self, request: PortalRequest, obj: Any, kwargs: Any) -> int | None:
        """The version the caller says to have seen, if it still stands; None for who says none."""
        if "HTTP_IF_MATCH" not in request.META:
            return None
        etag.require_match(request._request, self.tag_of(obj, kwargs))
        version: int = obj.version
        return version
