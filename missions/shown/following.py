"""What happens next to a mission, and who can do it: the page's one button."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from controlplane.access import policy
from controlplane.approvals import links as approval_links
from missions import links, stages
from missions.gates.kinds import NOT_THERE, Check
from missions.models import Mission
from missions.shown import moves
from missions.shown.cockpit import Cockpit
from missions.shown.mending import act_for, whose
from missions.standing import signs

# It packs what the others bring: made before them, it is made again.
_AT_LAST = frozenset({"bundle_verified"})


@dataclass(frozen=True, slots=True)
class Next:
    """`label` is the button, or what one waits for; `why` a sentence. Without a `url` there is
    nothing for anybody to press. `refusal`: why it is not this person's. `pressed`: the button does
    it at once; else it leads to a page."""

    label: str
    why: str
    url: str = ""
    refusal: str = ""
    icon: str = "arrow-right"
    tone: str = "info"
    slug: str = ""  # of the move, where it is one
    pressed: bool = False
    due: datetime | None = None
    since: datetime | None = None
    who: str = ""  # whose it is, where it is not this person's


def following(cockpit: Cockpit) -> Next:
    mission = cockpit.mission
    if mission.status == Mission.Status.DRAFT:
        return _first_of(cockpit, cockpit.here) or _move(cockpit, "start", "It can be started.")
    if mission.status == Mission.Status.PAUSED:
        return _resume(cockpit)
    if not mission.is_under_way:
        return _ended(mission)
    return _in_stage(cockpit)


def _in_stage(cockpit: Cockpit) -> Next:
    hindering = [each for each in cockpit.here if not each.is_settled and not signs(each)]
    hindering.sort(key=lambda each: each.slug in _AT_LAST)
    point, request = cockpit.look.stage.checkpoint, cockpit.request
    asked = request.status if request is not None else ""
    if asked == "open":
        return _sign(cockpit, hindering)
    if asked == "approved" and not hindering:
        onward = [each for each in cockpit.stands.unmet if each.slug != "stage_before"]
        return _first_of(cockpit, onward) or _go_on(cockpit)
    found = _first_of(cockpit, hindering)
    if found is not None:
        return found
    why = f"Everything else holds: {point.label} can be asked for."
    if request is not None and asked in {"rejected", "changes_requested", "void", "expired"}:
        why = f"{request.ref} is {request.get_status_display().lower()}. It can be asked again."
    return _move(cockpit, "ask", why, label=f"Ask for {point.label}")


def _first_of(cockpit: Cockpit, unmet: list[Check]) -> Next | None:
    """The first that this person can do something about; where there is none, the first."""
    unmet = [each for each in unmet if not each.is_settled]
    if not unmet:
        return None
    more = f" And {len(unmet) - 1} more." if len(unmet) > 1 else ""
    for check in unmet:
        act = act_for(check, cockpit)
        if act is not None:
            return Next(act.label, check.sentence + more, act.url, icon=act.icon)
    # What somebody can do something about, before what nobody can.
    check = next((each for each in unmet if each.state != NOT_THERE), unmet[0])
    who = whose(check, cockpit)
    return Next(
        "Wait", check.sentence + more, refusal="" if who else check.mend, who=who,
        tone="warn" if check.state == NOT_THERE else "info",
    )  # fmt: skip


def _move(cockpit: Cockpit, slug: str, why: str, *, label: str = "") -> Next:
    move = moves.MOVES[slug]
    decision = policy.can(cockpit.actor, move.action, cockpit.mission)
    return Next(
        label or move.label, why, moves.url(cockpit.mission, slug),
        refusal="" if decision else decision.reason, icon=move.icon, slug=slug,
        pressed=not move.asks,
    )  # fmt: skip


def _go_on(cockpit: Cockpit) -> Next:
    onward = stages.after(cockpit.mission.stage)
    label = f"Go on to {onward.label}" if onward is not None else "Complete it"
    return _move(cockpit, "advance", "Its checkpoint is signed and nothing is in the way.",
                 label=label)  # fmt: skip


def _resume(cockpit: Cockpit) -> Next:
    mission = cockpit.mission
    cause = mission.get_paused_cause_display()
    if cockpit.now.held:
        return Next(
            "Decide what was found", f"{cause}: {mission.pause_reason}",
            links.findings_of(mission), "", "shield", "warn", since=mission.paused_at,
        )  # fmt: skip
    found = _move(cockpit, "resume", f"{cause}: {mission.pause_reason}")
    return Next(
        found.label, found.why, found.url, found.refusal, found.icon, "warn", "resume",
        since=mission.paused_at,
    )  # fmt: skip


def _sign(cockpit: Cockpit, hindering: list[Check]) -> Next:
    """Somebody's signature: this person's, if one of the slots is theirs. What came up since they
    were asked keeps it even when all have signed."""
    request = cockpit.request
    assert request is not None
    label = cockpit.look.stage.checkpoint.label
    waits = ", ".join(step.slot.title for step in cockpit.signing if not step.slot.is_full)
    why = f"{label} waits for {waits}."
    if hindering:
        why += f" It would not go on then: “{hindering[0].title}” does not hold."
    own = [step for step in cockpit.signing if step.view.may]
    if own:
        role = ", ".join(step.slot.title for step in own)
        return Next(
            f"Sign as {role}", why,
            reverse("approvals:decide", args=(request.uid,)), icon="edit",
            due=request.due_at, since=request.requested_at,
        )  # fmt: skip
    people = [one.name or one.email for step in cockpit.signing for one in step.people]
    who = ", ".join(dict.fromkeys(people[:6]))
    nobody = not who and any(step.slot.waiting for step in cockpit.signing)
    return Next(
        "Wait", why, who=who, due=request.due_at,
        since=request.requested_at, tone="warn" if nobody else "info",
        refusal="Nobody here may sign what is missing: give somebody the role." if nobody else "",
    )  # fmt: skip


def _ended(mission: Mission) -> Next:
    said = f" {mission.close_reason}" if mission.close_reason else ""
    told = {
        "completed": "All five stages are signed.",
        "cancelled": f"It was cancelled.{said}",
        "failed": f"It was given up.{said}",
    }
    tone = {"completed": "good", "failed": "warn"}.get(mission.status, "neutral")
    return Next("Nothing", told[mission.status], tone=tone, since=mission.closed_at)


def approval_url(cockpit: Cockpit) -> str:
    return approval_links.page_of(cockpit.request) if cockpit.request is not None else ""
