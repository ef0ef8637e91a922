"""Signing in: password, then code. Nobody is signed in between the two.

Between the steps the session holds only who has passed the first one and when, so there is no
half-signed-in user for a page to forget about. Whoever must enrol a phone first does so in the
same state.
"""

from __future__ import annotations

from typing import Any

import django_otp
import segno
from django.conf import settings
from django.contrib import auth, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from controlplane.access import numbers, services
from controlplane.access.backends import may_sign_in
from controlplane.access.forms import CodeForm, EnrolForm, SignInForm
from controlplane.access.middleware import EPOCH_KEY
from controlplane.access.models import User
from controlplane.access.principals import actor_for_user
from controlplane.access.services.second_factor import WRONG_CODE
from controlplane.access.services.sign_in import check_password
from controlplane.access.step_up import has_recent_factor
from controlplane.access.web.common import (
    refuse,
    safe_next,
    session_of,
    show,
    signed_in,
    too_many,
    with_next,
)
from controlplane.base.web import actor_of
from controlplane.lib import clock, context
from controlplane.lib.errors import ControlPlaneError, RateLimited, Unauthorized

PENDING = "access_pending"
ENROLLING = "access_enrolling"  # the secret this browser was shown
BACKEND = "controlplane.access.backends.PasswordBackend"
# The same for a wrong password, an unknown address, a closed and a locked account.
REFUSED = "E-mail or password is not right, or this account may not sign in."


@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    target = safe_next(request)
    if request.user.is_authenticated:
        return HttpResponseRedirect(target)
    form = SignInForm(request.POST or None)
    page = {"title": "Sign in", "form": form, "next": target}
    if request.method == "GET" or not form.is_valid():
        return show(request, "login.html", page)
    try:
        user = check_password(request, form.cleaned_data["email"], form.cleaned_data["password"])
    except RateLimited as error:
        form.add_error(None, error.message)
        return too_many(show(request, "login.html", page), error)
    if user is None:
        form.add_error(None, REFUSED)
        return show(request, "login.html", page)
    return _after_password(request, user, target)


def _after_password(request: HttpRequest, user: User, target: str) -> HttpResponse:
    if services.enrolled_device(user) is None and not settings.REQUIRE_SECOND_FACTOR:
        return complete(request, user, how="password", second_factor=False, target=target)
    # A fresh key for this step too: what was planted in the browser before is worth nothing.
    request.session.flush()
    request.session[PENDING] = {
        "user": str(user.uid),
        "epoch": user.session_epoch,
        "at": clock.now().timestamp(),
        "next": target,
    }
    if services.enrolled_device(user) is None:
        return with_next("access:enrol", target)
    return with_next("access:second_factor", target)


def pending_user(request: HttpRequest) -> User | None:
    """Who has passed the password step in this browser, a short while ago."""
    pending: dict[str, Any] | None = request.session.get(PENDING)
    if pending is None:
        return None
    user = User.objects.filter(uid=pending["user"]).first()
    fresh = 0 <= clock.now().timestamp() - pending["at"] < numbers.PENDING_MINUTES.value * 60
    if user is None or not fresh or user.session_epoch != pending["epoch"]:
        del request.session[PENDING]
        return None
    return user if may_sign_in(user) else None


def complete(
    request: HttpRequest, user: User, *, how: str, second_factor: bool, target: str
) -> HttpResponse:
    """Every step is passed. The session gets a new key, so one planted before is worthless."""
    request.session.pop(PENDING, None)
    auth.login(request, user, backend=BACKEND)
    device = services.enrolled_device(user)
    if second_factor and device is not None:
        django_otp.login(request, device)
    request.session[EPOCH_KEY] = user.session_epoch
    request.session.save()
    try:
        services.start_session(
            user,
            session_key=str(request.session.session_key),
            second_factor=second_factor,
            how=how,
            address=context.current().address,
            browser=request.headers.get("User-Agent", ""),
        )
    except Unauthorized:
        auth.logout(request)
        messages.error(request, REFUSED)
        return with_next("access:login", target)
    return HttpResponseRedirect(target)


