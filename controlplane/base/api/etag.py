"""Versions of what is shown: `ETag`, `If-None-Match`, `If-Match`.

`If-Match` compares strongly, so a weak tag never matches there; `If-None-Match` weakly (RFC 9110).
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from django.http import HttpRequest, HttpResponse

from controlplane.base.api.answers import JsonAnswer
from controlplane.lib.errors import ControlPlaneError, Invalid, PreconditionFailed

_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')
_LIST = re.compile(rf"\s*{_TAG.pattern}\s*(?:,\s*{_TAG.pattern}\s*)*", re.ASCII)


class PreconditionRequired(ControlPlaneError):
    code = "PRECONDITION_REQUIRED"


def of(*parts: Any) -> str:
    """A strong tag from what names a version: id and version number, or id and change time."""
    text = "\x1f".join(str(part) for part in parts)
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:24]}"'


def of_body(body: bytes) -> str:
    """A weak tag from the answer itself, where no version is kept."""
    return f'W/"{hashlib.sha256(body).hexdigest()[:24]}"'


def require_match(request: HttpRequest, current: str, *, required: bool = False) -> None:
    """Go on only if the caller changes what they have seen."""
    header = request.META.get("HTTP_IF_MATCH")
    if header is None:
        if required:
            raise PreconditionRequired("Send If-Match with the ETag of what you are changing.")
        return
    if header.strip() == "*":
        return
    strong = {tag for weak, tag in _tags(header, "If-Match") if not weak}
    if current.startswith("W/") or current.strip('"') not in strong:
        raise PreconditionFailed(
            "It has changed since you read it. Read it again.", details={"etag": current}
        )


def conditional(request: HttpRequest, response: HttpResponse, tag: str) -> HttpResponse:
    """The answer with its tag, or 304 without a body when the caller has it already."""
    header = request.META.get("HTTP_IF_NONE_MATCH")
    if header is not None and request.method in {"GET", "HEAD"} and _seen(header, tag):
        response = JsonAnswer(status=304)
    response["ETag"] = tag
    response["Cache-Control"] = "private, no-cache"
    response["Vary"] = "Authorization, Cookie, X-Workspace"
    return response


def named(header: str, tag: str) -> bool:
    """Whether an `If-None-Match` names this tag. Senders of other protocols spell tags as they
    like: what is not well formed names none."""
    try:
        return _seen(header, tag)
    except Invalid:
        return header.strip().removeprefix("W/").strip('"') == tag.removeprefix("W/").strip('"')


def _seen(header: str, tag: str) -> bool:
    if header.strip() == "*":
        return True
    bare = tag.removeprefix("W/").strip('"')
    return any(other == bare for _, other in _tags(header, "If-None-Match"))


def _tags(header: str, name: str) -> list[tuple[bool, str]]:
    if len(header) > 4_000 or _LIST.fullmatch(header) is None:
        raise Invalid(f"{name} is not a list of entity tags.", details={name: "Not well formed."})
    return [(bool(weak), tag) for weak, tag in _TAG.findall(header)]
