"""Who streams: counted, and asked for their rights again while they do."""

from __future__ import annotations

import contextvars
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from prometheus_client import Gauge

from controlplane.access.credentials import authenticate_bearer
from controlplane.access.middleware import EPOCH_KEY
from controlplane.access.models import User
from controlplane.access.principals import actor_for_user
from controlplane.access.services import session_in_force
from controlplane.lib import context
from controlplane.lib.actors import Actor
from controlplane.lib.defaults import define
from controlplane.lib.errors import Unauthorized, Unavailable
from missions.threads import numbers

MAX_EACH = define(
    "threads.max_waiting_each",
    200,
    unit="connections",
    why="Of one caller: an agent that opens them in a loop leaves room for the others.",
)
WAITING = Gauge(
    "controlplane_threads_waiting",
    "Connections that wait for messages of threads.",
    ["kind"],
    multiprocess_mode="livesum",
)
_RETRY_S = 5
_each: Counter[str] = Counter()


class Caller:
    """As the request showed them. Their credentials are what is asked again, not what they were
    allowed then."""

    def __init__(self, request: Any) -> None:
        self.actor: Actor = request.actor
        self.context = contextvars.copy_context()
        self._header = request.META.get("HTTP_AUTHORIZATION", "")
        self._resource = request.portal_resource
        self._address = context.current().address
        self._user_id = None
        if not self._header:
            self._user_id = request.user.pk
            self._session_key = request.session.session_key
            self._epoch = request.session.get(EPOCH_KEY)

    def again(self) -> Actor:
        """The actor as of now; raises what the API would."""
        if self._header:
            self.actor = authenticate_bearer(self._header, self._address, self._resource)
        else:
            self.actor = self._person()
        return self.actor

    def _person(self) -> Actor:
        user = User.objects.filter(pk=self._user_id, is_active=True).first()
        if user is None or user.session_epoch != self._epoch or not self._session_key:
            raise Unauthorized("The session has ended.")
        session = session_in_force(self._session_key, user)
        if session is None or (settings.REQUIRE_SECOND_FACTOR and not session.second_factor_at):
            raise Unauthorized("The session has ended.")
        factor = session.second_factor_at
        return actor_for_user(
            user,
            session_id=str(session.uid),
            second_factor_at=factor.timestamp() if factor else None,
        )


def require_room(actor: Actor) -> None:
    """Asked before anything is promised; the count itself is kept by `counted`."""
    if _each.total() >= numbers.MAX_WAITING.value:
        raise Unavailable("Too many wait for messages. Read again later.", retry_after=_RETRY_S)
    if _each[actor.ref] >= MAX_EACH.value:
        raise Unavailable("You wait in too many places at once.", retry_after=_RETRY_S)


@contextmanager
def counted(actor: Actor, kind: str) -> Iterator[None]:
    """Only in the loop: nothing else changes the numbers meanwhile."""
    _each[actor.ref] += 1
    WAITING.labels(kind).inc()
    try:
        yield
    finally:
        WAITING.labels(kind).dec()
        _each[actor.ref] -= 1
        if _each[actor.ref] <= 0:
            del _each[actor.ref]
