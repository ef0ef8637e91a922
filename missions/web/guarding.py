"""Pages of what guards a mission: toolkits, safeguards, findings. Decisions are made in place."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from controlplane.base.posting import posted, version_of
from controlplane.base.web import actor_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from controlplane.lib.given import refuse
from missions import guard_figures as figures
from missions import links, services
from missions.models import Mission
from missions.shown import guard_findings, guard_safeguards, guard_toolkits
from missions.shown.deciding import Tried
from missions.web.common import mission_of, page, show

# (request, mission, the row's key, actor) -> what is said of it.
Verb = Callable[[HttpRequest, Mission, str, Actor], str]
Shown = Callable[[Mission, Actor, Tried | None], dict[str, Any]]


def _page(
    request: HttpRequest,
    uid: uuid.UUID,
    template: str,
    title: str,
    shown: Shown,
    verbs: Mapping[str, Verb],
    address: Callable[[Mission], str],
) -> HttpResponse:
    row, actor = mission_of(request, uid), actor_of(request)
    if request.method != "POST":
        return show(request, template, {"title": title, **shown(row, actor, None)}, row=row)
    done = carry_out(request, row, verbs, actor)
    if done.tried is not None:
        fresh = mission_of(request, uid)
        context = {"title": title, **shown(fresh, actor, done.tried)}
        return show(request, template, context, row=fresh, error=done.error)
    messages.success(request, done.said)
    return HttpResponseRedirect(address(row) + done.place)


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a decision: what is said of it and where on the page, or why it is refused."""

    said: str = ""
    place: str = ""
    tried: Tried | None = None
    error: ControlPlaneError | None = None


def carry_out(request: HttpRequest, row: Mission, verbs: Mapping[str, Verb], actor: Actor) -> Done:
    """The decision that was posted, on whichever page it stood: the console's or the desk's."""
    do, at = posted(request, "do", 20), posted(request, "at", 60)
    verb = verbs.get(do)
    if verb is None:
        raise NotFound("There is no such decision.")
    try:
        said = verb(request, row, at, actor)
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        tried = Tried(do, at, error.message, next(iter(error.details), ""), _typed(request))
        return Done(tried=tried, error=error)
    return Done(said, f"#{quote(at)}" if at else "")


_MANY = frozenset({"scopes"})
_TICKS = frozenset({"mutating", "auto_fix"})


def _typed(request: HttpRequest) -> dict[str, Any]:
    """What stands in the form again."""
    found: dict[str, Any] = {
        name: posted(request, name, 16_000)
        for name in request.POST
        if name not in {"csrfmiddlewaretoken", "do", "at", "version"} | _MANY
    }
    return found | {name: request.POST.getlist(name)[:99] for name in _MANY & set(request.POST)}


def _one(rows: Any, at: str) -> Any:
    try:
        wanted = uuid.UUID(at)
    except ValueError:
        raise NotFound("It is not there.") from None
    found = rows.filter(uid=wanted).first()
    if found is None:
        raise NotFound("It is not there.")
    return found


# --- Exceptions, on whichever page they stand ---------------------------------------------------


def _override(request: HttpRequest, row: Mission) -> Any:
    rows = row.overrides.select_related("mission__workspace", "finding__safeguard")
    return _one(rows, posted(request, "override", 60))


