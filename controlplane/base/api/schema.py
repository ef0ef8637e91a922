"""The OpenAPI document, from what views declare.

drf-spectacular knows successes; here every operation also documents its refusals, so that a
client can be generated that handles them and a fuzzer finds no undocumented status.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.conf import settings
from django_filters import filters as kinds
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, inline_serializer
from rest_framework import serializers

from controlplane.base.api import pagination
from controlplane.base.api.auth import ANYONE

Schema = dict[str, Any]
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_SENTENCES = {
    400: "INVALID_ARGUMENT: the request is not well formed; `details` names each field.",
    401: "UNAUTHORIZED: no credentials, or wrong, expired or revoked ones.",
    403: "FORBIDDEN: not permitted, or WORKSPACE_MISMATCH.",
    404: "NOT_FOUND: nothing is here, or it is not yours to see.",
    409: "CONFLICT: somebody was faster, or the same Idempotency-Key stands for another request.",
    412: "PRECONDITION_FAILED: it has changed since you read it.",
    413: "TOO_LARGE: the body is larger than this route accepts.",
    415: "UNSUPPORTED_MEDIA_TYPE: send application/json.",
    422: "GATE_NOT_MET: conditions are open; `details` lists them.",
    428: "PRECONDITION_REQUIRED: send If-Match.",
    429: "RATE_LIMITED: wait for Retry-After.",
    503: "UNAVAILABLE: busy or restarting; wait for Retry-After.",
}


class ErrorBody(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Stable; branch on this.")
    message = serializers.CharField(help_text="One sentence for people.")
    details = serializers.DictField(help_text="By field where fields are at fault.")
    request_id = serializers.CharField(help_text="Name it when asking for help.")


class Error(serializers.Serializer[Any]):
    """The answer of every refusal."""

    error = ErrorBody()


class PortalScheme(OpenApiAuthenticationExtension):
    """A bearer credential, or the console's session with its CSRF token."""

    target_class = "controlplane.base.api.auth.PortalAuthentication"
    name = ["bearer", "session"]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        return [{"bearer": []}, {"session": []}]

    def get_security_definition(self, auto_schema: Any) -> list[Schema]:
        return [
            {
                "type": "http",
                "scheme": "bearer",
                "description": "An API key, or a token from POST /api/v1/token.",
            },
            {
                "type": "apiKey",
                "in": "cookie",
                "name": settings.SESSION_COOKIE_NAME,
                "description": "A console session; writes need the header X-CSRFToken.",
            },
        ]


