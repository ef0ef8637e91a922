"""How many of the clients were driven, at the end of a run."""

from __future__ import annotations

from typing import Any


def line(stats: dict[str, list[Any]]) -> str:
    """By pytest's reports; empty when no client was asked for."""
    seen = {outcome: _clients(stats.get(outcome, [])) for outcome in ("passed", "skipped")}
    failed = _clients(stats.get("failed", [])) | _clients(stats.get("error", []))
    driven = seen["passed"] - failed
    skipped = seen["skipped"] - seen["passed"] - failed
    parts = [("driven", driven), ("skipped", skipped), ("failed", failed)]
    if not any(names for _, names in parts):
        return ""
    said = [
        f"{len(names)} {word}{_named(names)}" for word, names in parts if names or word != "failed"
    ]
    return f"Others' clients and cases: {', '.join(said)}"


def _clients(reports: list[Any]) -> set[str]:
    """The one that a test is about is the last it asked for."""
    known = [dict(getattr(report, "user_properties", ())) for report in reports]
    return {str(each["client"]) for each in known if "client" in each}


def _named(names: set[str]) -> str:
    return f" ({' '.join(sorted(names))})" if names else ""
