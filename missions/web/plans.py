"""Pages of a mission's plan, of its runs and of taking it back. Decisions are made in place."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods, require_safe

from controlplane.access.models import User
from controlplane.base.admin.showing import PART, as_part
from controlplane.base.posting import posted, version_of
from controlplane.base.web import actor_of
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError, NotAllowed, NotFound
from controlplane.lib.given import refuse
from missions import links
from missions.models import Mission, Run, UndoPlan, UndoRun
from missions.services import executing, hearsay, plan_notes, plays, undo_plans, undoing
from missions.shown import plan, plan_undo, runs
from missions.shown.deciding import Tried
from missions.web.common import mission_of, page, show

# (request, mission, the row's key, actor) -> what is said of it, and where it leads if elsewhere.
Verb = Callable[[HttpRequest, Mission, str, Actor], str]
_LONG = 17_000


def _decide(
    request: HttpRequest,
    row: Mission,
    verbs: Mapping[str, Verb],
    again: Callable[[Tried, ControlPlaneError], HttpResponse],
    back: str,
) -> HttpResponse:
    """Do what was posted and go back to its row; refused, its form is open with what was typed."""
    do, at = posted(request, "do", 20), posted(request, "at", 60)
    verb = verbs.get(do)
    if verb is None:
        raise NotFound("There is no such decision.")
    try:
        said = verb(request, row, at, actor_of(request))
    except (NotAllowed, NotFound):
        raise
    except ControlPlaneError as error:
        typed = {name: posted(request, name, _LONG) for name in request.POST
                 if name not in {"csrfmiddlewaretoken", "do", "at", "version"}}  # fmt: skip
        tried = Tried(do, at, error.message, next(iter(error.details), ""), typed)
        return again(tried, error)
    messages.success(request, said)
    return HttpResponseRedirect(f"{back}#{at}" if at else back)


def _one(rows: Any, at: str, field: str = "uid") -> Any:
    try:
        wanted = uuid.UUID(at)
    except ValueError:
        raise NotFound("It is not there.") from None
    found = rows.filter(**{field: wanted}).first()
    if found is None:
        raise NotFound("It is not there.")
    return found


# --- The plan -----------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page
def plan_page(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    """Plays side by side, the way back, risks, hooks, who watches."""
    row, actor = mission_of(request, uid), actor_of(request)
    title = {"title": "Plan"}
    if request.method != "POST":
        context = {**title, **plan.page(row, actor)}
        return show(request, "plans/plan.html", context, row=row)

    def again(tried: Tried, error: ControlPlaneError) -> HttpResponse:
        fresh = mission_of(request, uid)
        context = {**title, **plan.page(fresh, actor, tried)}
        return show(request, "plans/plan.html", context, row=fresh, error=error)

    return _decide(request, row, _PLAN, again, links.plan_page(row))


def _select(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    play = _one(row.plays.live(), at)
    play.mission = row
    plays.select_play(play, actor=actor, reason=posted(request, "reason"))
    return f"Chosen: {play.title}."


def _undo_plan(row: Mission, at: str) -> UndoPlan:
    found: UndoPlan = _one(UndoPlan.objects.filter(play__mission=row).select_related("play"), at)
    found.play.mission = row
    return found


def _ready(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    undo_plans.make_undo_ready(_undo_plan(row, at), actor=actor, version=version_of(request))
    return "The undo plan is ready."


def _open(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    undo_plans.open_undo_plan(
        _undo_plan(row, at), actor=actor, reason=posted(request, "reason"),
        version=version_of(request),
    )  # fmt: skip
    return "The undo plan is open."


def _close(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    undo_plans.close_undo(
        _undo_plan(row, at), actor=actor, reason=posted(request, "reason"),
        version=version_of(request),
    )  # fmt: skip
    return "The time to undo is over."


def _undo(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    undoing.request_undo(
        _undo_plan(row, at), actor=actor, reason=posted(request, "reason"),
        late=bool(posted(request, "late")),
    )  # fmt: skip
    return "It is asked for: the executor takes it back step by step."


def _drill(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    plan_ = _undo_plan(row, at)
    undoing.request_undo(plan_, actor=actor, reason=posted(request, "reason"), drill=True)
    return "A drill is asked for."


def _risk_given(request: HttpRequest) -> dict[str, Any]:
    given: dict[str, Any] = {
        name: posted(request, name, 1_100) for name in ("title", "reversibility", "mitigation")
    }
    for name in ("likelihood", "impact"):
        text = posted(request, name, 3)
        given[name] = int(text) if text.isascii() and text.isdigit() else text
    given["owner"] = _person(request, "owner")
    return given


def _person(request: HttpRequest, field: str) -> User | None:
    """By uid; whether they work here the service asks."""
    text = posted(request, field, 60)
    if not text:
        return None
    try:
        found = User.objects.filter(uid=uuid.UUID(text)).first()
    except ValueError:
        found = None
    if found is None:
        raise refuse(field, "Somebody of this workspace.")
    return found


def _add_risk(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    risk = plan_notes.add_risk(row, actor=actor, **_risk_given(request))
    return f"Written down: {risk.title}."


def _change_risk(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    risk = _one(row.risks.select_related("owner"), at)
    risk.mission = row
    plan_notes.change_risk(risk, actor=actor, version=version_of(request), **_risk_given(request))
    return f"Changed: {risk.title}."


def _remove_risk(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    risk = _one(row.risks, at)
    risk.mission = row
    plan_notes.remove_risk(
        risk, actor=actor, reason=posted(request, "reason"), version=version_of(request)
    )
    return f"Removed: {risk.title}."


def _notes(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    plan_notes.put_plan_note(
        row, actor=actor, risk_notes=posted(request, "risk_notes", _LONG),
        sla_impact=posted(request, "sla_impact", _LONG), version=version_of(request),
    )  # fmt: skip
    return "The notes are kept."


def _hooks(request: HttpRequest, row: Mission, at: str, actor: Actor, *, good: bool) -> str:
    plan_notes.check_hooks(
        row, actor=actor, passed=good, details=posted(request, "details", 2_100),
        sha256=posted(request, "sha256", 64),
    )  # fmt: skip
    return "The hooks are checked." if good else "It is written down what is missing."


def _time(request: HttpRequest, field: str) -> datetime:
    try:
        return datetime.fromisoformat(posted(request, field, 30)).replace(tzinfo=UTC)
    except ValueError:
        raise refuse(field, "A day and a time.") from None


def _duty(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    person = _person(request, "person")
    if person is None:
        raise refuse("person", "Somebody who holds the role of Operations Command.")
    plan_notes.add_duty(
        row, actor=actor, person=person, starts_at=_time(request, "starts_at"),
        ends_at=_time(request, "ends_at"), note_=posted(request, "note"),
    )  # fmt: skip
    return f"{person.name} watches."


def _unduty(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
    window = _one(row.duty_windows.select_related("person"), at)
    window.mission = row
    plan_notes.cancel_duty(window, actor=actor, reason=posted(request, "reason"))
    return "The duty window is cancelled."


_PLAN: dict[str, Verb] = {
    "select": _select,
    "ready": _ready,
    "open": _open,
    "close": _close,
    "undo": _undo,
    "drill": _drill,
    "risk": _add_risk,
    "change": _change_risk,
    "remove": _remove_risk,
    "notes": _notes,
    "hooks": lambda *given: _hooks(*given, good=True),
    "unhooked": lambda *given: _hooks(*given, good=False),
    "duty": _duty,
    "unduty": _unduty,
}


# --- Taking it back -----------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page
def undo_run(request: HttpRequest, uid: uuid.UUID, run: uuid.UUID) -> HttpResponse:
    """One run of an undo plan: what was tried, and what is next."""
    row, actor = mission_of(request, uid), actor_of(request)
    found = _undo_run(row, run)
    if request.method != "POST":
        context = _undo_context(found, actor)
        if request.GET.get(PART) == "steps":
            return _part(request, row, "plans/_undo_steps.html", context)
        return show(request, "plans/undo_run.html", context, row=row)

    def again(tried: Tried, error: ControlPlaneError) -> HttpResponse:
        context = _undo_context(_undo_run(row, run), actor, tried)
        return show(request, "plans/undo_run.html", context, row=row, error=error)

    verbs: dict[str, Verb] = {
        **{name: _attempt(found, name) for name in ("done", "failed", "skipped")},
        "fail": lambda request, row, at, actor: _fail(request, found, actor),
        "withdraw": lambda request, row, at, actor: _withdraw(request, found, actor),
    }
    return _decide(request, row, verbs, again, links.undo_run_page(found))


def _undo_run(row: Mission, uid: uuid.UUID) -> UndoRun:
    rows = UndoRun.objects.filter(plan__play__mission=row)
    found: UndoRun | None = (
        rows.select_related("plan__play", "followed_by__plan__play__mission", "item")
        .filter(uid=uid)
        .first()
    )
    if found is None:
        raise NotFound("This mission has no such undo.")
    found.plan.play.mission = row
    return found


def _undo_context(run: UndoRun, actor: Actor, tried: Tried | None = None) -> dict[str, Any]:
    return {"title": str(run), **plan_undo.run_page(run, actor, tried)}


def _attempt(run: UndoRun, result: str) -> Verb:
    def report(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
        text = posted(request, "step", 4)
        place = int(text) if text.isascii() and text.isdigit() else 0
        told = {"step": place, "result": result, "note": posted(request, "note", 1_100)}
        done = undoing.report_undo(run, [told], actor=actor)
        return f"Step {place} is {result}. The undo is {done.get_status_display().lower()}."

    return report


def _fail(request: HttpRequest, run: UndoRun, actor: Actor) -> str:
    done = undoing.fail_undo(run, actor=actor, reason=posted(request, "reason"))
    said = []
    if done.followed_by is not None:
        other = "the other way" if done.followed_by.alternate else "what is left"
        said.append(f"{other} is asked for")
    if done.item_key:
        said.append(f"{done.item_key} is open")
    return f"It failed: {', and '.join(said)}." if said else "The drill failed."


def _withdraw(request: HttpRequest, run: UndoRun, actor: Actor) -> str:
    undoing.withdraw_undo(run, actor=actor, reason=posted(request, "reason"))
    return "It is withdrawn."


# --- Runs ---------------------------------------------------------------------------------------


@require_safe
@page
def run_list(request: HttpRequest, uid: uuid.UUID) -> HttpResponse:
    row = mission_of(request, uid)
    context = {"title": "Runs", **runs.page(row)}
    if request.GET.get(PART) == "runs":
        return _part(request, row, "plans/_runs.html", context)
    return show(request, "plans/runs.html", context, row=row)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def run_log(request: HttpRequest, uid: uuid.UUID, run: uuid.UUID) -> HttpResponse:
    """What the agents did, as they tell of it."""
    row, actor = mission_of(request, uid), actor_of(request)
    chosen = request.GET.get("show", "")
    chosen = chosen if chosen in {slug for slug, _ in runs.FILTERS} else ""
    found = _run(row, run)
    if request.method != "POST":
        if request.GET.get(PART) == "log":
            return _part(request, row, "plans/_log.html", runs.log(found, chosen))
        context = {"title": str(found), **runs.run_page(found, actor, chosen)}
        return show(request, "plans/run.html", context, row=row)

    def again(tried: Tried, error: ControlPlaneError) -> HttpResponse:
        context = {"title": str(found), **runs.run_page(_run(row, run), actor, chosen, tried)}
        return show(request, "plans/run.html", context, row=row, error=error)

    def abort(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
        executing.abort_run(found, actor=actor, reason=posted(request, "reason"))
        return f"{found} is aborted."

    def said(request: HttpRequest, row: Mission, at: str, actor: Actor) -> str:
        name = posted(request, "step", 100)
        hearsay.say_how(
            found, name, posted(request, "ended", 20), actor=actor, reason=posted(request, "reason")
        )
        return f"Step {name} counts as what you said."

    return _decide(request, row, {"abort": abort, "said": said}, again, links.run_page(found))


def _run(row: Mission, uid: uuid.UUID) -> Run:
    found: Run | None = row.runs.select_related("play").filter(uid=uid).first()
    if found is None:
        raise NotFound("This mission has no such run.")
    found.mission = row
    return found


def _part(
    request: HttpRequest, row: Mission, template: str, context: Mapping[str, Any]
) -> HttpResponse:
    """The region that is asked for again."""
    whole = {**admin.site.each_context(request), "row": row, **context}
    name = f"missions/{template}"
    return as_part(request, TemplateResponse(request, name, whole), name)
