"""Changing a password, and setting one by mail without telling who has an account."""

from __future__ import annotations

import hashlib
import uuid

from django.contrib import auth, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from controlplane.access import attempts, services
from controlplane.access.forms import AskResetForm, ChangePasswordForm, NewPasswordForm
from controlplane.access.middleware import EPOCH_KEY
from controlplane.access.models import User
from controlplane.access.reset_links import TOPIC, tokens
from controlplane.access.services.sign_in import check_password
from controlplane.access.web.common import refuse, session_of, show, signed_in, too_many
from controlplane.base.web import actor_of
from controlplane.lib import clock, context
from controlplane.lib.errors import ControlPlaneError, RateLimited
from controlplane.notify import outbox

LINK = "access_reset_link"


@sensitive_post_parameters()
@signed_in
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest) -> HttpResponse:
    form = ChangePasswordForm(request.POST or None)
    page = {"title": "Change the password", "form": form}
    if request.method == "GET" or not form.is_valid():
        return show(request, "password_change.html", page)
    session = session_of(request)
    user = session.user
    try:
        if check_password(request, user.email, form.cleaned_data["current"]) is None:
            form.add_error("current", "This is not your current password.")
            return show(request, "password_change.html", page)
        user = services.set_password(
            user, form.cleaned_data["password"], actor=actor_of(request), keep=session
        )
    except RateLimited as error:
        form.add_error(None, error.message)
        return too_many(show(request, "password_change.html", page), error)
    except ControlPlaneError as error:
        refuse(form, error)
        return show(request, "password_change.html", page)
    auth.update_session_auth_hash(request, user)  # gives the browser a new key
    request.session[EPOCH_KEY] = user.session_epoch
    services.rekey_session(session, session_key=str(request.session.session_key))
    messages.success(request, "Your password is changed. Your other sessions have ended.")
    return HttpResponseRedirect(reverse("access:account"))


@require_http_methods(["GET", "POST"])
def ask_reset(request: HttpRequest) -> HttpResponse:
    """Ask for the link. Known or not, the same row is written and the same page shown: whether
    there is an account is found out later, by the process that sends."""
    form = AskResetForm(request.POST or None)
    page = {"title": "Set a new password", "form": form}
    if request.method == "GET" or not form.is_valid():
        return show(request, "password_reset.html", page)
    address = context.current().address
    try:
        if address:
            attempts.take(attempts.RESET_BY_ADDRESS, address)
        attempts.take(attempts.RESET_BY_ACCOUNT, form.cleaned_data["email"])
    except RateLimited as error:
        form.add_error(None, error.message)
        return too_many(show(request, "password_reset.html", page), error)
    send_link(form.cleaned_data["email"])
    return HttpResponseRedirect(reverse("access:password_reset_sent"))


def send_link(email: str, *, invited_to: str = "") -> None:
    """Queue the mail. It carries no token: the sender makes it, so no table holds a way in."""
    moment = f"{email.lower()} {clock.now().isoformat()}"
    key = f"{TOPIC}:{hashlib.sha256(moment.encode()).hexdigest()[:32]}"
    with transaction.atomic():
        outbox.enqueue(TOPIC, {"email": email, "invited_to": invited_to}, key=key)


def reset_sent(request: HttpRequest) -> HttpResponse:
    return show(request, "password_reset_sent.html", {"title": "Look into your mailbox"})


def open_link(request: HttpRequest, uid: uuid.UUID, token: str) -> HttpResponse:
    """Take the token out of the address, where a referrer or the history would keep it."""
    request.session[LINK] = {"user": str(uid), "token": token}
    return HttpResponseRedirect(reverse("access:password_reset_set"))


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def set_by_link(request: HttpRequest) -> HttpResponse:
    link = request.session.get(LINK, {})
    user = User.objects.filter(uid=link.get("user"), is_active=True).first()
    if user is None or not tokens.check_token(user, link.get("token", "")):
        return show(request, "password_reset_void.html", {"title": "This link is not valid"})
    form = NewPasswordForm(request.POST or None)
    page = {"title": "Set a new password", "form": form, "email": user.email}
    if request.method == "GET" or not form.is_valid():
        return show(request, "password_set.html", page)
    try:
        services.reset_password(user, link["token"], form.cleaned_data["password"])
    except ControlPlaneError as error:
        refuse(form, error)
        return show(request, "password_set.html", page)
    del request.session[LINK]
    messages.success(request, "Your password is set. Sign in with it.")
    return HttpResponseRedirect(reverse("access:login"))
