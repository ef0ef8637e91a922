"""The check as the door of Execute & Observe asks it: of one mission, nothing written."""

from __future__ import annotations

from missions.gates.kinds import Found, failed, passed
from missions.gates.looking import Look
from missions.gates.registry import provide
from missions.governance.looking import look as look_at


@provide("governance_green")
def governance_green(look: Look) -> Found:
    report = look_at(look.mission.workspace, [look.mission], looks=[look.at(look.mission.stage)])
    page = ("Governance", "/admin/missions/governancefinding/")
    if report.failed:
        return failed(f"Could not ask {', '.join(report.failed)}.", page)
    lines = [line for line in report.lines() if line.status == "gaps"]
    if lines:
        return failed(" ".join(f"{line.rule}: {line.text}" for line in lines)[:2_000], page)
    asked = sum(line.status == "ok" for line in report.lines())
    return passed(f"{asked} rules hold.", page)
