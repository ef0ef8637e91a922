"""What the governance check tells the rest of the portal."""

from __future__ import annotations

from controlplane.audit import words
from controlplane.base.personal import nothing
from controlplane.base.retention import keep_always, keep_rows


def register() -> None:
    from missions.governance import gate  # noqa: F401
    from missions.shown import governance as shown

    shown.register()
    words.define(
        "mission",
        {
            "check": "check/checked missions",
            "sign_check": "sign/signed the governance check",
            "governance_found": "find/found something in the governance check",
            "governance_closed": "find/found no more in the governance check",
        },
    )


nothing(
    "missions.governance",
    "missions.governancerun",
    "missions.governancefinding",
    why="what missions lacked; who signed a check stands there by an opaque ref",
)
keep_rows(
    "missions.governance_runs",
    "missions.governancerun",
    "started_at",
    days=730,
    what="weekly checks of missions",
    why="two years of weekly checks, the evidence behind a sign-off; those a finding names stay",
    findings__isnull=True,
)
keep_always(
    "missions.governance_findings",
    "missions.governancefinding",
    why="one row for a rule and what it is about, reopened when it is found again",
)
