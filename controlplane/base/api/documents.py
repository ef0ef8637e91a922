"""The OpenAPI document and a page made of it.

The page is drawn by the server: no script, no inline style, nothing from outside, so that it
lives under the console's content policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from controlplane.base.api import etag
from controlplane.base.api.answers import encode
from controlplane.base.api.auth import SIGNED_IN, identify
from controlplane.base.api.views import PortalAPIView
from controlplane.lib.errors import Unauthorized

Document = dict[str, Any]


@cache
def document() -> Document:
    """Made once a process: routes do not change while it runs."""
    made: Document = SchemaGenerator().get_schema(request=None, public=True)
    return made


@cache
def _encoded() -> tuple[bytes, str]:
    body = encode(document())
    return body, etag.of_body(body)


class SchemaView(PortalAPIView):
    """The OpenAPI document, as JSON."""

    schema = None  # type: ignore[assignment]  # it does not describe itself
    actions = {"GET": SIGNED_IN}
    in_workspace = False

    def get(self, request: Any) -> HttpResponse:
        body, tag = _encoded()
        response = HttpResponse(body, content_type="application/vnd.oai.openapi+json")
        return etag.conditional(request._request, response, tag)


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """The operations by topic, for people."""
    try:
        anonymous = identify(request).kind == "anonymous"
    except Unauthorized:
        anonymous = True
    if anonymous:
        return redirect_to_login(request.get_full_path())
    return render(request, "base/api_docs.html", _page())


@cache
def _page() -> Document:
    made = document()
    return {"title": made["info"]["title"], "groups": groups(made), "forms": list(forms(made))}


def groups(made: Document) -> list[tuple[str, list[Document]]]:
    """Operations by tag, as the page's template reads them."""
    found: dict[str, list[Document]] = {}
    for path, methods in sorted(made["paths"].items()):
        for method, operation in methods.items():
            tag = (operation.get("tags") or ["other"])[0]
            found.setdefault(tag, []).append(_shown(path, method, operation))
    return sorted(found.items())


def _shown(path: str, method: str, operation: Document) -> Document:
    return {
        "id": operation["operationId"],
        "method": method.upper(),
        "path": path,
        "summary": operation.get("summary", ""),
        "description": worded(operation.get("description", "")),
        "deprecated": operation.get("deprecated", False),
        "parameters": [
            {
                **entry,
                "kind": kind_of(entry.get("schema", {})),
                "description": worded(entry.get("description", "")),
            }
            for entry in operation.get("parameters", [])
        ],
        "takes": _form_name(operation.get("requestBody", {})),
        "answers": [
            {
                "status": status,
                "text": worded(answer.get("description", "")),
                "form": _form_name(answer),
            }
            for status, answer in sorted(operation["responses"].items())
        ],
    }


def worded(text: str) -> SafeString:
    """As the document has it, but for people: what stands between backticks is code."""
    parts = re.split(r"`([^`\n]+)`", text)
    shapes = ("{}", "<code>{}</code>")
    return format_html_join(
        "", "{}", ((format_html(shapes[at % 2], part),) for at, part in enumerate(parts))
    )


def _form_name(body: Document) -> str:
    schema = body.get("content", {}).get("application/json", {}).get("schema", {})
    return kind_of(schema) if schema else ""


def kind_of(schema: Document) -> str:
    """A schema in a few words: `uuid`, `list of Thing`, `one of: a, b`."""
    if "$ref" in schema:
        return re.sub(r"^.*/", "", schema["$ref"])
    for name in ("allOf", "oneOf", "anyOf"):
        if name in schema:
            return " or ".join(filter(None, (kind_of(part) for part in schema[name])))
    if schema.get("type") == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    if "enum" in schema:
        return "one of: " + ", ".join(str(value) for value in schema["enum"])
    return str(schema.get("format") or schema.get("type") or "anything")


def forms(made: Document) -> Iterator[Document]:
    """The named schemas, field by field."""
    for name, schema in sorted(made.get("components", {}).get("schemas", {}).items()):
        required = set(schema.get("required", ()))
        fields = [
            {
                "name": field,
                "kind": kind_of(form),
                "required": field in required,
                "text": worded(form.get("description", "")),
            }
            for field, form in schema.get("properties", {}).items()
        ]
        yield {"name": name, "text": worded(schema.get("description", "")), "fields": fields}
