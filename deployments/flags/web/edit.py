"""The rule editor: every press of a button is a round trip, and none of them loses what was typed.

The form shows what stood when it was opened, signed. Who saves after somebody else is shown what
they changed, keeps what was typed, and saves again knowingly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.base.posting import posted
from controlplane.base.web import actor_of
from controlplane.lib.errors import Conflict, ControlPlaneError, Invalid, NotAllowed, NotFound
from deployments.flags import editing, services
from deployments.flags.editing import drawn
from deployments.flags.models import Flag, FlagState, Segment
from deployments.flags.services import gates
from deployments.flags.shown import links, words
from deployments.flags.web.common import editable, page, read_seen, seen_token, show, state_of

MOST_NAMES = 500
ASIDE = ("reason", "item", "at")


@dataclass(slots=True)
class Look:
    """One look at the form: what is in it, and what there is to say about it."""

    draft: editing.Draft
    seen: str
    standing: Mapping[str, Any]  # what the person saw when it was opened
    given: dict[str, str] = field(default_factory=dict)
    message: str = ""
    wrong: drawn.Wrong = field(default_factory=dict)
    conflict: dict[str, Any] | None = None


@require_http_methods(["GET", "HEAD", "POST"])
@page
def edit(request: HttpRequest, uid: UUID, slug: str) -> HttpResponse:
    state = state_of(request, uid, slug)
    policy.require(actor_of(request), "flag.change", state.flag)
    editable(state.flag)
    if request.method != "POST":
        return _drawn(request, state, _opened(request, state))
    version, saw = read_seen(state, request.POST.get("seen", ""))
    look = Look(
        draft=editing.from_post(request.POST),
        seen=request.POST.get("seen", ""),
        standing=saw,
        given={name: posted(request, name, 300) for name in ASIDE},
    )
    press = request.POST.get("do", "look")[:60]
    if press not in {"save", "override"}:
        if press != "look" and not editing.step(look.draft, press):
            look.message = "That part of the form is not there any more."
        return _drawn(request, state, look)
    try:
        done = _saved(request, state, look, version, override=press == "override")
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        return _refused(request, state, look, error)
    messages.success(request, done)
    return HttpResponseRedirect(links.row(state.flag))


def _opened(request: HttpRequest, state: FlagState) -> Look:
    """As it stands; with `?like=` as it stands in another environment."""
    like = request.GET.get("like", "")[:50]
    shown = state.settings
    if like:
        rows = FlagState.objects.filter(flag=state.flag, environment__slug=like)
        shown = next((row.settings for row in rows), shown)
    return Look(editing.from_settings(shown), seen_token(state), state.settings)


# --- Saving -----------------------------------------------------------------------------------


def _saved(
    request: HttpRequest, state: FlagState, look: Look, version: int, *, override: bool
) -> str:
    """At once, at a time, or by consent; the sentence that says which."""
    settings = editing.to_settings(look.draft)
    given: dict[str, Any] = {
        "actor": actor_of(request),
        "version": version,
        "reason": look.given["reason"],
        "item": look.given["item"],
    }
    at, where = _moment(look.given["at"]), state.environment.name
    if gates.asks_consent(state, settings):
        earlier = services.revisable(state)
        asked = services.propose(state, settings, apply_at=at, instead_of=earlier, **given)
        return f"Asked for: it waits for consent in {where}. {_ref(asked)}".strip()
    if at is not None:
        services.schedule(state, settings, at=at, **given)
        return f"Planned in {where} for {at:%Y-%m-%d %H:%M} UTC."
    kept = services.change_settings(state, settings, override=override, **given)
    if kept.version == version:
        return f"Nothing is different in {where}."
    return f"Saved in {where}. Every process has it within a second."


def _ref(asked: Any) -> str:
    approval = getattr(asked, "approval", None)
    return str(getattr(approval, "ref", "") or "")


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        at = parse_datetime(text)
    except ValueError:
        at = None
    if at is None:
        raise Invalid("That is no time.", details={"at": "Write it as 2026-12-01T09:00."})
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _refused(
    request: HttpRequest, state: FlagState, look: Look, error: ControlPlaneError
) -> HttpResponse:
    """The same form with the refusal in it; a form that came late with what came before it."""
    now = state_of(request, state.flag.uid, state.environment.slug)
    version, saw = read_seen(now, look.seen)
    if isinstance(error, Conflict) and now.version != version:
        look.conflict = {
            "sentence": _who_was_first(now),
            "seen": saw,
            "theirs": now.settings,
        }
        look.seen, look.standing = seen_token(now), now.settings  # saving again is saving knowingly
    else:
        look.message = error.message
        look.wrong = drawn.wrong_of(error.details)
        if look.wrong:
            look.message = "Not saved. See below what needs another look."
    return _drawn(request, now, look, status=error.status)


def _who_was_first(state: FlagState) -> str:
    kind, _, key = state.changed_by.partition(":")
    name = ""
    if kind == "user" and key.isdigit():
        name = User.objects.filter(pk=int(key)).values_list("name", flat=True).first() or ""
    return f"{name or 'Somebody'} changed this while you had it open."


# --- Drawing ----------------------------------------------------------------------------------


def _drawn(
    request: HttpRequest, state: FlagState, look: Look, *, status: int = 200
) -> HttpResponse:
    flag, environment = state.flag, state.environment
    segments = list(Segment.objects.filter(workspace=flag.workspace_id).order_by("name")[:200])
    names = {each.slug: each.name for each in segments}
    shown, errors = drawn.form(look.draft, look.wrong, segments)
    wanted = editing.to_settings(look.draft)
    frozen = gates.frozen(flag, environment.pk)
    context: dict[str, Any] = {
        "title": f"Rules in {environment.name}",
        "flag": flag,
        "environment": environment,
        "now": words.sentence(state.settings, names),
        "killed": not flag.enabled,
        "form": shown,
        "errors": errors,
        "elsewhere": [text for text in errors["rest"].split("\n") if text],
        "wrong": look.message,
        "given": look.given,
        "seen": look.seen,
        "conflict": look.conflict,
        "standing": look.standing,
        "wanted": wanted,
        "says": words.sentence(wanted, names),
        "asks": gates.needs_consent(environment.pk),
        "frozen": frozen,
        "may_override": bool(frozen) and policy.can(actor_of(request), "flag.override", flag),
        "others": _others(state),
        "operators": drawn.OPERATORS,
        "payload_kinds": drawn.PAYLOADS,
        "fields": drawn.fields_of(look.draft),
        "names": _names(flag),
    }
    return show(request, "edit.html", context, status=status)


def _others(state: FlagState) -> list[Any]:
    rows = FlagState.objects.filter(flag=state.flag).exclude(pk=state.pk)
    found = rows.select_related("environment").order_by("environment__order")
    return [row.environment for row in found[:10]]


def _names(flag: Flag) -> list[str]:
    rows = Flag.objects.filter(workspace=flag.workspace_id, archived_at=None).exclude(pk=flag.pk)
    return list(rows.order_by("flag_name").values_list("flag_name", flat=True)[:MOST_NAMES])
