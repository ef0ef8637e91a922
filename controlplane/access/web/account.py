"""My account: profile, password, second factor, sessions, keys, workspace."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.access import policy, services
from controlplane.access.devices import device_name
from controlplane.access.forms import ProfileForm
from controlplane.access.middleware import EPOCH_KEY, WORKSPACE_KEY
from controlplane.access.models import Grant, User, UserSession, Workspace
from controlplane.access.step_up import has_recent_factor
from controlplane.access.web.common import (
    act,
    posted,
    refuse,
    safe_next,
    session_of,
    show,
    signed_in,
    with_next,
)
from controlplane.base.web import actor_of
from controlplane.lib.errors import ControlPlaneError, NotFound


@signed_in
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    session = session_of(request)
    user = session.user
    shown = {"name": user.name, "time_zone": user.time_zone}
    form = ProfileForm(request.POST or None, initial=shown)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_user(user, actor=actor_of(request), **form.cleaned_data)
        except ControlPlaneError as error:
            refuse(form, error)
        else:
            messages.success(request, "Saved.")
            return HttpResponseRedirect(reverse("access:account"))
    grants = Grant.objects.held().filter(membership__user=user)
    context = {
        "title": "My account",
        "form": form,
        "person": user,
        "session": session,
        "sessions": _sessions(user),
        "device": services.enrolled_device(user),
        "recovery_codes_left": services.recovery_codes_left(user),
        "grants": [
            (grant, policy.ROLES[grant.role][0])
            for grant in grants.select_related("membership__workspace")
        ],
    }
    return show(request, "account.html", context)


def _sessions(user: User) -> list[UserSession]:
    rows = list(services.sessions_in_force(user))
    for row in rows:
        row.device = device_name(row.browser)  # type: ignore[attr-defined]
    return rows


@signed_in
@require_POST
def end_session(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    actor = actor_of(request)
    session = UserSession.objects.visible_to(actor).filter(uid=uid).first()
    if session is None:
        raise NotFound("No such session.")
    act(request, "That session has ended.", lambda: services.end_session(session, actor=actor))
    return HttpResponseRedirect(reverse("access:account"))


@signed_in
@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    session = session_of(request)
    user = session.user
    services.end_all_sessions(user, actor=actor_of(request), keep=session)
    request.session[EPOCH_KEY] = user.session_epoch
    messages.success(request, "Your other sessions have ended.")
    return HttpResponseRedirect(reverse("access:account"))


@signed_in
@require_POST
def new_recovery_codes(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    if not has_recent_factor(actor):
        messages.info(request, "Confirm with a code first, then press the button again.")
        return with_next("access:confirm", reverse("access:account"))
    user = session_of(request).user
    if services.enrolled_device(user) is None:
        return with_next("access:enrol", reverse("access:account"))
    codes = services.make_recovery_codes(user, actor=actor)
    page = {"title": "Recovery codes", "codes": codes, "next": reverse("access:account")}
    return show(request, "recovery_codes.html", page)


@signed_in
@require_POST
def switch_workspace(request: HttpRequest) -> HttpResponse:
    """Choose the workspace pages are about from now on, in this browser."""
    mine = Workspace.objects.open().filter(pk__in=actor_of(request).workspace_ids)
    workspace = mine.filter(slug=posted(request, "workspace")).first()
    if workspace is None:
        raise NotFound("No such workspace.")
    request.session[WORKSPACE_KEY] = workspace.slug
    return HttpResponseRedirect(safe_next(request))
