"""Which section of the runbooks helps with what a tick met."""

from __future__ import annotations

from collections.abc import Mapping

_PAGE = "docs/runbooks.md#threads-"
FAILED = f"{_PAGE}service_unavailable"
_OF = {
    "dead": f"{_PAGE}wake_trigger_failure",
    "failed": f"{_PAGE}wake_trigger_failure",
    "unanswered": f"{_PAGE}wake_trigger_failure",
    "defer": f"{_PAGE}human_input_collision",
    "hold": f"{_PAGE}escalation_flood",
    "held": f"{_PAGE}escalation_flood",
}


def of(done: Mapping[str, int]) -> list[str]:
    """Of all that was done, the sections about what did not go well."""
    return sorted({_OF[what] for what, number in done.items() if number and what in _OF})
