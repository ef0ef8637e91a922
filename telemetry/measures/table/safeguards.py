"""Safeguard Compliance: alerts, fixes, overrides."""

from __future__ import annotations

from telemetry.measures.elsewhere import findings
from telemetry.measures.elsewhere.findings import ALERT as _ALERT
from telemetry.measures.elsewhere.findings import FIXED as _FIXED
from telemetry.measures.table.lifecycle import EXECUTED, STARTED
from telemetry.measures.table.words import area, these

_add = area("safeguards")
_NOT_FIXED = ("failed", "error")

_add(
    "safeguard.violations",
    "Missions with a violation",
    "%",
    "computed",
    these(_ALERT),
    over=EXECUTED,
    compute=findings.violated,
    better="lower",
    target=5.0,
    min_sample=10,
    groups=(),
    about="Missions with a finding that failed or is grave, and was not fixed, of those that"
    " executed.",
)
_add(
    "safeguard.unfixed",
    "Findings that failed",
    "",
    "count",
    these(_ALERT, status="error"),
    over=EXECUTED,
    better="lower",
)
_add(
    "safeguard.alerts",
    "Validator alerts",
    "",
    "count",
    these(_ALERT),
    over=EXECUTED,
    better="lower",
    about="By code: what became of the fix.",
)
_add(
    "safeguard.auto_fix",
    "Fixed by itself",
    "%",
    "ratio",
    these(_ALERT, code=_FIXED),
    over=these(_ALERT, code=(*_FIXED, *_NOT_FIXED)),
    better="higher",
    target=80.0,
    min_sample=10,
    about="Of findings whose fix was tried.",
)
_add(
    "safeguard.fixes",
    "Fixes applied",
    "",
    "count",
    these("validator_auto_fix_applied"),
    over=EXECUTED,
)
_add(
    "safeguard.overrides",
    "Overrides asked for",
    "",
    "count",
    these("validator_override_requested"),
    over=EXECUTED,
    better="lower",
    about="By code: the reason given.",
)
_add(
    "safeguard.escalated",
    "Missions escalated",
    "%",
    "computed",
    these("validator_override_requested", _ALERT),
    over=EXECUTED,
    compute=findings.escalated,
    better="lower",
    target=5.0,
    min_sample=10,
    groups=(),
    about="Missions with an override asked for, or with a grave finding that was not fixed, of"
    " those that executed.",
)
_add(
    "governance.overrides",
    "Governance overrides asked for",
    "",
    "count",
    these("governance_override_requested"),
    over=STARTED,
    better="lower",
    about="By code: the kind.",
)
_add(
    "safeguard.edited",
    "Missions with safeguards edited by hand",
    "%",
    "missions_share",
    these("safeguard_added"),
    over=STARTED,
    better="lower",
    target=20.0,
    min_sample=10,
)
_add("safeguard.reviews", "Safeguards reviewed", "", "count", these("safeguard_reviewed"))
_add(
    "scopes.misaligned",
    "Scope checks that failed",
    "%",
    "error_rate",
    these("validator_scope_check"),
    better="lower",
)
