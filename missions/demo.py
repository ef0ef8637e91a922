"""The demo's missions: one being planned, one in Define whose brief is locked, and two that came
from the system before: one paused while its data is looked at, one that agents are carrying out."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from controlplane.base import demo
from controlplane.lib import clock
from missions import demo_evidence as _evidence  # noqa: F401 - a step of its own
from missions import demo_guarding as _guarding  # noqa: F401 - another
from missions import demo_learning as _learning  # noqa: F401 - another
from missions import demo_plans as _plans  # noqa: F401
from missions import demo_told as _told  # noqa: F401
from missions import services
from missions.models import Mission


@demo.step("missions", order=80)
def missions(scene: demo.Scene) -> None:
    if Mission.objects.of(scene.workspace).exists():
        return
    _draft(scene)
    _in_define(scene)
    _from_before(scene)


def _draft(scene: demo.Scene) -> None:
    services.create_mission(
        scene.workspace,
        actor=scene.actor("mission_owner"),
        title="Answer tickets about invoices from the handbook",
        intent="Most tickets about invoices are answered by the handbook. Draft the answer, let "
        "support send it.",
        mission_type="support",
        persona="Support",
        priority=3,
        tags=["support", "invoices"],
    )


def _in_define(scene: demo.Scene) -> None:
    owner, now = scene.actor("mission_owner"), clock.now()
    row = services.create_mission(
        scene.workspace,
        actor=owner,
        title="Win back dormant accounts in the EU",
        intent="Write to accounts that went quiet and ask what they miss. Nothing is sent before "
        "somebody read it.",
        mission_type="outreach",
        persona="Customer success",
        priority=1,
        tags=["crm", "eu"],
        due_on=(now + timedelta(days=21)).date(),
        external_ref="campaign-311",
        brief={
            "objective": "Draft mails to 200 accounts that went quiet.",
            "audience": "Dormant accounts in the EU with a contract that ends this year.",
            "business_objective": "Win back a tenth of them before they cancel.",
            "kpi_name": "Accounts that answer",
            "kpi_unit": "accounts",
            "kpi_baseline": Decimal(4),
            "kpi_target": Decimal(20),
            "kpi_deadline": (now + timedelta(days=60)).date(),
            "timeline": "Drafts in one week, answers in three.",
        },
    )
    services.start_mission(row, actor=owner)
    services.lock_brief(row, actor=owner)
    services.tick_line(
        row,
        "intent_validated",
        actor=owner,
        note_="Read with the account team.",
        evidence=[{"label": "Minutes", "link": "https://docs.example.com/minutes/311"}],
    )
    services.link_evidence(
        row,
        actor=owner,
        label="Intake validation",
        link="docs/readiness/define_intake_validation.md",
    )


def _from_before(scene: demo.Scene) -> None:
    now, actor = clock.now(), scene.actor("workspace_admin")
    owner = scene.people["mission_owner"]

    def past(stage: str, days: float, lasted: float, outcome: str = "completed") -> dict[str, Any]:
        entered = now - timedelta(days=days)
        left = entered + timedelta(days=lasted)
        return {"stage": stage, "entered_at": entered, "left_at": left, "outcome": outcome}

    found = services.import_missions(
        scene.workspace,
        [
            {
                "external_ref": "legacy-41",
                "title": "Enrich leads of the trade fair",
                "intent": "Add what is public about each lead.",
                "stage": "Data Inspect",
                "status": "in_progress",
                "owner": owner,
                "mission_type": "market_research",
                "due_on": (now - timedelta(days=2)).date(),
                "started_at": now - timedelta(days=12),
                "visits": [past("Intake", 12, 1), past("Toolkits & Connect", 11, 4)],
            },
            {
                "external_ref": "legacy-37",
                "title": "Summarise last quarter's support calls",
                "intent": "One page a theme, with the calls behind it.",
                "stage": "Governed Execution",
                "status": "in_progress",
                "owner": owner,
                "mission_type": "research",
                "started_at": now - timedelta(days=20),
                "visits": [
                    past("Mission Brief", 20, 2),
                    past("Toolkits & Connect", 18, 2, "sent_back"),
                    past("Mission Brief", 16, 1),
                    past("Data Inspect", 15, 3),
                    past("Plan", 12, 8),
                ],
            },
        ],
        actor=scene.actor("workspace_admin"),  # who imports approves nothing of it
    )
    services.pause_mission(
        found[0].mission,
        actor=actor,
        reason="The CRM's authorization expired; whoever owns it is asked.",
        cause="authorization",
    )
