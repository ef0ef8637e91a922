"""Routes that are found by how their addresses begin.

Django tries one after the other: with a thousand of them a request for the last ones cost as much
as half of what it asked the database. Here those whose fixed beginning is another one are left out
before they are tried. What is left is tried in the same order by Django's own resolver, so that
the same route answers as ever; names, and whoever walks over all routes, see what was declared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.urls import URLPattern, URLResolver
from django.urls.resolvers import RoutePattern
from django.utils.functional import cached_property

Route = URLPattern | URLResolver

SEGMENTS = 4  # of an address: "api/v1/missions/", "admin/missions/mission/"
_PARAMETER = re.compile(r"<[^>]*>")


def by_beginning(routes: Sequence[Route]) -> list[Route]:
    """The same routes, as one."""
    return [ByBeginning(RoutePattern(""), list(routes))]


class ByBeginning(URLResolver):
    def resolve(self, path: Any) -> Any:
        return self._fitting(str(path)).resolve(path)

    def _fitting(self, path: str) -> URLResolver:
        """Of the longest beginning that is known: what somebody makes up is none."""
        known = self._known
        parts = path.split("/", SEGMENTS)[:SEGMENTS]
        for many in range(len(parts), 0, -1):
            beginning = "/".join(parts[:many])
            if beginning in known:
                break
        else:
            beginning = ""
        found = known[beginning]
        if found is None:
            # Two that ask at once make the same.
            found = known[beginning] = _only(self, beginning)
        return found

    @cached_property
    def _known(self) -> dict[str, URLResolver | None]:
        known: dict[str, URLResolver | None] = {"": None}
        for fixed, whole in _beginnings(self, ""):
            parts = fixed.split("/")
            # Of what goes on after a parameter the last part need not be all of a segment.
            complete = parts if whole else parts[:-1]
            for many in range(1, min(len(complete), SEGMENTS) + 1):
                known["/".join(complete[:many])] = None
        return known


def _beginnings(resolver: URLResolver, before: str) -> Iterator[tuple[str, bool]]:
    """The fixed beginning of each route's address, and whether it is all of it."""
    for each in resolver.url_patterns:
        fixed, whole = _fixed(each)
        if whole and isinstance(each, URLResolver):
            yield from _beginnings(each, before + fixed)
        else:
            yield before + fixed, whole


def _fixed(route: Route) -> tuple[str, bool]:
    pattern = route.pattern
    if type(pattern) is not RoutePattern:
        return "", False  # an expression may begin with anything
    text = str(pattern)
    parameter = _PARAMETER.search(text)
    return (text, True) if parameter is None else (text[: parameter.start()], False)


def _only(resolver: URLResolver, beginning: str) -> URLResolver:
    """As it is declared, without what can't match an address that begins so."""
    kept: list[Route] = []
    for each in resolver.url_patterns:
        fixed, whole = _fixed(each)
        if not (fixed.startswith(beginning) or beginning.startswith(fixed)):
            continue
        if whole and isinstance(each, URLResolver):
            each = _only(each, beginning[len(fixed) :])
            if not each.url_patterns:
                continue
        kept.append(each)
    return URLResolver(
        resolver.pattern,
        kept,
        resolver.default_kwargs,
        resolver.app_name,
        resolver.namespace,
    )
