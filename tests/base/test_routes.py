"""Routes are found by how their addresses begin: the same ones, with less looking."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, URLResolver, get_resolver, include, path, re_path
from django.urls.resolvers import RegexPattern, RoutePattern

from controlplane import urls
from controlplane.base.routes import by_beginning

VALUES = {"uuid": str(uuid.UUID(int=7)), "int": "7", "slug": "a-b", "path": "a/b"}
EACH = 31  # of all routes, so many apart: a prime, so that all packages have some
MOST = 40  # patterns that are looked at for one address; all routes together are many hundreds


def found(resolver: URLResolver, address: str) -> Any:
    try:
        match: Any = resolver.resolve(address)
    except Resolver404:
        return None
    return (
        *(match.func, match.args, match.kwargs, match.view_name, match.app_names),
        *(match.namespaces, match.route, match.captured_kwargs, match.extra_kwargs),
    )


def addresses(resolver: Any, before: str) -> Iterator[str]:
    for each in resolver.url_patterns:
        here = before + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from addresses(each, here)
        else:
            yield re.sub(r"<(?:(\w+):)?\w+>", lambda one: VALUES.get(one[1] or "", "x"), here)


def variants(address: str) -> set[str]:
    begun = address[: len(address) // 2]
    return {address, f"{address}/", f"{address}x", address.rstrip("/"), f"/{address}", begun}


def in_turn(routes: list[Any]) -> URLResolver:
    """As Django does it."""
    return URLResolver(RegexPattern(r"^/"), routes)


def test_every_address__leads_where_it_led() -> None:
    plain, ours = in_turn(urls._ROUTES), get_resolver()
    all_of_them = list(addresses(plain, "/"))
    assert len(all_of_them) > 1_000
    answered = 0
    for address in all_of_them[::EACH]:
        for each in variants(address):
            expected = found(plain, each)
            assert found(ours, each) == expected, each
            answered += expected is not None
    assert answered > len(all_of_them) // EACH


def first(request: HttpRequest) -> HttpResponse:
    return HttpResponse("first")


def second(request: HttpRequest, *_: Any, **__: Any) -> HttpResponse:
    return HttpResponse("second")


MADE_UP: list[Any] = [
    path("a/<str:name>/", second, name="named"),
    path("a/b/", first),
    path("", include([path("a/b/c", first), re_path(r"^a/.*d$", second)])),
    path("c", include([path("ut", first), path("ome/<int:number>", second, {"fixed": 1})])),
    path("<slug:place>/", include([path("in", second)])),
    re_path(r"(?P<rest>.*)$", second),
]


@pytest.mark.parametrize(
    "address",
    ["/a/b/", "/a/b/c", "/a/x/", "/a/b/cd", "/cut", "/come/7", "/come/x", "/some/in", "/", "//a/b"],
)
def test_order_and_parameters__decide_as_ever(address: str) -> None:
    expected = found(in_turn(MADE_UP), address)
    assert expected is not None
    assert found(in_turn(by_beginning(MADE_UP)), address) == expected


def test_an_expression__is_left_out_only_with_what_it_is_part_of() -> None:
    closed = in_turn(by_beginning([path("a/", include([re_path(r"^x$", first)]))]))
    assert found(closed, "/a/x") is not None
    assert found(closed, "/a/y") is None
    assert found(closed, "/b/x") is None


def test_what_somebody_makes_up__is_not_remembered() -> None:
    ours: Any = by_beginning(MADE_UP)[0]
    for number in range(50):
        ours.resolve(f"made/up/{number}")
    known = len(ours._known)
    ours.resolve("made/up/again")
    assert len(ours._known) == known < 20


@pytest.mark.parametrize(
    "address",
    ["/api/v1/incidents", "/api/v1/tickets/TCK-1", "/admin/incidents/incident/x/change/",
     "/admin/telemetry/event/", "/api/v1/work/items"],
)  # fmt: skip
def test_few_routes__are_tried_for_one_address(address: str, monkeypatch: Any) -> None:
    get_resolver().resolve(address)
    looked = 0
    match = RoutePattern.match

    def counted(self: RoutePattern, given: str) -> Any:
        nonlocal looked
        looked += 1
        return match(self, given)

    monkeypatch.setattr(RoutePattern, "match", counted)
    get_resolver().resolve(address)
    assert looked <= MOST
