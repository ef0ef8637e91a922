"""How I am called: one's own ways, in their order and time, and what would happen now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.base.web import actor_of
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid, NotFound
from controlplane.notify.models import GATEWAYS, ContactMethod, Method, Urgency
from controlplane.notify.services.trying import gateways_of
from incidents.models import PersonalRule
from incidents.paging import rules
from incidents.paging.ways import ways_of

EMAIL = PersonalRule.Way.EMAIL.value
# What is called for with little urgency is mail and inbox: nobody says it otherwise.
KINDS = (
    (Urgency.CRITICAL.value, "Critical", "SEV-1 to SEV-3, and whatever must not wait."),
    (Urgency.NORMAL.value, "Not critical", "SEV-4 and P2, where a level calls for them at all."),
)


@dataclass(frozen=True, slots=True)
class Taken:
    """A way as it would be taken, were somebody called now."""

    at: datetime
    after_s: int
    said: str
    lack: str = ""  # why nothing would arrive by it

    @property
    def after(self) -> str:
        return f"{self.after_s} s" if self.after_s < 60 else f"{_minutes(self.after_s)} min"


@login_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def own(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    user = User.objects.filter(pk=actor.user_id or 0).first()
    if user is None:
        raise NotFound("Only people are called.")
    wrong: dict[str, str] = {}
    if request.method == "POST":
        urgency = request.POST.get("urgency", "")
        try:
            done = _act(request, user, actor, urgency)
        except Invalid as error:
            wrong[urgency] = " ".join(str(one) for one in error.details.values()) or error.message
        else:
            if done:
                messages.success(request, done)
            return HttpResponseRedirect(f"{reverse('paging:own')}#{urgency}")
    methods = list(ContactMethod.objects.usable().filter(user=user).order_by("position", "pk"))
    context = {
        **admin.site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "title": "How I am called",
        "kinds": [_kind(user, *one, methods, wrong.get(one[0], "")) for one in KINDS],
        "may": policy.can(actor, "paging.rules").allowed,
        "latest": rules.LATEST_S // 60,
    }
    status = 400 if wrong else 200
    return render(request, "incidents/own_rules.html", context, status=status)


def _kind(
    user: User, urgency: str, label: str, about: str, methods: list[ContactMethod], error: str
) -> dict[str, Any]:
    kept = rules.rules_of(user, urgency)
    taken = {_mark(row) for row in kept}
    choices = [(EMAIL, f"E-mail to {user.email}")]
    choices += [(str(row.uid), str(row)) for row in methods if not row.is_account]
    return {
        "urgency": urgency,
        "label": label,
        "about": about,
        "rules": [
            {"row": row, "said": _said(row, user), "minutes": _minutes(row.after_s)} for row in kept
        ],
        "choices": [one for one in choices if one[0] not in taken],
        "now": would_happen(user, urgency),
        "error": error,
    }


def would_happen(user: User, urgency: str, at: datetime | None = None) -> list[Taken]:
    """Each way with its moment, if nobody answers before."""
    begins = at or clock.now()
    methods = {row.pk: row for row in ContactMethod.objects.usable().filter(user=user)}
    found = []
    for way in sorted(ways_of([user.pk], urgency)[user.pk], key=lambda one: one.after_s):
        method = methods.get(way.contact_method_id or 0)
        if way.method == Method.INBOX:
            said, lack = "Inbox of the portal", ""
        elif method is None:
            said, lack = f"E-mail to {user.email}", ""
        else:
            said, lack = str(method), _lack(method)
        found.append(Taken(begins + timedelta(seconds=way.after_s), way.after_s, said, lack))
    return found


def _lack(method: ContactMethod) -> str:
    if method.kind in GATEWAYS and not gateways_of(method):
        return "No workspace of yours has a gateway for this: nothing would be sent."
    if method.failures_in_a_row:
        return f"Failed {method.failures_in_a_row} times in a row."
    return ""


def _said(row: PersonalRule, user: User) -> str:
    return f"E-mail to {user.email}" if row.contact_method is None else str(row.contact_method)


def _mark(row: PersonalRule) -> str:
    return EMAIL if row.contact_method is None else str(row.contact_method.uid)


def _minutes(seconds: int) -> str:
    return f"{seconds / 60:g}"


# --- What the buttons do --------------------------------------------------------------------------


def _act(request: HttpRequest, user: User, actor: Actor, urgency: str) -> str:
    if urgency not in {one[0] for one in KINDS}:
        raise NotFound("No such kind of call.")
    kept = [{"way": _mark(row), "after_s": row.after_s} for row in rules.rules_of(user, urgency)]
    for name, verb in _VERBS.items():
        if name in request.POST:
            said = verb(request, kept)
            rules.set_rules(user, kept, actor=actor, urgency=urgency)
            return said
    return ""


def _seconds(text: str) -> int:
    try:
        minutes = float(text.strip().replace(",", ".") or "0")
    except ValueError:
        minutes = -1
    if not 0 <= minutes <= rules.LATEST_S / 60:
        raise Invalid("A number of minutes.", details={
            "after": f"Minutes are a number from 0 to {rules.LATEST_S // 60}.",
        })  # fmt: skip
    return round(minutes * 60)


def _place(request: HttpRequest, name: str, kept: list[dict[str, Any]]) -> int:
    """Of a way by its mark: what somebody else's page moved meanwhile is still the right one."""
    marks = [one["way"] for one in kept]
    if request.POST[name] not in marks:
        raise Invalid("It is gone already.", details={"way": "This way is gone already."})
    return marks.index(request.POST[name])


def _add(request: HttpRequest, kept: list[dict[str, Any]]) -> str:
    kept.append({
        "way": request.POST.get("way", "")[:60],
        "after_s": _seconds(request.POST.get("after", "")[:12]),
    })  # fmt: skip
    kept.sort(key=lambda one: int(one["after_s"]))
    return "That way is taken from now on."


def _times(request: HttpRequest, kept: list[dict[str, Any]]) -> str:
    for one in kept:
        given = request.POST.get(f"after-{one['way']}")
        if given is not None:
            one["after_s"] = _seconds(given[:12])
    kept.sort(key=lambda one: int(one["after_s"]))
    return "The times are kept."


def _earlier(request: HttpRequest, kept: list[dict[str, Any]]) -> str:
    """It changes places with the one before: each takes the other's time."""
    at = _place(request, "earlier", kept)
    if not at:
        return ""
    one, other = kept[at - 1], kept[at]
    one["after_s"], other["after_s"] = other["after_s"], one["after_s"]
    kept[at - 1], kept[at] = other, one
    return "It comes earlier now."


def _remove(request: HttpRequest, kept: list[dict[str, Any]]) -> str:
    """Of those that are left the first is taken at once: somebody is always called at once."""
    kept.pop(_place(request, "remove", kept))
    if kept and all(one["after_s"] for one in kept):
        kept[0]["after_s"] = 0
    return "It is removed." if kept else "It is removed: the usual ways hold again."


def _usual(request: HttpRequest, kept: list[dict[str, Any]]) -> str:
    kept.clear()
    return "The usual ways hold again."


_VERBS: dict[str, Callable[[HttpRequest, list[dict[str, Any]]], str]] = {
    "add": _add,
    "times": _times,
    "earlier": _earlier,
    "remove": _remove,
    "usual": _usual,
}
