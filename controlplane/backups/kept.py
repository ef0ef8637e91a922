"""How long notes of backups are kept, what they hold of people, and the figures they give."""

from __future__ import annotations

from datetime import datetime

from controlplane.backups import services
from controlplane.base.data_rules import Reach
from controlplane.base.personal import nothing
from controlplane.base.registries import AuditRule, Kpi, Verdict, audit_rules, kpis
from controlplane.base.retention import keep_rows

keep_rows(
    "backups.reports",
    "backups.backupreport",
    "finished_at",
    days=400,
    minimum_days=30,
    what="reports of backups",
    why="a year of evidence that backups were taken; the backups themselves go after 30 days",
)
keep_rows(
    "backups.drills",
    "backups.restoredrill",
    "started_at",
    days=400,
    minimum_days=30,
    what="restore drills",
    why="a year of evidence that backups could be restored",
    reach=Reach(workspace="report__workspace_id"),
)
nothing(
    "backups.notes",
    "backups.backupreport",
    "backups.restoredrill",
    why="sizes, times and names of tools and jobs",
)


def _rpo(workspace_id: int, since: datetime, until: datetime) -> float | None:
    seconds = services.figures().rpo_seconds
    return None if seconds is None else seconds / 3600


def _rto(workspace_id: int, since: datetime, until: datetime) -> float | None:
    seconds = services.figures().rto_seconds
    return None if seconds is None else seconds / 3600


kpis.register(
    Kpi(
        slug="backups.rpo",
        title="Work a disaster would cost now (RPO)",
        unit="h",
        formula="now minus the start of the newest good backup of the portal's database",
        compute=_rpo,
        target=services.RPO_TARGET.value / 3600,
        better="lower",
        link="/admin/backups/backupreport/",
        source="the first good backup",
        action="backup.view",
    )
)
kpis.register(
    Kpi(
        slug="backups.rto",
        title="Time to come back (RTO)",
        unit="h",
        formula="length of the newest good restore drill: checksum, restore, counts, proof",
        compute=_rto,
        target=services.RTO_TARGET.value / 3600,
        better="lower",
        link="/admin/backups/restoredrill/",
        source="the first good restore drill",
        action="backup.view",
    )
)


def _fresh(workspace_id: int) -> Verdict:
    found = services.freshness(workspace_id)
    if found.newest is None:
        return Verdict("failing", "There is no good backup of the database.")
    hours = (found.age_seconds or 0.0) / 3600
    text = f"The newest good backup is {hours:.1f} hours old."
    return Verdict("ok" if found.fresh else "failing", text, value=hours)


audit_rules.register(
    AuditRule(
        slug="backups.fresh",
        title="A good backup younger than 26 hours exists",
        check=_fresh,
        severity="critical",
    )
)
