"""The demo's agents, one of each role the playbooks name, and a service account."""

from __future__ import annotations

from controlplane.access.models import Agent
from controlplane.access.policy import AGENTS, ROLES
from controlplane.access.services.agents import create_agent
from controlplane.base import demo


@demo.step("agents", order=10)
def agents(scene: demo.Scene) -> None:
    actor = scene.actor("workspace_admin")
    # Somebody who signs no missions: whoever answers for an agent signs nothing that it makes.
    owner = scene.people["workspace_admin"]
    for role in sorted(AGENTS):
        create_agent(
            scene.workspace,
            actor=actor,
            name=f"{role}-1",
            role=role,
            description=ROLES[role][0],
            owner=owner,
        )
    create_agent(
        scene.workspace,
        actor=actor,
        name="ci",
        kind=Agent.Kind.SERVICE,
        description="Reports builds and backups from outside",
        owner=scene.people["release_manager"],
    )
