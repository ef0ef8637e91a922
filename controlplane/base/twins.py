"""Where a page of the console is found by whoever may not enter the console.

Links in messages, refs in texts and addresses people pass on lead to the console. The desk shows
some of the same things; an app registers, by the name of the console's route, what answers the
address of its twin there:

    twins.register("admin:approvals_request_change", lambda actor, given, query: "/desk/…")

It is handed who asks, what the address names and its query, and answers "" for what it has not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from django.http import QueryDict
from django.urls import NoReverseMatch, Resolver404, resolve, reverse
from django.utils.http import urlencode

from controlplane.lib.actors import Actor

Twin = Callable[[Actor, Mapping[str, Any], QueryDict], str]
TWINS: dict[str, Twin] = {}
HOME, ELSEWHERE = "desk:inbox", "desk:elsewhere"


def register(route: str, twin: Twin) -> None:
    if TWINS.setdefault(route, twin) is not twin:
        raise ValueError(f"two twins of {route}")


def of(actor: Actor, target: str) -> str:
    """The desk's page of the same thing; else the one that says where the reader is. "" where
    there is no desk."""
    try:
        reverse(HOME)
    except NoReverseMatch:
        return ""
    parts = urlsplit(target)
    if parts.path.startswith(reverse(HOME)):
        return target
    try:
        match = resolve(parts.path)
    except Resolver404:
        return reverse(HOME)
    twin = TWINS.get(match.view_name)
    given: dict[str, Any] = {str(place): value for place, value in enumerate(match.args)}
    given |= match.kwargs
    found = twin(actor, given, QueryDict(parts.query)) if twin is not None else ""
    return found or f"{reverse(ELSEWHERE)}?{urlencode({'from': parts.path})}"
