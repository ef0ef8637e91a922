"""Buttons that call services: on one row's page, on a list, on a selection of rows.

A button is a POST with a CSRF token. One that asks for a reason, or whose effect cannot be
undone, leads to a page with that question first, so that it works without any script. A button
the policy refuses stays visible, disabled, with the sentence that refuses it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeVar

from django.http import HttpRequest

from controlplane.access import policy
from controlplane.lib.actors import Actor

Handler = TypeVar("Handler", bound=Callable[..., Any])
Place = Literal["detail", "list", "selection"]
SEEN = "state_seen"


@dataclass(frozen=True, slots=True)
class Button:
    name: str
    label: str
    action: str
    confirm: str
    typed: bool
    reason: bool
    when: Callable[[Any], str] | None
    place: Place
    quiet: bool = False
    whole: str = ""
    seen: Callable[[Any], str] | None = None

    @property
    def asks(self) -> bool:
        return bool(self.confirm) or self.reason

    def subject(self, obj: Any) -> Any:
        """What policy is asked about: the row, or what a button without one reaches."""
        return obj if obj is not None else self.whole or None

    def refusal(self, actor: Actor, obj: Any = None) -> str:
        """Why not, or the empty text."""
        decision = policy.can(actor, self.action, self.subject(obj))
        if not decision:
            return decision.reason
        return self.when(obj) if self.when is not None and obj is not None else ""

    def state(self, obj: Any) -> str:
        """What the page shows of the row that the button must find again."""
        return self.seen(obj) if self.seen is not None and obj is not None else ""


@dataclass(frozen=True, slots=True)
class ShownButton:
    name: str
    label: str
    url: str
    refusal: str
    asks: bool
    primary: bool = False  # the next step: the first that is not refused
    grave: bool = False  # cannot be undone
    icon: str = ""
    leads: bool = False  # a page of its own, not an effect
    seen: str = ""  # carried along, and refused when it no longer stands


def button(
    *,
    label: str,
    action: str,
    confirm: str = "",
    typed: bool = False,
    reason: bool = False,
    when: Callable[[Any], str] | None = None,
    place: Place = "detail",
    quiet: bool = False,
    whole: str = "",
    seen: Callable[[Any], str] | None = None,
) -> Callable[[Handler], Handler]:
    """Make an admin method a button.

    `def revoke(self, request, obj, reason) -> str | HttpResponse | None` for a row's page; the
    text returned is shown as the result. `place="list"` calls `(self, request, reason)`.
    `whole` names what such a button reaches when that is the whole installation: a role in some
    workspace is not enough then.
    `confirm` is the question asked first; `typed` makes the person type the row's name, for what
    cannot be undone. `quiet`: never drawn as the next step. `when(obj)` returns a sentence when
    the row's state refuses. `seen(obj)` is what somebody decides by: the forms carry it along, and
    one that was drawn before it changed is refused. The handler hands `seen_in(request)` to its
    service, which compares once more under the lock: of two presses at once one is too late.
    """

    def mark(handler: Handler) -> Handler:
        handler.portal_button = Button(  # type: ignore[attr-defined]
            handler.__name__, label, action, confirm, typed, reason, when, place, quiet, whole, seen
        )
        return handler

    return mark


def seen_in(request: HttpRequest) -> str:
    """What the pressed form showed of the row."""
    return str(request.POST.get(SEEN, ""))


def bulk(*, label: str, action: str, reason: bool = False) -> Callable[[Handler], Handler]:
    """Make an admin method `(self, request, obj, reason) -> None` an action on selected rows.

    It is the same service, once per row, each in its own transaction: one refusal leaves the
    others done, and the report names both.
    """
    return button(label=label, action=action, reason=reason, place="selection")


def buttons_of(admin_class: type, place: Place) -> Sequence[Button]:
    """In the order they are written, base classes first."""
    return _marked(admin_class, place)


@cache
def _marked(admin_class: type, place: Place) -> Sequence[Button]:
    found: dict[str, Button] = {}
    for owner in reversed(admin_class.__mro__):
        for value in vars(owner).values():
            mark = getattr(value, "portal_button", None)
            if isinstance(mark, Button) and mark.place == place:
                found[mark.name] = mark
    return tuple(found.values())
