"""Missions with safeguards, toolkits and what was found of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.catalog import services as catalog
from controlplane.catalog.models import Integration
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from missions import services
from missions.models import (
    DataInspection,
    Finding,
    Mission,
    MissionToolkit,
    Override,
    Safeguard,
    ToolkitConnection,
)
from tests import make
from tests.kit import missions
from tests.kit.missions import again

SCOPES = ["mail.draft", "mail.read"]


class World(missions.World):
    """With the agents that look and check, and a catalogue."""

    def agent(self, role: str) -> Actor:
        found = self.__dict__.setdefault("_agents", {})
        if role not in found:
            found[role] = make.actor(make.agent(self.workspace, role=role, owner=self.owner))
        actor: Actor = found[role]
        return actor

    def integration(self, slug: str = "mail") -> Integration:
        there = Integration.objects.filter(workspace=self.workspace, slug=slug).first()
        return there or catalog.add_integration(
            self.workspace, actor=make.JOB, slug=slug, name=slug.capitalize()
        )

    # --- Safeguards -------------------------------------------------------------------------

    def settled(self, row: Mission) -> Mission:
        """Each accepted, and known by both."""
        for each in row.safeguards.filter(status="suggested"):
            services.decide_safeguard(each, "accepted", actor=self.gv)
        services.acknowledge_safeguards(row, actor=self.actor)
        services.acknowledge_safeguards(row, actor=self.gv)
        return again(row)

    def guard(self, row: Mission, slug: str = "no-send-unread") -> Safeguard:
        found: Safeguard = row.safeguards.get(template__slug=slug)
        return found

    # --- Toolkits ---------------------------------------------------------------------------

    def toolkit(self, row: Mission, slug: str = "mail", **given: Any) -> MissionToolkit:
        self.integration(slug)
        values: dict[str, Any] = {
            "toolkit": slug, "requested_scopes": SCOPES, "minimum_scopes": ["mail.draft"],
            "purpose": "Drafts of mails.", "mutating": True, **given,
        }  # fmt: skip
        return services.ask_toolkit(row, actor=self.agent("inspector"), **values)

    def inspected(self, kit: MissionToolkit, **given: Any) -> DataInspection:
        values: dict[str, Any] = {
            "source": "Contacts of the EU", "coverage_percent": "91.5", "sample_count": 400,
            "result": "pass", "read_only": True, "proof": "GET only.", **given,
        }  # fmt: skip
        return services.record_inspection(kit, actor=self.agent("inspector"), **values)

    def approved(self, kit: MissionToolkit, scopes: list[str] | None = None) -> MissionToolkit:
        services.approve_toolkit(kit, actor=self.oc, scopes=scopes)
        return services.attest_toolkit(kit, actor=self.gv, text="The least that drafts need.")

    def begun(self, kit: MissionToolkit, link: str = "link-1") -> ToolkitConnection:
        return services.begin_connection(kit, actor=self.agent("inspector"), link_id=link)

    def connected(
        self, kit: MissionToolkit, granted: list[str] | None = None, **given: Any
    ) -> ToolkitConnection:
        return services.complete_connection(
            self.begun(kit, given.pop("link", "link-1")), actor=self.agent("inspector"),
            granted_scopes=granted or SCOPES,
            expires_at=given.pop("expires_at", clock.now() + timedelta(days=60)), **given,
        )  # fmt: skip

    def equipped(self, row: Mission, slug: str = "mail") -> MissionToolkit:
        """Asked for, inspected, approved, attested to and connected."""
        kit = self.toolkit(row, slug)
        self.inspected(kit)
        self.approved(kit)
        self.connected(kit)
        rows = MissionToolkit.objects.select_related("mission", "integration")
        found: MissionToolkit = rows.get(pk=kit.pk)
        return found

    # --- Findings ---------------------------------------------------------------------------

    def found(self, row: Mission, name: str = "check-1", **given: Any) -> Finding:
        values: dict[str, Any] = {
            "external_id": name, "result": "failed", "severity": "high",
            "message": "Two mails were sent unread.", **given,
        }  # fmt: skip
        return services.report_finding(row, actor=self.agent("validator"), **values).finding

    def asked_to_pass(self, finding: Finding) -> Override:
        return services.ask_override(
            finding.mission, actor=self.agent("validator"), kind="finding",
            subject=str(finding.uid), reason="The recipients were told.",
        )  # fmt: skip
