"""Governance checks in words: how each rule stands, which mission lacks what, and where it is
mended. What the check hands to the console's shared parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from controlplane.base.registries import NavItem, NavRows, nav_items
from controlplane.lib.actors import Actor
from missions import links, stages
from missions.governance.kinds import BOOK, MISSIONS, WHOLE
from missions.models import GovernanceFinding, GovernanceRun, Mission

# tone of the kit, icon, word: a shape for each, so that colour is never alone.
MARKS: Mapping[str, tuple[str, str, str]] = {
    "ok": ("good", "check", "Holds"),
    "gaps": ("warn", "alert", "Found"),
    "not_applicable": ("neutral", "minus", "Not asked"),
    "failed": ("bad", "siren", "Could not be asked"),
}
_OTHER = MARKS["not_applicable"]


@dataclass(frozen=True, slots=True)
class Lack:
    about: str
    text: str
    url: str  # of the mission
    item: str


@dataclass(frozen=True, slots=True)
class RuleLine:
    code: str
    title: str
    status: str
    text: str
    lacks: Sequence[Lack]

    @property
    def mark(self) -> tuple[str, str, str]:
        return MARKS.get(self.status, _OTHER)

    @property
    def word(self) -> str:
        return f"{len(self.lacks)} found" if self.lacks else self.mark[2]


def rule_lines(run: GovernanceRun) -> list[RuleLine]:
    refs = {each["about"] for line in run.rules for each in line["found"]}
    rows = Mission.objects.of(run.workspace_id).filter(ref__in=refs)
    pages = {row.ref: links.page_of(row) for row in rows}
    found = GovernanceFinding.objects.of(run.workspace_id).filter(about__in=[*refs])
    items = {(row.rule, row.about): row.item for row in found}
    return [
        RuleLine(
            line["rule"],
            line["title"],
            line["status"],
            line["text"],
            [
                Lack(
                    "" if each["about"] == WHOLE else each["about"],
                    each["text"],
                    pages.get(each["about"], ""),
                    items.get((line["rule"], each["about"]), ""),
                )
                for each in line["found"]
            ],
        )
        for line in run.rules
    ]


def table(run: GovernanceRun) -> dict[str, Any]:
    """Missions and rules, a mark in each cell; nothing while no mission was looked at."""
    if not run.marks:
        return {}
    codes = [rule.code for rule in BOOK.of_mode(MISSIONS)]
    rows = Mission.objects.of(run.workspace_id).filter(ref__in=[each["ref"] for each in run.marks])
    pages = {row.ref: links.page_of(row) for row in rows}
    return {
        "rules": [(code, BOOK.rules[code].title) for code in codes],
        "lines": [
            {
                "ref": each["ref"],
                "title": each["title"],
                "url": pages.get(each["ref"], ""),
                "stage": stages.get(each["stage"]).short,
                "marks": [
                    (code, *MARKS.get(each["marks"].get(code, ""), _OTHER)) for code in codes
                ],
            }
            for each in run.marks
        ],
        "left_out": max(run.missions - len(run.marks), 0),
    }


def run_url(run: GovernanceRun) -> str:
    return reverse("admin:missions_governancerun_change", args=(run.pk,))


def _open(actor: Actor, workspace_id: int | None) -> Any:
    rows = GovernanceFinding.objects.visible_to(actor).filter(status="open")
    return rows if workspace_id is None else rows.filter(workspace=workspace_id)


def _count(actor: Actor, workspace_id: int | None) -> NavRows:
    return NavRows(_open(actor, workspace_id).order_by(), "warn", most=99)


def register() -> None:
    nav_items.register(
        NavItem(
            "mission-governance",
            "Governance",
            "Missions",
            "admin:missions_governancefinding_changelist",
            "shield",
            "mission.view",
            44,
            "",
            _count,
        )
    )
    nav_items.register(
        NavItem(
            "mission-checks",
            "Governance checks",
            "Missions",
            "admin:missions_governancerun_changelist",
            "eye",
            "mission.view",
            45,
        )
    )
