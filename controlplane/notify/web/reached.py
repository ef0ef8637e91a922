"""How I am reached: one's own ways, in their order."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from controlplane.access.models import User
from controlplane.base.web import actor_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, NotFound
from controlplane.notify import services
from controlplane.notify.models import GATEWAYS, ContactMethod
from controlplane.notify.services import methods, trying
from controlplane.notify.web.wishes import person_of


class WayForm(forms.Form):
    kind = forms.ChoiceField(label="By", choices=ContactMethod.Kind.choices)
    target = forms.CharField(
        label="Number or address",
        max_length=2000,
        help_text="A number with + and the country's code.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    label = forms.CharField(label="Name for it", max_length=60, required=False)


@sensitive_post_parameters("target", "code")
@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def reached(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    user = person_of(actor)
    form = WayForm(request.POST if "add" in request.POST else None)
    wrong: dict[str, str] = {}
    if request.method == "POST":
        done, wrong = _act(request, user, actor, form)
        if done:
            messages.success(request, done)
        if done or not (wrong or form.errors):
            return HttpResponseRedirect(reverse("notify:reached"))
    rows = [_row(way, wrong) for way in methods.of(user)]
    context = {
        **admin.site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "title": "How I am reached",
        "rows": rows,
        "form": form,
        "minutes": methods.CODE_MINUTES.value,
    }
    return render(request, "notify/reached.html", context)


def _row(way: ContactMethod, wrong: dict[str, str]) -> dict[str, Any]:
    return {
        "way": way,
        "shown": way.user.email if way.is_account else way.target,
        "state": _state(way),
        "waits": not way.is_verified,
        "no_gateway": way.kind in GATEWAYS and not trying.gateways_of(way),
        "error": wrong.get(str(way.uid), ""),
    }


def _state(way: ContactMethod) -> str:
    if not way.is_verified:
        return "unverified"
    return "failing" if way.failures_in_a_row else "verified"


def _act(
    request: HttpRequest, user: User, actor: Actor, form: WayForm
) -> tuple[str, dict[str, str]]:
    """(what was done, what is wrong by way)."""
    if "add" in request.POST:
        return _add(user, actor, form), {}
    for name, verb in _VERBS.items():
        if name in request.POST:
            key = request.POST[name]
            try:
                return verb(request, _own(user, key), actor), {}
            except NotFound:
                raise
            except ControlPlaneError as error:
                return "", {key: error.message}
    return "", {}


def _add(user: User, actor: Actor, form: WayForm) -> str:
    if not form.is_valid():
        return ""
    try:
        made = services.add_method(user, actor=actor, **form.cleaned_data)
    except ControlPlaneError as error:
        fields = {name: text for name, text in error.details.items() if name in form.fields}
        for name, text in fields.items():
            form.add_error(name, str(text))
        if not fields:
            form.add_error(None, error.message)
        return ""
    return f"A code is on its way to {made.masked}. Type it in below."


def _own(user: User, key: str) -> ContactMethod:
    try:
        uid = uuid.UUID(key)
    except ValueError:
        raise NotFound("No such way.") from None
    rows = ContactMethod.objects.filter(user=user).active().select_related("user")
    found: ContactMethod | None = rows.filter(uid=uid).first()
    if found is None:
        raise NotFound("No such way.")
    return found


def _confirm(request: HttpRequest, way: ContactMethod, actor: Actor) -> str:
    services.confirm_method(way, actor=actor, code=request.POST.get("code", ""))
    return "Proven. Pages can reach you this way now."


def _code(request: HttpRequest, way: ContactMethod, actor: Actor) -> str:
    services.send_code(way, actor=actor)
    return "Another code is on its way."


def _test(request: HttpRequest, way: ContactMethod, actor: Actor) -> str:
    outcome = services.test_method(way, actor=actor)
    if outcome.kind == "accepted":
        return f"A test is on its way: {outcome.detail}."
    messages.error(request, f"Not delivered ({outcome.kind}): {outcome.detail}")
    return ""


def _remove(request: HttpRequest, way: ContactMethod, actor: Actor) -> str:
    services.remove_method(way, actor=actor)
    return f"{way} is removed."


def _up(request: HttpRequest, way: ContactMethod, actor: Actor) -> str:
    ways = methods.of(way.user)
    order = [one.uid for one in ways]
    at = order.index(way.uid)
    if at:
        order[at - 1], order[at] = order[at], order[at - 1]
    services.order_methods(way.user, actor=actor, order=order)
    return f"{way} comes earlier now." if at else ""


_VERBS = {
    "confirm": _confirm,
    "send_code": _code,
    "test": _test,
    "remove": _remove,
    "up": _up,
}
