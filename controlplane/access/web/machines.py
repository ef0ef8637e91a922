"""Agents, service accounts and their keys; and everybody's own keys.

A new key is shown by the answer to the form that made it. There is no address under which it
could be seen again: reloading that page would have to send the form again.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from controlplane.access import policy
from controlplane.access.forms_machines import AgentForm, ChangeAgentForm, KeyForm, agent_roles
from controlplane.access.models import Agent, ApiKey, User, Workspace
from controlplane.access.services import agents as agent_services
from controlplane.access.services import keys as key_services
from controlplane.access.web import listing
from controlplane.access.web.common import (
    act,
    allowed,
    chosen_workspace,
    fresh_factor,
    in_workspace,
    refuse,
    show,
)
from controlplane.audit.models import AuditEvent
from controlplane.base.web import actor_of
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound

TRAIL = 30

VERBS: dict[str, tuple[Callable[..., Agent], str]] = {
    "deactivate": (agent_services.deactivate_agent, "Deactivated. No key or token of it works."),
    "reactivate": (agent_services.reactivate_agent, "Active again."),
    "end-tokens": (agent_services.end_tokens, "Its tokens have ended. Its keys work on."),
}


@in_workspace
@require_http_methods(["GET", "POST"])
def agents(request: HttpRequest) -> HttpResponse:
    workspace = chosen_workspace(request, "agent.view")
    actor = actor_of(request)
    form = AgentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = _made(form, lambda: _create(workspace, actor, form.cleaned_data))
        if made is not None:
            return HttpResponseRedirect(reverse("access:agent", args=[made.uid]))
    context = {
        "title": "Agents",
        "workspace_name": workspace.name,
        "form": form,
        "may": allowed(actor, "agent.manage", workspace),
        **_listed(request, workspace, actor),
    }
    return show(request, "agents.html", context)


STATES = (("active", "Active"), ("inactive", "Deactivated"), ("keyless", "Without a key"))


def _listed(request: HttpRequest, workspace: Workspace, actor: Actor) -> dict[str, Any]:
    kinds = [("service", "Service account"), *agent_roles()]
    roles = listing.menu(request, "role", "Role", kinds)
    states = listing.menu(request, "state", "State", STATES)
    words = listing.words(request)
    rows = Agent.objects.visible_to(actor).filter(workspace=workspace).with_keys()
    if roles["value"]:
        rows = rows.filter(role="" if roles["value"] == "service" else roles["value"])
    if states["value"] == "keyless":
        rows = rows.keyless()
    elif states["value"]:
        rows = rows.filter(is_active=states["value"] == "active")
    if words:
        rows = rows.matching(words)
    page = listing.paged(request, rows.select_related("owner").order_by("name", "pk"))
    return {
        "filters": [roles, states],
        "q": words,
        "without_q": listing.query(request, q=None),
        "narrowed": bool(words or roles["value"] or states["value"]),
        "page": page,
        "lines": [(row, _role_label(row)) for row in page["rows"]],
        "may_see_keys": allowed(actor, "key.view", workspace),
    }


def _role_label(row: Agent) -> str:
    return policy.ROLES[row.role][0] if row.role in policy.ROLES else "Service account"


def _create(workspace: Workspace, actor: Actor, data: dict[str, Any]) -> Agent:
    return agent_services.create_agent(workspace, actor=actor, **data)


@in_workspace
@require_http_methods(["GET", "POST"])
def agent(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    workspace = chosen_workspace(request, "agent.view")
    actor = actor_of(request)
    row = _agent(workspace, actor, uid)
    form = ChangeAgentForm(request.POST or None, agent=row)
    if request.method == "POST" and form.is_valid():
        changed = _made(
            form, lambda: agent_services.change_agent(row, actor=actor, **form.changes())
        )
        if changed is not None:
            return HttpResponseRedirect(reverse("access:agent", args=[uid]))
    return _agent_page(request, row, actor, form=form)


def _agent_page(
    request: HttpRequest,
    row: Agent,
    actor: Actor,
    *,
    form: ChangeAgentForm | None = None,
    key_form: KeyForm | None = None,
) -> HttpResponse:
    may_see = allowed(actor, "key.view", row)
    may = {"manage": allowed(actor, "agent.manage", row), "keys": allowed(actor, "key.manage", row)}
    context = {
        "title": row.name,
        "agent": row,
        "form": form or ChangeAgentForm(agent=row),
        "key_form": key_form or KeyForm(),
        "may": may,
        "may_see_keys": may_see,
        "keys": key_lines(row.keys.all()) if may_see["allowed"] else [],
        "may_keys": may["keys"],
        "role_label": _role_label(row),
        "editing": form is not None and form.is_bound,
        "making": key_form is not None,
        "may_audit": allowed(actor, "audit.view", row),
        **_trail(row, actor),
    }
    return show(request, "agent.html", context)


def _trail(row: Agent, actor: Actor) -> dict[str, Any]:
    """What was done to the agent and its keys; what it did itself is in the audit log."""
    subjects = [row, *row.keys.order_by("-pk")[:TRAIL]]
    rows = AuditEvent.objects.visible_to(actor).about_any(subjects).order_by("-pk")
    return {"events": list(rows[:TRAIL])}


@in_workspace
@require_POST
def agent_do(request: HttpRequest, uid: uuid.UUID, verb: str) -> HttpResponse:
    workspace = chosen_workspace(request, "agent.view")
    actor = actor_of(request)
    row = _agent(workspace, actor, uid)
    if verb not in VERBS:
        raise NotFound("There is no such button.")
    service, done = VERBS[verb]
    reason = request.POST.get("reason", "")[:300]
    act(request, done, lambda: service(row, actor=actor, reason=reason))
    return HttpResponseRedirect(reverse("access:agent", args=[uid]))


@in_workspace
@require_POST
@fresh_factor("access:agent", "uid")
def issue(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """A key of an agent, shown by this answer."""
    workspace = chosen_workspace(request, "agent.view")
    actor = actor_of(request)
    row = _agent(workspace, actor, uid)
    form = KeyForm(request.POST)
    if form.is_valid():
        issued = _made(form, lambda: key_services.issue_key(row, actor=actor, **form.wanted()))
        if issued is not None:
            return shown_once(request, issued, reverse("access:agent", args=[uid]))
    return _agent_page(request, row, actor, key_form=form)


@in_workspace
@require_http_methods(["GET", "POST"])
@fresh_factor("access:own_keys")
def own_keys(request: HttpRequest) -> HttpResponse:
    """My own keys in this workspace, and a form for another."""
    workspace = chosen_workspace(request, "key.own")
    actor = actor_of(request)
    form = KeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        person = User.objects.get(pk=actor.user_id)
        issued = _made(
            form,
            lambda: key_services.issue_key(
                person, actor=actor, workspace=workspace, **form.wanted()
            ),
        )
        if issued is not None:
            return shown_once(request, issued, reverse("access:own_keys"))
    context = {
        "title": "My keys",
        "workspace_name": workspace.name,
        "making": form.is_bound,
        "keys": key_lines(_keys(workspace, actor).filter(user_id=actor.user_id or 0)),
        "key_form": form,
        "may_keys": allowed(actor, "key.own", workspace),
    }
    return show(request, "own_keys.html", context)


@in_workspace
@require_POST
def key_revoke(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Without a fresh code: whoever sees a leak must not look for the phone first."""
    key = _key(request, uid)
    reason = request.POST.get("reason", "")[:300]
    act(
        request,
        f"{key.name} is revoked.",
        lambda: key_services.revoke_key(key, actor=actor_of(request), reason=reason),
    )
    return HttpResponseRedirect(_home_of(key))