class PortalSchema(AutoSchema):
    """Reads the declarations of `views.PortalAPIView`."""

    view: Any
    method: str

    # --- names ----------------------------------------------------------------------------------

    def get_operation_id(self) -> str:
        """`things_list`, `things_create`, `things_retrieve`, `things_close`: from the path alone,
        so that it does not change when another route is added."""
        named: str | None = getattr(self.view, "operation_ids", {}).get(self.method)
        if named:
            return named
        words = [word.replace("-", "_") for word in self._tokenize_path()]
        version = re.match(r"/api/v([0-9]+)/", self.path)
        if version and version[1] != "1":
            words.append(f"v{version[1]}")
        verb = self._verb()
        return "_".join([*words, verb] if verb else words)

    def _verb(self) -> str:
        ends_in_row = self.path.rstrip("/").endswith("}")
        if self.method == "GET":
            return "list" if self._lists() else "retrieve"
        if self.method == "POST":
            return "create" if self._lists() else ""
        return self.method_mapping[self.method.lower()] if ends_in_row else self.method.lower()

    def _lists(self) -> bool:
        return bool(getattr(self.view, "is_list", False))

    def get_tags(self) -> list[str]:
        return list(getattr(self.view, "tags", ())) or self._tokenize_path()[:1]

    def get_summary(self) -> str | None:
        handler = getattr(self.view, self.method.lower(), None)
        text = getattr(handler, "__doc__", None) if not _inherited(handler) else None
        return str(text or type(self.view).__doc__ or "").strip().split("\n")[0].rstrip(".") or None

    def get_description(self) -> str:  # type: ignore[override]
        text = type(self.view).__doc__ or ""
        action = self._action()
        note = "" if action in {"", ANYONE} else f"\n\nPermission: `{action}`."
        lines = (line.strip() for line in text.strip().split("\n"))
        return "\n".join(lines) + note

    def is_deprecated(self) -> bool:
        return getattr(self.view, "deprecation", None) is not None

    def _action(self) -> str:
        actions: Mapping[str, str] = getattr(self.view, "actions", {})
        return actions.get(self.method, "")

    def get_auth(self) -> list[Schema]:
        own = getattr(self.view, "credentials", "")
        if own:
            return [{own: []}]
        required: list[Schema] = super().get_auth()
        return [{}] if self._action() == ANYONE else required

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        return unique_name(type(serializer))

    def get_examples(self) -> list[OpenApiExample]:
        """What a view shows under `examples`: a body to send, or the answer of a read."""
        shown = getattr(self.view, "examples", {}).get(self.method)
        if shown is None:
            return []
        sent = self.method in WRITES
        name = self.get_operation_id()
        return [OpenApiExample(name, value=shown, request_only=sent, response_only=not sent)]

    # --- what goes in -----------------------------------------------------------------------------

    def get_request_serializer(self) -> Any:
        return getattr(self.view, "inputs", {}).get(self.method)

    def _get_parameters(self) -> list[Schema]:
        own = {(entry["name"], entry["in"]): entry for entry in super()._get_parameters()}
        for entry in self._own_parameters():
            own.setdefault((entry["name"], entry["in"]), entry)
        return list(own.values())

    def _own_parameters(self) -> list[Schema]:
        found: list[Schema] = []
        if getattr(self.view, "in_workspace", False) and self._action() != ANYONE:
            text = "Slug of the workspace; needed by people who belong to several."
            found.append(_header("X-Workspace", text, {"type": "string", "maxLength": 50}))
        if self._once():
            text = "Sent twice with the same key, the write happens once."
            form = {"type": "string", "minLength": 1, "maxLength": 255}
            found.append(_header("Idempotency-Key", text, form))
        demand = getattr(self.view, "if_match", {}).get(self.method)
        if demand:
            text = "ETag of what is changed; 412 if it has changed since."
            entry = _header("If-Match", text, {"type": "string"})
            found.append({**entry, "required": demand == "required"})
        if self.method == "GET":
            found.extend(self._query_parameters())
        return found

    def _once(self) -> bool:
        """Whether it heeds an `Idempotency-Key`: plain views only where they say so."""
        heeds = bool(getattr(self.view, "idempotent", True))
        return heeds and self.method in WRITES and self._action() != ANYONE

    def _query_parameters(self) -> list[Schema]:
        if self._tagged():
            form = {"type": "string"}
            yielded = [_header("If-None-Match", "ETag seen before; 304 if it still is.", form)]
        else:
            yielded = []
        if not self._lists():
            return yielded + [_query(name, {"type": "string"}) for name in sorted(self.view.query)]
        largest = pagination.MAX_PAGE.shipped
        limit = {
            "type": "integer",
            "minimum": 1,
            "maximum": largest,
            "default": pagination.PAGE.shipped,
        }
        yielded.append(_query("limit", limit, "Rows in one answer."))
        yielded.append(_query("cursor", {"type": "string"}, "`next_cursor` of the answer before."))
        sorts = list(self.view.sorts)
        yielded.append(
            _query("sort", {"type": "string", "enum": sorts, "default": sorts[0]}, "Ordering.")
        )
        filterset = self.view.filterset
        for name, entry in (filterset.base_filters if filterset else {}).items():
            yielded.append(
                _query(name, filter_schema(entry), str(entry.extra.get("help_text", "")))
            )
        yielded.extend(_query(name, {"type": "string"}) for name in sorted(self.view.query))
        return yielded

    def _map_serializer_field(
        self, field: Any, direction: Any, bypass_extensions: bool = False
    ) -> Schema:
        """A time of day, which no zone belongs to, is none of JSON Schema's `time`."""
        found: Schema = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if isinstance(field, serializers.TimeField) and found.get("format") == "time":
            del found["format"]
            found.setdefault("description", "A time of day, like 09:30:00.")
        return found

    # --- what comes out ---------------------------------------------------------------------------

    def _is_list_view(self, serializer: Any = None) -> bool:
        """Pages are objects of their own: DRF's wrapping into arrays is not wanted."""
        return False

    def get_response_serializers(self) -> Any:
        form = getattr(self.view, "outputs", {}).get(self.method)
        if form is None and self.method == "GET":
            form = getattr(self.view, "output", None)
        status = getattr(self.view, "statuses", {}).get(self.method) or self._usual_status(form)
        if form is not None and self.method == "GET" and self._lists():
            form = _page_form(form)
        repeat = getattr(self.view, "repeats", {}).get(self.method)
        return {status: form, **({repeat: form} if repeat else {})}

    def _usual_status(self, form: Any) -> int:
        if form is None and self.method != "GET":
            return 204
        return 201 if self.method == "POST" and self._lists() else 200

    def _get_response_bodies(self, direction: Any = "response") -> Schema:
        bodies: Schema = super()._get_response_bodies(direction)
        for code, answer in bodies.items():
            answer["description"] = answer.get("description") or "Done."
            self._add_success_headers(str(code), answer)
        if self.method == "GET" and self._tagged():
            bodies["304"] = {"description": "Not changed since the ETag sent."}
        for status in self._refusals():
            form = getattr(self.view, "refusal", None) or Error
            body: Schema = self._get_response_for_code(form, str(status))  # type: ignore[no-untyped-call]
            body["description"] = _SENTENCES.get(status, "Refused.")
            if status in {429, 503}:
                body["headers"] = {"Retry-After": _out("integer", "Seconds to wait.")}
            if status == 401:
                body["headers"] = {"WWW-Authenticate": _out("string", "The challenge.")}
            bodies.setdefault(str(status), body)
        return dict(sorted(bodies.items()))

    def _refusals(self) -> Collection[int]:
        found = {400, 429, 503, *getattr(self.view, "errors", ())}
        if self._action() != ANYONE:
            found |= {401, 403, 404}
        elif "{" in self.path:
            found.add(404)
        if self.method in WRITES:
            found |= {409, 413, 415}
        demand = getattr(self.view, "if_match", {}).get(self.method)
        if demand:
            found |= {412, 428} if demand == "required" else {412}
        return found

    def _add_success_headers(self, code: str, body: Schema) -> None:
        headers: Schema = {}
        if self.method == "GET" and self._tagged():
            headers["ETag"] = _out("string", "Names this version.")
        if self._once():
            headers["Idempotency-Replayed"] = _out("string", "`true` on a repeated answer.")
        if self.is_deprecated():
            headers["Deprecation"] = _out("string", "Since when (RFC 9745).")
            headers["Sunset"] = _out("string", "Until when (RFC 8594).")
        if headers and code.startswith("2"):
            body["headers"] = {**body.get("headers", {}), **headers}

    def _tagged(self) -> bool:
        return hasattr(self.view, "version") or bool(getattr(self.view, "list_etag", False))

    def map_renderers(self, attribute: str) -> list[Any]:
        return ["application/json"] if attribute == "media_type" else ["json"]