def _grant(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    text = posted(request, "expires_at", 30)
    until = None
    if text:
        try:
            until = datetime.fromisoformat(text).replace(tzinfo=UTC)
        except ValueError:
            raise refuse("expires_at", "A day and a time.") from None
    services.decide_override(
        _override(request, row), "granted", actor=actor, reason=posted(request, "reason"),
        expires_at=until, version=version_of(request),
    )  # fmt: skip
    return "It is let pass."


def _deny(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    services.decide_override(
        _override(request, row), "denied", actor=actor, reason=posted(request, "reason"),
        version=version_of(request),
    )  # fmt: skip
    return "Denied."


def _take_back(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    override = _override(request, row)
    services.revoke_override(override, actor=actor, reason=posted(request, "reason"))
    return "It is let pass no longer."


EXCEPTIONS: dict[str, Verb] = {"grant": _grant, "deny": _deny, "take_back": _take_back}


# --- Toolkits -----------------------------------------------------------------------------------


def _kit(row: Mission, at: str) -> Any:
    return _one(row.toolkits.select_related("integration", "mission__workspace"), at)


def _approve(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    kit = services.approve_toolkit(
        _kit(row, at), actor=actor, scopes=request.POST.getlist("scopes")[:99],
        reason=posted(request, "reason"), version=version_of(request),
    )  # fmt: skip
    return f"{kit}: {len(kit.approved_scopes)} approved."


def _attest(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    kit = services.attest_toolkit(
        _kit(row, at), actor=actor, text=posted(request, "text"), version=version_of(request)
    )
    return f"You stand for {kit}."


def _drop(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    kit = services.drop_toolkit(
        _kit(row, at), actor=actor, reason=posted(request, "reason"), version=version_of(request)
    )
    return f"{kit} is dropped."


def _revoke(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    rows = _kit(row, at).connections.select_related("toolkit__mission__workspace")
    held = _one(rows, posted(request, "connection", 60))
    services.end_connection(held, "revoked", actor=actor, reason=posted(request, "reason"))
    return "The connection is revoked."


def _ask_gap(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    services.ask_override(
        row, actor=actor, kind="coverage", subject=at, reason=posted(request, "reason")
    )
    return "Asked. A governance validator decides."


def _ask_kit(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    lines = [each.strip() for each in posted(request, "requested_scopes", 16_000).splitlines()]
    scopes = [each for each in lines if each]
    kit = services.ask_toolkit(
        row,
        actor=actor,
        toolkit=posted(request, "toolkit"),
        purpose=posted(request, "purpose"),
        requested_scopes=[each.lstrip("* ") for each in scopes],
        minimum_scopes=[each.lstrip("* ") for each in scopes if each.startswith("*")],
        mutating="mutating" in request.POST,
    )
    return f"{kit} is asked for."


TOOLKITS: dict[str, Verb] = {
    "approve": _approve, "attest": _attest, "drop": _drop, "revoke": _revoke, "ask": _ask_kit,
    "ask_gap": _ask_gap, **EXCEPTIONS,
}  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@page
def toolkits(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """What the mission works with: scopes, connections, what was looked at, who decides what."""
    return _page(
        request, uid, "guard/toolkits.html", "Toolkits", guard_toolkits.page, TOOLKITS,
        links.toolkits_of,
    )  # fmt: skip


# --- Safeguards ---------------------------------------------------------------------------------


def _guard(row: Mission, at: str) -> Any:
    return _one(row.safeguards.select_related("template", "mission__workspace"), at)


def _accept(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    done = services.decide_safeguard(
        _guard(row, at), "accepted", actor=actor, version=version_of(request)
    )
    return f"Accepted: {done}."


def _accept_all(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    seen = posted(request, "digest", 64)
    return f"{services.accept_safeguards(row, actor=actor, digest_seen=seen)} accepted."


def _edit(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    guard = _guard(row, at)
    typed = {name: posted(request, name, figures.MOST_TEXT + 1) for name in request.POST}
    done = services.decide_safeguard(
        guard,
        "edited",
        actor=actor,
        version=version_of(request),
        reason=posted(request, "reason"),
        title=posted(request, "title"),
        description=posted(request, "description", 20_000),
        severity=posted(request, "severity"),
        mode=posted(request, "mode"),
        auto_fix="auto_fix" in request.POST,
        params=figures.given(typed, guard.params, guard.category),
    )
    return f"Accepted with changes: {done}."


def _reject(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    done = services.decide_safeguard(
        _guard(row, at), "rejected", actor=actor, version=version_of(request),
        reason=posted(request, "reason"),
    )  # fmt: skip
    return f"Rejected: {done}."


def _suggest(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    made = services.suggest_safeguard(
        row,
        actor=actor,
        title=posted(request, "title"),
        category=posted(request, "category"),
        severity=posted(request, "severity"),
        mode=posted(request, "mode"),
        justification=posted(request, "justification", 5_000),
        reason_code="console",
    )
    return f"Suggested: {made}. Accept it to let it hold."


def _acknowledge(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    services.acknowledge_safeguards(row, actor=actor, digest_seen=posted(request, "digest", 64))
    return "You know these safeguards."


SAFEGUARDS: dict[str, Verb] = {
    "accept": _accept, "accept_all": _accept_all, "edit": _edit, "reject": _reject,
    "suggest": _suggest, "acknowledge": _acknowledge,
}  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@page
def safeguards(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """The rules of the mission: settled one by one, known by two people."""
    return _page(
        request, uid, "guard/safeguards.html", "Safeguards", guard_safeguards.page, SAFEGUARDS,
        links.safeguards_of,
    )  # fmt: skip


# --- Findings -----------------------------------------------------------------------------------


def _finding(row: Mission, at: str) -> Any:
    return _one(row.findings.select_related("safeguard", "mission__workspace"), at)


def _resolve(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    services.resolve_finding(
        _finding(row, at), actor=actor, reason=posted(request, "reason"),
        version=version_of(request),
    )  # fmt: skip
    return "Resolved."


def _ask_pass(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    services.ask_override(
        row, actor=actor, kind="finding", subject=at, reason=posted(request, "reason")
    )
    return "Asked. A governance validator decides."


def _ask_gate(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    services.ask_override(
        row, actor=actor, kind="gate", subject=posted(request, "subject"),
        reason=posted(request, "reason"),
    )  # fmt: skip
    return "Asked. Whoever it is for decides."


FINDINGS: dict[str, Verb] = {
    "resolve": _resolve, "ask_pass": _ask_pass, "ask_gate": _ask_gate, **EXCEPTIONS,
}  # fmt: skip


@require_http_methods(["GET", "HEAD", "POST"])
@page
def findings(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """What safeguards found, and what is let pass."""
    return _page(
        request, uid, "guard/findings.html", "Findings and exceptions", guard_findings.page,
        FINDINGS, links.findings_of,
    )  # fmt: skip