@in_workspace
@require_http_methods(["GET", "POST"])
@fresh_factor("access:key_rotate", "uid")
def key_rotate(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """The question first, then the new key."""
    key = _key(request, uid)
    if request.method == "POST":
        issued: list[key_services.IssuedKey] = []
        hours = _hours(request.POST.get("hours", ""))

        def rotate() -> None:
            made = key_services.rotate_key(key, actor=actor_of(request), overlap_hours=hours)
            issued.append(made)

        if not act(request, f"The old key works on for {hours} hours.", rotate):
            return HttpResponseRedirect(request.get_full_path())
        return shown_once(request, issued[0], _home_of(key))
    context = {
        "title": f"Rotate {key.name}",
        "key": key,
        "back": _home_of(key),
        "hours": key_services.OVERLAP_HOURS.value,
    }
    return show(request, "key_rotate.html", context)


def _hours(given: str) -> int:
    """How long the old key works on: as asked, else as it is by default. What is no number is one
    that the service refuses."""
    if not given.strip():
        return int(key_services.OVERLAP_HOURS.value)
    return int(given) if given.isascii() and given.isdigit() and len(given) < 6 else -1


def shown_once(request: HttpRequest, issued: key_services.IssuedKey, back: str) -> HttpResponse:
    context = {
        "title": "Your new key",
        "base_url": settings.PUBLIC_URL.rstrip("/"),
        "old": issued.key.rotated_from,
        "key": issued.key,
        "secret": str(issued.secret),
        "back": back,
    }
    return show(request, "key_shown.html", context)


def key_lines(keys: Any) -> list[dict[str, Any]]:
    """Keys with their state in a word, living ones first."""
    now = clock.now()
    lines = [{"key": key, "state": _state(key, now)} for key in keys]
    for line in lines:
        line["alive"] = line["state"] in {"active", "waiting"}
    return sorted(lines, key=lambda line: not line["alive"])


def _state(key: ApiKey, now: Any) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at <= now:
        return "expired"
    return "waiting" if key.not_before > now else "active"


def _made(form: Any, call: Callable[[], Any]) -> Any:
    """What the service made; None when it refused, with its sentences in the form."""
    try:
        return call()
    except NotAllowed:
        raise
    except ControlPlaneError as error:
        refuse(form, error)
        return None


def _agent(workspace: Workspace, actor: Actor, uid: uuid.UUID) -> Agent:
    rows = Agent.objects.visible_to(actor).filter(workspace=workspace, uid=uid)
    found = rows.select_related("owner", "workspace").first()
    if found is None:
        raise NotFound("No such agent.")
    return found


def _keys(workspace: Workspace, actor: Actor) -> Any:
    rows = ApiKey.objects.visible_to(actor).filter(workspace=workspace)
    return rows.select_related("agent", "user", "workspace")


def _key(request: HttpRequest, uid: uuid.UUID) -> ApiKey:
    """One's own, or any of the workspace for whoever may see keys."""
    actor = actor_of(request)
    workspace = chosen_workspace(request, "agent.view")
    key: ApiKey | None = _keys(workspace, actor).filter(uid=uid).first()
    if key is None or not (
        key.user_id == actor.user_id or allowed(actor, "key.view", key)["allowed"]
    ):
        raise NotFound("No such key.")
    return key


def _home_of(key: ApiKey) -> str:
    if key.agent is not None:
        return reverse("access:agent", args=[key.agent.uid])
    return reverse("access:own_keys")