def _inherited(handler: Any) -> bool:
    """The `get` of our own base classes tells nothing about the route."""
    return getattr(handler, "__module__", "").startswith("controlplane.base.api.views")


_names: dict[Any, str] = {}


def unique_name(form: type[Any]) -> str:
    """The class's name; with its package before it where two packages use the same one. The
    order of routes has no say in it, so a name stays when others are added.

    Looks through all forms there are, and is asked for the form of refusals by every answer of
    every route: looked up each time, it was half of what the document costs."""
    if form not in _names:
        name = form.__name__
        packages = {_package(other) for other in _forms_named(name)}
        _names[form] = _package(form).title() + name if len(packages) > 1 else name
    return _names[form]


def _forms_named(name: str) -> Iterator[type[Any]]:
    waiting: list[type[Any]] = [serializers.BaseSerializer]
    seen: set[type[Any]] = set()
    while waiting:
        for kind in waiting.pop().__subclasses__():
            if kind in seen:
                continue
            seen.add(kind)
            waiting.append(kind)
            if kind.__name__ == name and _package(kind) not in {"tests", "rest_framework"}:
                yield kind


def _package(form: type[Any]) -> str:
    """`jobs` of `controlplane.jobs.api`, `missions` of `missions.api`."""
    first, _, rest = form.__module__.partition(".")
    return rest.partition(".")[0] if first == "controlplane" else first


_pages: dict[Any, Any] = {}


def _page_form(form: Any) -> Any:
    """One page of rows. One class per row form, or the document would warn of doubles."""
    if form not in _pages:
        name = re.sub(r"(Serializer|Out|Output)$", "", unique_name(form))
        _pages[form] = inline_serializer(
            f"{name}Page",
            {
                "items": form(many=True),
                "next": serializers.CharField(
                    allow_null=True, help_text="Path of the next page; null on the last."
                ),
                "next_cursor": serializers.CharField(allow_null=True),
            },
        )
    return _pages[form]


def filter_schema(entry: kinds.Filter) -> Schema:
    """The form of one filter's value."""
    field = entry.field
    choices = getattr(field, "choices", None)
    if isinstance(entry, kinds.ChoiceFilter) and choices is not None:
        values = [str(value) for value, _ in choices if value not in {"", None}]
        return {"type": "string", "enum": values}
    for kind, schema in _FILTER_FORMS:
        if isinstance(entry, kind):
            return dict(schema)
    if type(entry).__name__.endswith(("BooleanFilter", "PresenceFilter")):
        return {"type": "string", "enum": ["true", "false"]}
    return {"type": "string", "minLength": 1}


_FILTER_FORMS: tuple[tuple[type[kinds.Filter], Schema], ...] = (
    (kinds.UUIDFilter, {"type": "string", "format": "uuid"}),
    (kinds.IsoDateTimeFilter, {"type": "string", "format": "date-time"}),
    (kinds.DateTimeFilter, {"type": "string", "format": "date-time"}),
    (kinds.DateFilter, {"type": "string", "format": "date"}),
    (kinds.NumberFilter, {"type": "number"}),
)


def _header(name: str, text: str, schema: Schema) -> Schema:
    return {"name": name, "in": "header", "description": text, "schema": schema}


def _query(name: str, schema: Schema, text: str = "") -> Schema:
    entry: Schema = {"name": name, "in": "query", "schema": schema}
    return {**entry, "description": text} if text else entry


def _out(kind: str, text: str) -> Schema:
    return {"schema": {"type": kind}, "description": text}
