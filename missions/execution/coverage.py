"""How much of a play can be taken back."""

from __future__ import annotations

from missions.models import PlayStep, UndoStep


def share(part: int, whole: int) -> float | None:
    """Of nothing there is no share."""
    return round(100 * part / whole, 1) if whole else None


def coverage(steps: list[PlayStep], undo: list[UndoStep]) -> tuple[int, int, int]:
    """Steps that change something, those that can be taken back, those proven to be."""
    mutating = {step.pk for step in steps if step.mutating}
    primary = [step for step in undo if not step.alternate]
    covered = {step.play_step_id for step in primary} & mutating
    proven = {step.play_step_id for step in primary if step.verified_at is not None} & mutating
    return len(mutating), len(covered), len(proven)
