"""Who answers which gate.

    from missions.gates.registry import provide

    @provide("toolkits_decided")
    def toolkits_decided(look: Look) -> Found:
        ...
        return passed("All 3 are decided.", ("Toolkits", "/admin/…"))

A part of the portal answers the gates of what it owns, from `apps.py`. A gate nobody answers is
`not_there`: it says so and keeps the mission where it is. A provider that breaks fails its gate;
it neither passes it nor takes the page with it.

What a checkpoint signs beside the brief, the checklist and the evidence is added the same way:

    sign("plays", stages=("plan_approve",), read=plays_of, made_by=who_made_them)

`read` answers plain JSON values for a visit, and only what people are to sign: whatever changes in
it afterwards takes their signatures back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError

from missions import stages
from missions.gates.kinds import NOT_APPLICABLE, NOT_THERE, PASSED, Compute, Found, failed

if TYPE_CHECKING:
    from missions.gates.looking import Look
    from missions.models import StageVisit

logger = logging.getLogger(__name__)
PROVIDERS: dict[str, Compute] = {}
# (gate, look) -> why it passes although it does not hold, or None. Asked of what does not hold.
LIFTS: list[Callable[[str, Look], Found | None]] = []


def provide(slug: str) -> Callable[[Compute], Compute]:
    if slug not in stages.gate_slugs():
        raise ValueError(f"no stage has a gate {slug}")

    def register(compute: Compute) -> Compute:
        if PROVIDERS.setdefault(slug, compute) is not compute:
            raise ValueError(f"two answer the gate {slug}")
        return compute

    return register


def answer(slug: str, look: Look) -> Found:
    """What is found at this gate; within one look it is asked once."""
    key = (look.stage.slug, slug)
    found = look.answers.get(key)
    if found is None:
        found = look.answers[key] = _ask(slug, look)
    return found


def _ask(slug: str, look: Look) -> Found:
    compute = PROVIDERS.get(slug)
    if compute is None:
        return Found(
            NOT_THERE,
            "Nothing here can answer this yet, so it does not pass.",
            mend="Nobody: this part of the portal is not there.",
        )
    try:
        found = compute(look)
        return found if found.state in {PASSED, NOT_APPLICABLE} else _lifted(slug, look, found)
    except DatabaseError:
        raise  # the transaction is spoilt: nothing more can be asked in it
    except Exception:
        logger.exception("the gate %s could not be looked at", slug)
        return failed("It could not be looked at; the log says why.", mend="An operator")


def _lifted(slug: str, look: Look, found: Found) -> Found:
    """As it was found, or as passed where somebody who may let it pass."""
    lifts = (lift(slug, look) for lift in LIFTS)
    return next((each for each in lifts if each is not None), found)


# --- What is signed -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    stages: tuple[str, ...]
    read: Callable[[StageVisit], Any]
    made_by: Callable[[StageVisit], Iterable[str]] | None = None  # opaque refs


PARTS: dict[str, Part] = {}


def sign(
    name: str,
    *,
    stages: Iterable[str],
    read: Callable[[StageVisit], Any],
    made_by: Callable[[StageVisit], Iterable[str]] | None = None,
) -> Part:
    part = Part(name, tuple(stages), read, made_by)
    if PARTS.setdefault(name, part) != part:
        raise ValueError(f"two parts of a packet are called {name}")
    return part


def parts_of(stage: str) -> list[Part]:
    return [part for part in PARTS.values() if stage in part.stages]


# --- Where more evidence is kept, and what is counted --------------------------------------------

# (visit) -> [{"label", "link", "sha256", "by"}], beside the links of the visit itself.
EVIDENCE: list[Callable[[StageVisit], list[dict[str, str]]]] = []
# name -> (mission) -> how many: "safeguards" for the event of a locked brief.
COUNTS: dict[str, Callable[[Any], int]] = {}


def count(name: str, mission: Any) -> int:
    counted = COUNTS.get(name)
    return counted(mission) if counted is not None else 0
