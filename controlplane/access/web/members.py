"""The people of a workspace: their roles, locks and sessions, and the buttons for them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Prefetch, Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.access import attempts, policy, services
from controlplane.access.forms import GrantForm, InviteForm, role_choices
from controlplane.access.models import AccountLock, Grant, Membership, Workspace
from controlplane.access.querysets import MembershipQuerySet
from controlplane.access.web import listing
from controlplane.access.web.common import (
    act,
    allowed,
    chosen_workspace,
    fresh_factor,
    in_workspace,
    posted,
    refuse,
    show,
)
from controlplane.access.web.passwords import send_link
from controlplane.audit.models import AuditEvent
from controlplane.base.web import actor_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound

TRAIL = 30


STATES: tuple[tuple[str, str], ...] = (
    ("active", "Active"),
    ("locked", "Locked"),
    ("closed", "Closed"),
    ("no-factor", "Without second factor"),
    ("no-role", "Without a role"),
)


def _members(workspace: Workspace) -> MembershipQuerySet:
    held = Grant.objects.held().order_by("role")
    locks = AccountLock.objects.in_force()
    return (
        Membership.objects.current()
        .filter(workspace=workspace)
        .with_presence()
        .select_related("user", "workspace")
        .prefetch_related(
            Prefetch("grants", queryset=held, to_attr="held_grants"),
            Prefetch("user__locks", queryset=locks, to_attr="standing_locks"),
        )
        .order_by("user__email")
    )


def _in_state(rows: MembershipQuerySet, state: str) -> MembershipQuerySet:
    if state == "no-role":
        return rows.holding("")
    wanted: dict[str, dict[str, Any]] = {
        "active": {"user__is_active": True, "is_locked": False},
        "locked": {"user__is_active": True, "is_locked": True},
        "closed": {"user__is_active": False},
        "no-factor": {"user__is_active": True, "has_factor": False},
    }
    return rows.filter(**wanted.get(state, {}))


def _line(membership: Any) -> dict[str, Any]:
    lock = next(iter(membership.user.standing_locks), None)
    person = membership.user
    return {
        "membership": membership,
        "person": person,
        "roles": [(grant, policy.ROLES[grant.role][0]) for grant in membership.held_grants],
        "lock": lock,
        "state": "closed" if not person.is_active else "locked" if lock else "active",
        "url": reverse("access:member", kwargs={"uid": person.uid}),
    }


@in_workspace
@require_http_methods(["GET", "POST"])
def members(request: HttpRequest) -> HttpResponse:
    workspace = chosen_workspace(request, "member.view")
    actor = actor_of(request)
    form = InviteForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _invite(request, workspace, form, actor):
        return HttpResponseRedirect(reverse("access:members"))
    context = {
        "title": "Members",
        "workspace_name": workspace.name,
        "form": form,
        "invite": allowed(actor, "member.grant", workspace),
        **_listed(request, workspace),
    }
    return show(request, "members.html", context)


def _listed(request: HttpRequest, workspace: Workspace) -> dict[str, Any]:
    roles = listing.menu(request, "role", "Role", role_choices())
    states = listing.menu(request, "state", "State", STATES)
    words = listing.words(request)
    rows = _in_state(_members(workspace), states["value"])
    if roles["value"]:
        rows = rows.holding(roles["value"])
    if words:
        rows = rows.matching(words)
    page = listing.paged(request, rows)
    return {
        "filters": [roles, states],
        "q": words,
        "without_q": listing.query(request, q=None),
        "narrowed": bool(words or roles["value"] or states["value"]),
        "page": page,
        "lines": [_line(membership) for membership in page["rows"]],
    }


def _invite(request: HttpRequest, workspace: Workspace, form: InviteForm, actor: Actor) -> bool:
    email = form.cleaned_data["email"]
    try:
        membership, is_new = services.invite(
            workspace,
            actor=actor,
            email=email,
            name=form.cleaned_data["name"],
            roles=[form.cleaned_data["role"]],
        )
    except NotAllowed:
        raise
    except ControlPlaneError as error:
        refuse(form, error)
        return False
    if is_new:
        send_link(membership.user.email, invited_to=workspace.name)
    return act(request, f"{email} is a member now.{_letter() if is_new else ''}", lambda: None)


def _letter() -> str:
    """Where the link to set a password is to be found. Without a mail server it is written to the
    log, which nobody would look into who was told that a letter is on its way."""
    if "console" in settings.EMAIL_BACKEND:
        return " No mail server is set (EMAIL_URL): their link stands in the worker's log."
    return " A letter with a link to set a password is on its way."


def _membership(workspace: Workspace, uid: uuid.UUID) -> Any:
    found = _members(workspace).filter(user__uid=uid).first()
    if found is None:
        raise NotFound("Not a member of this workspace.")
    return found


@in_workspace
@require_http_methods(["GET"])
def member(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    workspace = chosen_workspace(request, "member.view")
    actor = actor_of(request)
    membership = _membership(workspace, uid)
    line = _line(membership)
    user = membership.user
    waiting = attempts.waiting(attempts.PASSWORD_BY_ACCOUNT, user.email) or attempts.waiting(
        attempts.CODE_BY_ACCOUNT, str(user.uid)
    )
    context = {
        "title": user.name,
        "subtitle": user.email,
        **line,
        "lock_is_ours": line["lock"] and line["lock"].workspace_id in {None, workspace.pk},
        "grant_form": GrantForm(),
        "device": membership.has_factor,
        "is_me": user.pk == actor.user_id,
        "waiting_minutes": -(-int(waiting) // 60),
        "may": {
            verb: allowed(actor, f"member.{verb}", membership)
            for verb in ("grant", "revoke", "manage", "lock", "end_session", "reset_factor")
        },
        "may_unlock": allowed(actor, "member.unlock", line["lock"] or membership),
        "may_audit": allowed(actor, "audit.view", workspace),
        **_trail(membership, actor),
    }
    return show(request, "member.html", context)


def _trail(membership: Membership, actor: Actor) -> dict[str, Any]:
    """What happened to this person here: the account, the membership, its roles. Rows that carry
    no workspace are the account's own; the log's scope says who reads those."""
    user = membership.user
    locks = AccountLock.objects.filter(user=user).order_by("-pk")[:TRAIL]
    subjects = [user, membership, *membership.grants.order_by("-pk")[:TRAIL], *locks]
    events = (
        AuditEvent.objects.visible_to(actor)
        .about_any(subjects)
        .filter(Q(workspace_id=membership.workspace_id) | Q(workspace_id=None))
        .order_by("-pk")[:TRAIL]
    )
    found = list(events)
    return {"events": found, "told_of": [user, membership]}


@in_workspace
@require_POST
def grant(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    membership = _membership(chosen_workspace(request, "member.view"), uid)
    form = GrantForm(request.POST)
    if form.is_valid():
        label = policy.ROLES[form.cleaned_data["role"]][0]
        act(
            request,
            f"{label} is granted.",
            lambda: services.grant_role(
                membership,
                form.cleaned_data["role"],
                actor=actor_of(request),
                reason=form.cleaned_data["reason"],
                expires_at=_end_of(form.cleaned_data["expires_at"]),
            ),
        )
    else:
        act(request, "", lambda: _complain(form))
    return _back(uid)


@in_workspace
@require_POST
def revoke(request: HttpRequest, uid: uuid.UUID, grant_uid: uuid.UUID) -> HttpResponse:
    membership = _membership(chosen_workspace(request, "member.view"), uid)
    held = Grant.objects.filter(membership=membership, uid=grant_uid).first()
    if held is None:
        raise NotFound("No such role.")
    reason = posted(request, "reason")
    act(
        request,
        f"{policy.ROLES[held.role][0]} is revoked.",
        lambda: services.revoke_role(held, actor=actor_of(request), reason=reason),
    )
    return _back(uid)


Verb = Callable[[Membership, Actor, str], Any]


def _unlock(membership: Membership, actor: Actor, reason: str) -> Any:
    lock = services.lock_of(membership.user)
    return lock and services.unlock_account(lock, actor=actor, reason=reason)


def _person(service: Callable[..., Any]) -> Verb:
    return lambda membership, actor, reason: service(membership.user, actor=actor, reason=reason)


VERBS: dict[str, tuple[str, Verb]] = {
    "lock": ("The account is locked.", _person(services.lock_account)),
    "unlock": ("The account is unlocked.", _unlock),
    "end-sessions": ("All sessions have ended.", _person(services.end_all_sessions)),
    "forgive": (
        "They can try again now.",
        lambda membership, actor, _: services.forgive_failures(membership.user, actor=actor),
    ),
    "remove": (
        "Removed from the workspace.",
        lambda membership, actor, reason: services.remove_member(
            membership, actor=actor, reason=reason
        ),
    ),
}


@in_workspace
@require_POST
def do(request: HttpRequest, uid: uuid.UUID, verb: str) -> HttpResponse:
    membership = _membership(chosen_workspace(request, "member.view"), uid)
    if verb not in VERBS:
        raise NotFound("No such button.")
    done, service = VERBS[verb]
    reason = posted(request, "reason")
    ok = act(request, done, lambda: service(membership, actor_of(request), reason))
    return (
        HttpResponseRedirect(reverse("access:members")) if ok and verb == "remove" else _back(uid)
    )


@in_workspace
@require_POST
@fresh_factor("access:member", "uid")
def reset_factor(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    membership = _membership(chosen_workspace(request, "member.view"), uid)
    reason = posted(request, "reason")
    act(
        request,
        "Their second factor is reset; they set up a new one at the next sign-in.",
        lambda: services.reset_second_factor(
            membership.user, actor=actor_of(request), reason=reason
        ),
    )
    return _back(uid)


def _back(uid: uuid.UUID) -> HttpResponseRedirect:
    return HttpResponseRedirect(reverse("access:member", kwargs={"uid": uid}))


def _end_of(day: Any) -> datetime | None:
    """A role "until Friday" is held through Friday."""
    if day is None:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)


def _complain(form: GrantForm) -> None:
    first = next(iter(form.errors.values()))
    raise ControlPlaneError(str(first[0]), code="INVALID_ARGUMENT")
