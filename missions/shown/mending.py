"""Where a gate is mended, and whether this person can."""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import reverse

from controlplane.access import policy
from controlplane.access.policy import role_label
from missions import stages
from missions.gates.kinds import Check
from missions.services.ticking import may_tick
from missions.shown import moves
from missions.shown.cockpit import Cockpit

_BRIEF = frozenset({"brief_complete", "objective_logged", "kpi_measurable"})
_FORM = frozenset({"owner_set", "intent_written"})


@dataclass(frozen=True, slots=True)
class Act:
    """A link, or a question behind one."""

    label: str
    url: str
    icon: str = "arrow-right"


def act_for(check: Check, cockpit: Cockpit) -> Act | None:
    """What this person can do about a gate that does not pass; None where it is another's."""
    own = _own(check, cockpit)
    if own is not None or check.slug in _KNOWN:
        return own
    return _elsewhere(check, cockpit)


def _own(check: Check, cockpit: Cockpit) -> Act | None:
    mission, actor = cockpit.mission, cockpit.actor
    slug = check.slug
    if slug in _FORM and policy.can(actor, "mission.change", mission):
        field = "owner" if slug == "owner_set" else "intent"
        return Act("Say what it is", f"{cockpit.look.url()}?edit=1#id_{field}", "edit")
    if slug in _BRIEF and policy.can(actor, "mission.brief", mission):
        return Act("Write the brief", brief_url(cockpit), "edit")
    if slug == "brief_locked" and policy.can(actor, "mission.lock", mission):
        return Act("Lock the brief", moves.url(mission, "lock"), "lock")
    if slug == stages.CHECKLIST:
        return _next_line(cockpit)
    if slug == stages.EVIDENCE and policy.can(actor, "mission.evidence", mission):
        return Act("Link the evidence", reverse("missions:evidence", args=(mission.uid,)), "link")
    return None


_KNOWN = _BRIEF | _FORM | {"brief_locked", stages.CHECKLIST, stages.EVIDENCE, stages.SIGNED}


def _next_line(cockpit: Cockpit) -> Act | None:
    """The first open line that this person may tick."""
    mission = cockpit.mission
    if not policy.can(cockpit.actor, "mission.tick", mission):
        return None
    for line in cockpit.look.stage.checklist:
        wanted = not line.gate and not cockpit.look.done(line)
        if wanted and not may_tick(cockpit.actor, mission, line):
            url = reverse("missions:line", args=(mission.uid, line.slug))
            return Act(f"Tick: {line.title}", url, "check")
    return None


def _elsewhere(check: Check, cockpit: Cockpit) -> Act | None:
    """The page that the gate itself names, for whoever holds a role that mends it."""
    if check.gate.roles and not cockpit.roles & set(check.gate.roles):
        return None
    for each in check.evidence:
        if each["link"].startswith("/") and not each["link"].startswith("//"):
            return Act(f"Go to {each['label']}", each["link"])
    return None


def whose(check: Check, cockpit: Cockpit) -> str:
    """Of the checklist: the roles of the lines that are open. Of any other gate its `mend` says."""
    if check.slug != stages.CHECKLIST:
        return ""
    look = cockpit.look
    left = [line for line in look.stage.checklist if not line.gate and not look.done(line)]
    roles = dict.fromkeys(role for line in left for role in line.roles)
    return ", ".join(role_label(role) for role in roles)


def brief_url(cockpit: Cockpit) -> str:
    return reverse("missions:brief", args=(cockpit.mission.uid,))
