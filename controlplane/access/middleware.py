"""Who is asking: `request.actor` for every request, `request.workspace` where one is chosen."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from controlplane.access.principals import actor_for_user
from controlplane.lib.actors import ANONYMOUS, Actor


class CurrentActor:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = SimpleLazyObject(lambda: _actor(request))  # type: ignore[attr-defined]
        return self.get_response(request)


def _actor(request: HttpRequest) -> Actor:
    if request.user.is_authenticated:
        return actor_for_user(request.user)
    return ANONYMOUS
