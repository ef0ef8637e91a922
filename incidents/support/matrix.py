"""Who is called for a ticket of each priority, in which order, and who is informed; as people of
today. It is read from what already says so: the support ladder of severities names a policy of
escalation and the roles that are informed; both are changed in their own places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from controlplane.access import policy as access
from controlplane.access.models import Workspace
from controlplane.notify.services import who
from incidents.models import EscalationPolicy, PolicyVersion, SeverityLevel
from incidents.paging import policies, preview
from incidents.paging.preview import Rung
from incidents.records import levels

LADDER = "support"


@dataclass(frozen=True, slots=True)
class Informed:
    """A role that hears of it without being asked to do anything."""

    role: str
    label: str
    people: tuple[str, ...]
    note: str  # why nobody hears of it


@dataclass(frozen=True, slots=True)
class Row:
    """One priority."""

    level: SeverityLevel
    policy: EscalationPolicy
    rungs: Sequence[Rung]
    informed: Sequence[Informed]
    said: str  # where the policy that is named is gone

    @property
    def missing(self) -> list[str]:
        """What nobody stands behind today."""
        return [
            *([self.said] if self.said else []),
            *(why for rung in self.rungs for why in rung.missing),
            *(each.note for each in self.informed if each.note),
        ]


def of(workspace: Workspace) -> list[Row]:
    """Every priority, the gravest first."""
    return [_row(workspace, level) for level in levels.of(workspace.pk, LADDER).values()]


def _row(workspace: Workspace, level: SeverityLevel) -> Row:
    version, said = policies.find(workspace.pk, level.policy)
    return Row(
        level,
        version.policy,
        _before_the_catch_all(version, preview.would_call(version, workspace.pk)),
        [_informed(workspace, role) for role in level.informed],
        said,
    )


def _before_the_catch_all(version: PolicyVersion, rungs: list[Rung]) -> list[Rung]:
    """The steps of the policy itself: that somebody is called in the end is nobody's rank."""
    return [rung for rung in rungs if not rung.is_catch_all][: len(version.steps)]


def _informed(workspace: Workspace, role: str) -> Informed:
    found = who(workspace, role)
    named = tuple(person.name or person.email for person in found.people)
    return Informed(role, access.role_label(role), named, found.note)


def missing(workspace: Workspace) -> list[tuple[SeverityLevel, str]]:
    """Everything in the matrix behind which nobody stands today."""
    return [(row.level, why) for row in of(workspace) for why in dict.fromkeys(row.missing)]