@require_http_methods(["GET", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    """The code step of signing in. In a running session it is the page `confirm`."""
    target = safe_next(request, request.session.get(PENDING, {}).get("next"))
    if request.user.is_authenticated:
        return with_next("access:confirm", target)
    user = pending_user(request)
    if user is None:
        return with_next("access:login", target)
    form = CodeForm(request.POST or None)
    page = {"title": "Enter the code", "form": form, "next": target, "email": user.email}
    if request.method == "GET" or not form.is_valid():
        return show(request, "second_factor.html", page)
    try:
        how = services.verify_code(user, form.cleaned_data["code"])
    except RateLimited as error:
        form.add_error(None, error.message)
        return too_many(show(request, "second_factor.html", page), error)
    if how is None:
        form.add_error("code", WRONG_CODE)
        return show(request, "second_factor.html", page)
    if how == "recovery code":
        left = services.recovery_codes_left(user)
        messages.warning(request, f"You used a recovery code. {left} are left.")
    return complete(request, user, how=f"password, {how}", second_factor=True, target=target)


@signed_in
@require_http_methods(["GET", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """A fresh second factor before a sensitive action."""
    target = safe_next(request)
    user = session_of(request).user
    if services.enrolled_device(user) is None:
        return with_next("access:enrol", target)
    form = CodeForm(request.POST or None)
    page = {"title": "Confirm it is you", "form": form, "next": target}
    if request.method == "GET" or not form.is_valid():
        return show(request, "confirm.html", page)
    try:
        how = services.verify_code(user, form.cleaned_data["code"])
    except RateLimited as error:
        form.add_error(None, error.message)
        return too_many(show(request, "confirm.html", page), error)
    if how is None:
        form.add_error("code", WRONG_CODE)
        return show(request, "confirm.html", page)
    request.session.cycle_key()
    services.renew_second_factor(session_of(request), session_key=str(request.session.session_key))
    return HttpResponseRedirect(target)


@require_http_methods(["GET", "POST"])
def enrol(request: HttpRequest) -> HttpResponse:
    """Connect an authenticator app: before the first sign-in is complete, or to replace one."""
    target = safe_next(request, request.session.get(PENDING, {}).get("next"))
    running = bool(request.user.is_authenticated)
    user = session_of(request).user if running else pending_user(request)
    if user is None:
        return with_next("access:login", target)
    enrolled = services.enrolled_device(user) is not None
    if enrolled and not running:
        return with_next("access:second_factor", target)
    actor = actor_of(request) if running else actor_for_user(user)
    if enrolled and not has_recent_factor(actor):
        return with_next("access:confirm", request.get_full_path())
    shown = request.session.get(ENROLLING)
    device = services.begin_enrolment(user, actor=actor, device_id=shown)
    request.session[ENROLLING] = device.pk
    form = EnrolForm(request.POST or None)
    page = {"title": "Set up the second factor", "form": form, "next": target}
    page |= {"replaces": enrolled, **_secret_of(device)}
    if request.method == "GET" or not form.is_valid():
        return show(request, "enrol.html", page)
    try:
        codes = services.finish_enrolment(
            user, form.cleaned_data["code"], actor=actor, device_id=device.pk
        )
    except ControlPlaneError as error:
        refuse(form, error)
        response = show(request, "enrol.html", page)
        return too_many(response, error) if isinstance(error, RateLimited) else response
    return _enrolled(request, user, codes, target=target, running=running)


def _enrolled(
    request: HttpRequest, user: User, codes: list[str], *, target: str, running: bool
) -> HttpResponse:
    request.session.pop(ENROLLING, None)
    if running:
        device = services.enrolled_device(user)
        django_otp.login(request, device)
        request.session.cycle_key()
        key = str(request.session.session_key)
        services.renew_second_factor(session_of(request), session_key=key)
    else:
        answer = complete(
            request, user, how="password, enrolment", second_factor=True, target=target
        )
        if not request.user.is_authenticated:
            return answer
    page = {"title": "Recovery codes", "codes": codes, "next": target}
    return show(request, "recovery_codes.html", page)


def _secret_of(device: Any) -> dict[str, str]:
    """The secret as a picture and as text, in groups that can be typed."""
    picture = segno.make(device.config_url, error="m", micro=False)
    # Attributes only: the content security policy refuses styles within the drawing too.
    # Without a size of its own it fills the box it is given, all of it.
    svg = picture.svg_inline(
        scale=5, border=4, light="#fff", omitsize=True, title="QR code of the secret"
    )
    text = device.config_url.split("secret=", 1)[1].split("&", 1)[0].rstrip("=")
    groups = " ".join(text[start : start + 4] for start in range(0, len(text), 4))
    return {"qr": svg, "secret": groups}


@require_http_methods(["GET", "POST"])
def logout(request: HttpRequest) -> HttpResponse:
    if request.method == "GET":
        return show(request, "logout.html", {"title": "Sign out"})
    if request.user.is_authenticated:
        services.end_session(session_of(request), actor=actor_of(request))
    auth.logout(request)
    return HttpResponseRedirect(resolve_url(settings.LOGOUT_REDIRECT_URL))
