"""Gates as a page tells them: what is missing first, with who mends it; what passed is folded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse

from controlplane.access.policy import role_label
from missions import stages
from missions.gates.kinds import FAILED, NOT_THERE, WAITING, Check
from missions.services.ticking import may_tick
from missions.shown.cockpit import Cockpit
from missions.shown.mending import Act, act_for, whose
from missions.standing import signs

_WORDS = {
    "passed": "Passed",
    "failed": "Missing",
    "waiting": "Waits",
    "not_applicable": "Not applicable",
    "not_there": "Nobody answers",
}
_ICONS = {
    "passed": "check", "failed": "cross", "waiting": "clock", "not_applicable": "minus",
    "not_there": "help",
}  # fmt: skip
_ORDER = {FAILED: 0, NOT_THERE: 1, WAITING: 2}


@dataclass(frozen=True, slots=True)
class GateRow:
    check: Check
    word: str
    icon: str
    who: str  # in words, where its `mend` does not name them
    act: Act | None = None

    @property
    def links(self) -> list[dict[str, str]]:
        """Where it can be seen, but for what its words or its act lead to already."""
        told = self.check.detail
        acted = self.act.url if self.act is not None else ""
        known = [each for each in self.check.evidence if each["label"] not in told.split()]
        return [each for each in known if each["link"] != acted]


@dataclass(frozen=True, slots=True)
class Door:
    """The gates of one door. `passed` is folded away; `later`: another door is in front of it."""

    slug: str
    title: str
    unmet: list[GateRow] = field(default_factory=list)
    passed: list[GateRow] = field(default_factory=list)
    later: bool = False

    @property
    def missing(self) -> int:
        return sum(1 for row in self.unmet if row.check.state != WAITING)

    @property
    def waits(self) -> int:
        return sum(1 for row in self.unmet if row.check.state == WAITING)


def doors(cockpit: Cockpit) -> list[Door]:
    """The end of its stage, then the door of the next; of a draft the door of the first."""
    mission = cockpit.mission
    if not cockpit.stands.checks:
        return []
    stage = cockpit.look.stage
    if mission.status == "draft":
        return [_door("start", f"Before {stage.label} is entered", cockpit.here, cockpit)]
    found = [_door("exit", f"Before {stage.label} is left", cockpit.here, cockpit)]
    # That this stage is signed says its own door already.
    onward = [each for each in cockpit.onward if not signs(each) or each.is_settled]
    following = stages.after(mission.stage)
    if onward and following is not None:
        title = f"Before {following.label} is entered"
        found.append(_door("entry", title, onward, cockpit, later=bool(found[0].unmet)))
    return found


def _door(
    slug: str, title: str, checks: list[Check], cockpit: Cockpit, *, later: bool = False
) -> Door:
    unmet = [each for each in checks if not each.is_settled]
    unmet.sort(key=lambda each: _ORDER.get(each.state, 3))  # stable: else as the table has them
    passed = [each for each in checks if each.is_settled]
    return Door(
        slug,
        title,
        [_row(each, cockpit) for each in unmet],
        [_row(each, cockpit) for each in passed],
        later,
    )


def _row(check: Check, cockpit: Cockpit) -> GateRow:
    if check.is_settled:
        return GateRow(check, _WORDS[check.state], _ICONS[check.state], "")
    act = act_for(check, cockpit)
    return GateRow(check, _WORDS[check.state], _ICONS[check.state], whose(check, cockpit), act)


# --- The checklist ------------------------------------------------------------------------------


def lines(cockpit: Cockpit) -> list[dict[str, Any]]:
    """Each line, done or open; whose it is, and whether it is this person's."""
    look, mission = cockpit.look, cockpit.mission
    if look.visit is None:
        return []
    found = []
    for line in look.stage.checklist:
        refusal = may_tick(cockpit.actor, mission, line)
        found.append(
            {
                "line": line,
                "tick": look.ticks.get(line.slug),
                "done": look.done(line),
                "refusal": refusal,
                "who": ", ".join(role_label(role) for role in line.roles),
                "url": reverse("missions:line", args=(mission.uid, line.slug)),
            }
        )
    return found
