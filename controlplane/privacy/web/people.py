"""My privacy: what I am told, what I agreed to, what is held about me, and that it goes."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import admin
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from controlplane.access.models import Membership, User
from controlplane.access.web.common import act, fresh_factor, posted, session_of, signed_in
from controlplane.base.web import actor_of, workspace_of
from controlplane.lib import clock
from controlplane.lib.errors import Invalid, NotFound
from controlplane.privacy import numbers, services
from controlplane.privacy.models import Consent, DeletionRequest, PrivacyPolicy
from controlplane.privacy.services.holding import person_is_held


@never_cache
@signed_in
@require_GET
def mine(request: HttpRequest) -> HttpResponse:
    user = session_of(request).user
    said = {row.policy_id: row for row in Consent.objects.filter(user=user, replaced_at=None)}
    asked = DeletionRequest.objects.open().filter(person=user).first()
    policies = PrivacyPolicy.objects.in_force().of_member(user.pk).select_related("workspace")
    context = {
        **admin.site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "title": "Privacy",
        "policies": [(row, said.get(row.pk)) for row in policies.order_by("workspace__name")],
        "former": _former(user, said),
        "request_open": asked,
        "by_law": asked is not None and person_is_held(user.pk),
        "member": _home(request, user) is not None,
        "grace": numbers.GRACE_DAYS.value,
        "days": numbers.DUE_DAYS.value,
    }
    return render(request, "privacy/mine.html", context)


def _former(user: User, said: dict[int, Consent]) -> list[Consent]:
    """What I said before: to versions that are replaced, where I was, and otherwise than now."""
    now = PrivacyPolicy.objects.in_force().of_member(user.pk).filter(pk__in=said)
    shown = set(now.values_list("pk", flat=True))
    old = Consent.objects.filter(user=user).exclude(policy__in=shown, replaced_at=None)
    return list(old.select_related("policy__workspace").order_by("-said_at")[:20])


def _home(request: HttpRequest, user: User) -> Membership | None:
    """Whose privacy officer is asked: of the workspace that is chosen, else of the first."""
    mine = Membership.objects.current().filter(user=user).order_by("pk")
    chosen = workspace_of(request)
    here = mine.filter(workspace=chosen).first() if chosen else None
    return here or mine.first() or Membership.objects.filter(user=user).order_by("-pk").first()


@signed_in
@require_POST
def answer(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    actor = actor_of(request)
    row = PrivacyPolicy.objects.filter(uid=uid, workspace__in=actor.workspace_ids).first()
    if row is None:
        raise NotFound("There is no such policy.")
    agree = posted(request, "answer") == "agree"
    door = Consent.Door.CONSOLE
    done = "You agree to it." if agree else "You do not agree to it."
    act(request, done, lambda: services.answer_policy(row, agree, actor=actor, door=door))
    return HttpResponseRedirect(reverse("privacy:mine"))


@signed_in
@require_POST
def take_back(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Also of a version that is replaced, and where one has left."""
    user = session_of(request).user
    row = Consent.objects.filter(uid=uid, user=user, replaced_at=None, answer="given").first()
    if row is None:
        raise NotFound("There is nothing to take back.")
    actor = actor_of(request)
    act(request, "It is taken back.", lambda: services.withdraw_consent(row, actor=actor))
    return HttpResponseRedirect(reverse("privacy:mine"))


@never_cache
@signed_in
@fresh_factor("privacy:mine")
@require_POST
def export(request: HttpRequest) -> Any:
    """A POST, since it is written into the log, and asks for a fresh second factor."""
    user = session_of(request).user
    archive = services.export(user, actor=actor_of(request))
    return FileResponse(archive, as_attachment=True, filename=archive_name())


def archive_name() -> str:
    return f"personal-data-{clock.now():%Y-%m-%d}.zip"


@signed_in
@fresh_factor("privacy:mine")
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    user, home = session_of(request).user, None
    home = _home(request, user)
    if home is None:
        raise Invalid("You are in no workspace: ask whoever runs this portal.")
    where, why, actor = home.workspace, posted(request, "reason"), actor_of(request)
    done = "Your erasure is asked for. You can withdraw it here."
    act(request, done, lambda: services.ask_erasure(where, user, actor=actor, reason=why))
    return HttpResponseRedirect(reverse("privacy:mine"))


@signed_in
@require_POST
def withdraw(request: HttpRequest) -> HttpResponse:
    user = session_of(request).user
    row = DeletionRequest.objects.open().filter(person=user).first()
    if row is None:
        raise NotFound("No erasure is asked for.")
    act(request, "It is withdrawn.", lambda: services.withdraw(row, actor=actor_of(request)))
    return HttpResponseRedirect(reverse("privacy:mine"))
