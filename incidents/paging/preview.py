"""Who would be called by a policy, and when: now or at any time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from controlplane.lib import clock
from incidents.models import PolicyVersion
from incidents.paging import policies
from incidents.paging.stepping import Ladder
from incidents.paging.targets import Target
from incidents.paging.who import Called, Finder


@dataclass(frozen=True, slots=True)
class Rung:
    """A step as it would be taken. `after_s`: how long after the beginning, where nobody answers
    and everybody can be reached."""

    number: int
    after_s: int
    at: datetime
    wait_s: int
    targets: tuple[str, ...]
    called: tuple[Called, ...]
    missing: tuple[str, ...]
    is_catch_all: bool = False

    @property
    def empty(self) -> bool:
        return not self.called


def called_first(workspace_id: int, slug: str, also: Iterable[str] = ()) -> list[Called]:
    """Whom a call that begins now reaches first: the first step behind which anybody stands, and
    the roles that are called beside it."""
    version, _ = policies.find(workspace_id, slug)
    steps = [step.targets for step in Ladder.of(version).steps]
    beside = [Target("role", role) for role in also]
    asked = {(workspace_id, target) for targets in (*steps, beside) for target in targets}
    finder = Finder.of(asked)
    behind = ([one for each in targets for one in finder.find(workspace_id, each)]
              for targets in steps)  # fmt: skip
    first = next((found for found in behind if found), [])
    rest = [one for target in beside for one in finder.find(workspace_id, target)]
    return list({one.key: one for one in (*first, *rest)}.values())


def on_call(workspace_id: int) -> list[Called]:
    """Who is on call, whether or not anybody is called."""
    target = Target("role", "primary_operator")
    return Finder.of({(workspace_id, target)}).find(workspace_id, target)


def would_call(version: PolicyVersion, workspace_id: int, at: datetime | None = None) -> list[Rung]:
    """Each step with whom it would find at its own time. A step that finds nobody takes no time:
    the next one is taken at once."""
    begins = at or clock.now()
    ladder = Ladder.of(version)
    found: list[Rung] = []
    passed = 0
    for place, step in enumerate(ladder.steps):
        moment = begins + timedelta(seconds=passed)
        finder = Finder.of({(workspace_id, target) for target in step.targets}, moment)
        people: dict[str, Called] = {}
        missing = []
        for target in step.targets:
            behind = finder.find(workspace_id, target)
            people |= {one.key: one for one in behind if one.key not in people}
            if not behind:
                missing.append(finder.missing(workspace_id, target).why)
        last = place == len(ladder.steps) - 1
        words = tuple(target.words for target in step.targets)
        found.append(
            Rung(place + 1, passed, moment, step.wait_s, words, tuple(people.values()),
                 tuple(missing), last)
        )  # fmt: skip
        passed += step.wait_s if people else 0
    return found
