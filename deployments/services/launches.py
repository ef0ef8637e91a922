"""Launches: planned, their lines shown to hold, signed by those whom the policy asks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.approvals import services as approvals
from controlplane.approvals.models import Request
from controlplane.audit.services import record
from controlplane.base import refs
from controlplane.base.states import advance, plain
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, GateNotMet
from controlplane.lib.redaction import redact_text
from deployments.launches import LINES, OWNER, POLICY, SHOWN, standing
from deployments.models import Launch, LaunchLine
from deployments.services import reading
from deployments.services.launch_reviews import drop_review, set_review, withdraw_review
from deployments.services.noting import PORTAL

MANAGE, TICK = "launch.manage", "launch.tick"
SAID = 3  # of what is missing, in a sentence; the line's page lists all of it


@transaction.atomic
def plan_launch(
    workspace: Workspace,
    *,
    actor: Actor,
    title: str,
    about: str = "",
    launch_at: datetime | None = None,
) -> Launch:
    """With every line of the checklist, open."""
    policy.require(actor, MANAGE, workspace)
    row = Launch(
        workspace=workspace,
        title=redact_text(reading.line("title", title, 200, required=True))[:200],
        about=redact_text(reading.text("about", about)),
        launch_at=reading.moment("launch_at", launch_at),
        created_by=actor.ref[:80],
    )
    row.ref = str(refs.allocate(workspace.pk, "LCH"))
    row.save(force_insert=True)
    LaunchLine.objects.bulk_create(
        LaunchLine(launch=row, position=place, slug=line.slug, title=line.title)
        for place, line in enumerate(LINES, 1)
    )
    record(actor, MANAGE, row, after={"title": row.title, "launch_at": plain(row.launch_at)})
    return row


_CALLED = {"title": "its title", "about": "what it is about", "launch_at": "its day"}


@transaction.atomic
def change_launch(
    launch: Launch, *, actor: Actor, version: int | None = None, **given: Any
) -> Launch:
    """What it is and when. What was signed was signed of this: it is asked anew."""
    policy.require(actor, MANAGE, launch)
    row = held(launch, version)
    readers: dict[str, Any] = {
        "title": lambda value: redact_text(reading.line("title", value, 200, required=True))[:200],
        "about": lambda value: redact_text(reading.text("about", value)),
        "launch_at": lambda value: reading.moment("launch_at", value),
    }
    unknown = sorted(set(given) - set(readers))
    if unknown:
        raise reading.refuse(unknown[0], "A launch has no such field.")
    values = {name: readers[name](value) for name, value in given.items()}
    values = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not values:
        return row
    _reopen(row, actor, f"Changed: {', '.join(_CALLED[name] for name in values)}.")
    before = {name: plain(getattr(row, name)) for name in values}
    write(row, values)
    record(actor, MANAGE, row, before=before,
           after={name: plain(value) for name, value in values.items()})  # fmt: skip
    return row


@transaction.atomic
def settle_line(
    line: LaunchLine,
    *,
    actor: Actor,
    state: str,
    note: str = "",
    evidence: Iterable[Mapping[str, Any]] | None = None,
    version: int | None = None,
) -> LaunchLine:
    """It holds, with evidence; does not apply, with the reason; or is open again."""
    policy.require(actor, TICK, line.launch)
    launch = held(line.launch, None)
    reading.choice("state", state, LaunchLine.State.values)
    row: LaunchLine = LaunchLine.objects.select_for_update(no_key=True).get(pk=line.pk)
    if version is not None and row.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.")
    said = redact_text(reading.line("note", note, reading.REASON))[: reading.REASON]
    shown = reading.evidence(evidence) if evidence is not None else list(row.evidence)
    if state == "done":
        shown = _with_own(row, launch, shown)
    if state == "done" and not shown:
        raise reading.refuse("evidence", "Name what shows that it holds.")
    if state == "not_applicable" and not said:
        raise reading.refuse("note", "Say why it does not apply.")
    shown = [] if state == "open" else shown
    if (row.state, row.note, row.evidence) == (state, said, shown):
        return row  # said again; what was signed stands
    _reopen(launch, actor, f"{row.title}: changed.")
    before = {"state": row.state, "note": row.note, "evidence": row.evidence}
    row.state, row.note, row.evidence = state, said, shown
    row.at, row.by = (None, "") if state == "open" else (clock.now(), actor.ref[:80])
    row.version += 1
    row.save()
    record(actor, TICK, launch, before=before, reason=said,
           after={"line": row.slug, "state": row.state, "evidence": row.evidence})  # fmt: skip
    return row


def _with_own(row: LaunchLine, launch: Launch, shown: list[dict[str, str]]) -> list[dict[str, str]]:
    """What the portal knows of it stands first among what shows it, and refuses what does not
    hold."""
    known = standing(row.slug, launch.workspace_id)
    if known is None:
        return shown
    if known.missing:
        rest = len(known.missing) - SAID
        more = f"; and {rest} more, which its page lists" if rest > 0 else ""
        raise GateNotMet(
            f"{row.title}: {'; '.join(known.missing[:SAID])}{more}.",
            details={"conditions": known.missing},
        )
    own = {"label": known.label, "link": known.link}
    return [own, *(each for each in shown if each.get("link") != known.link)]


@transaction.atomic
def ask_sign_off(launch: Launch, *, actor: Actor, version: int | None = None) -> Launch:
    """Every line is settled: those whom the policy names are asked."""
    policy.require(actor, MANAGE, launch)
    row = held(launch, version)
    still = [line.title for line in row.lines.unsettled().order_by("position")]
    # What held when it was ticked may hold no more.
    still += [
        line.title
        for line in row.lines.filter(state="done", slug__in=SHOWN).order_by("position")
        if SHOWN[line.slug](row.workspace_id).missing
    ]
    if still:
        raise GateNotMet(
            f"{len(still)} of the lines are open: {', '.join(still)}.",
            details={"conditions": still},
        )
    advance(row, "signing", actor=actor)
    request = approvals.ask_again(
        row.approval,
        row.workspace,
        policy=POLICY,
        owner=OWNER,
        subject=subject(row),
        title=f"Launch: {row.title}"[:200],
        packet=packet_of(row),
        actor=actor,
        producers=[row.created_by, actor],
    )
    write(row, {"approval": request})
    return row


@transaction.atomic
def cancel_launch(launch: Launch, *, actor: Actor, reason: str) -> Launch:
    why = reading.reason(redact_text(reason))
    policy.require(actor, MANAGE, launch)
    row = held(launch, None)
    _withdraw(row, actor, why)
    row.refresh_from_db()
    done = advance(row, "cancelled", actor=actor, reason=why)
    withdraw_review(row)
    return done


@transaction.atomic
def reopen_launch(launch: Launch, *, actor: Actor, reason: str) -> Launch:
    """Back to preparing; what was signed counts for nothing."""
    why = reading.reason(redact_text(reason))
    policy.require(actor, MANAGE, launch)
    row = held(launch, None)
    if row.status == "preparing":
        raise Conflict("It is being prepared.")
    _reopen(row, actor, why)
    return row


def _reopen(row: Launch, actor: Actor, why: str) -> None:
    """Callers hold it."""
    if row.status == "cancelled":
        raise Conflict(f"{row.ref} is cancelled.")
    if row.status == "preparing":
        return
    drop_review(row)
    _withdraw(row, actor, why)  # its end brings the launch back
    row.refresh_from_db()
    if row.status != "preparing":
        advance(row, "preparing", actor=PORTAL, reason=why[:500], changes={"signed_at": None})


def _withdraw(row: Launch, actor: Actor, why: str) -> None:
    approvals.take_back(row.approval, actor=actor, reason=why)


def held(launch: Launch, version: int | None) -> Launch:
    rows = Launch.objects.select_for_update(no_key=True, of=("self",))
    row: Launch = rows.select_related("workspace", "approval").get(pk=launch.pk)
    if version is not None and row.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.")
    return row


def write(row: Launch, values: Mapping[str, Any]) -> None:
    Launch.objects.filter(pk=row.pk).update(**values, version=F("version") + 1)
    for name, value in values.items():
        setattr(row, name, value)
    row.version += 1


# --- What is signed -----------------------------------------------------------------------------


def subject(row: Launch) -> str:
    return f"deployments.launch:{row.uid}"


def packet_of(row: Launch) -> dict[str, Any]:
    return {
        "launch": row.ref,
        "summary": row.title,
        "about": row.about,
        "launch_at": row.launch_at.isoformat() if row.launch_at else None,
        "checklist": [
            {
                "line": line.title,
                "state": line.get_state_display(),
                "note": line.note,
                "evidence": [f"{each['label']} {each['link']}".strip() for each in line.evidence],
            }
            for line in row.lines.order_by("position")
        ],
    }


def hold_for(request: Request) -> None:
    row = of(request)
    if row is not None:
        held(row, None)


def current_packet(request: Request) -> dict[str, Any] | None:
    row = of(request)
    return packet_of(row) if row is not None and row.status in {"signing", "signed"} else None


def on_decided(request: Request, actor: Actor) -> None:
    row = of(request)
    if row is None or row.status != "signing":
        return
    why = f"{request.ref} is {request.get_status_display().lower()}."
    if request.status == Request.Status.APPROVED:
        advance(row, "signed", actor=PORTAL, reason=why, changes={"signed_at": clock.now()})
        set_review(row)
    else:
        advance(row, "preparing", actor=PORTAL, reason=why)


def on_closed(request: Request, actor: Actor) -> None:
    row = of(request)
    if row is not None and row.status in {"signing", "signed"}:
        why = f"{request.ref} is {request.get_status_display().lower()}. {request.reason}"
        advance(row, "preparing", actor=PORTAL, reason=why[:500], changes={"signed_at": None})


def of(request: Request) -> Launch | None:
    rows = Launch.objects.select_related("workspace", "approval")
    found: Launch | None = rows.filter(approval=request).first()
    return found
