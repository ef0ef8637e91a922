"""The five stages of a mission, as data. Gates, checkpoints, the console, forms, the API, the
governance check and the page in the docs read this table; nothing else knows what a stage asks.

What answers a gate is registered under the gate's name (`gates.registry`). A gate that nothing
answers never passes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from controlplane.lib.errors import Invalid
from missions.stages.kinds import CHECKLIST, EVIDENCE, SIGNED, Gate, Line, Slot, Stage
from missions.stages.table import STAGES

__all__ = ["CHECKLIST", "EVIDENCE", "SIGNED", "STAGES", "Gate", "Line", "Slot", "Stage"]

SLUGS = tuple(STAGES)
FIRST, LAST = SLUGS[0], SLUGS[-1]
CHOICES = [(stage.slug, stage.label) for stage in STAGES.values()]
LEGACY_LABELS = {
    "intake": "Intake",
    "mission_brief": "Mission Brief",
    "toolkits_connect": "Toolkits & Connect",
    "data_inspect": "Data Inspect",
    "plan": "Plan",
    "governed_execution": "Governed Execution",
    "evidence": "Evidence",
    "feedback": "Feedback",
}


def get(slug: str) -> Stage:
    return STAGES[slug]


def after(slug: str) -> Stage | None:
    """The stage that follows; None after the last."""
    place = SLUGS.index(slug) + 1
    return STAGES[SLUGS[place]] if place < len(SLUGS) else None


def not_later(slug: str, other: str) -> bool:
    return SLUGS.index(slug) <= SLUGS.index(other)


def gate_of(slug: str) -> Gate:
    """A gate by name, wherever it stands first."""
    for stage in STAGES.values():
        for gate in (*stage.entry, *stage.exit_gates):
            if gate.slug == slug:
                return gate
    raise KeyError(slug)


def gate_slugs() -> frozenset[str]:
    return frozenset(
        gate.slug for stage in STAGES.values() for gate in (*stage.entry, *stage.exit_gates)
    )


# --- Names of the vocabularies before -----------------------------------------------------------


def _plain(name: str) -> str:
    return (
        re.sub(r"[^a-z0-9]+", "_", name.lower().replace("&", " ")).replace("_and_", "_").strip("_")
    )


def _names() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for stage in STAGES.values():
        labels = (LEGACY_LABELS[name] for name in stage.legacy)
        for name in (stage.slug, stage.label, stage.short, *stage.legacy, *stage.seven, *labels):
            plain = _plain(name)
            if found.setdefault(plain, stage.slug) != stage.slug:
                raise ValueError(f"{name} means two stages")
    return found


NAMES = _names()


def normal(name: Any, field: str = "stage") -> str:
    """The stage that is meant, in whichever of the three vocabularies it is named."""
    found = NAMES.get(_plain(name)) if isinstance(name, str) and len(name) <= 60 else None
    if found is None:
        known = ", ".join(SLUGS)
        sentence = f"One of {known}; names of the seven and eight stages are understood."
        raise Invalid(f"{field}: {sentence}", details={field: sentence})
    return found


def legacy_of(name: str) -> list[str]:
    """What an imported row keeps as its old stage: the very name where it was one of the eight."""
    plain = _plain(name)
    if plain in LEGACY_LABELS:
        return [plain]
    return list(STAGES[normal(name)].legacy)
