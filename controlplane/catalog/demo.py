"""The demo's catalog: the playbook's services, components and integrations."""

from __future__ import annotations

from datetime import timedelta

from controlplane.base import demo
from controlplane.catalog import services
from controlplane.catalog.models import Environment, Service
from controlplane.lib import clock

_SERVICES = (
    ("frontend", "Mission workspace", "frontend", "Vercel, behind a CDN", "Node 22", 1),
    ("agent-service", "Agent service", "agent", "Fly.io, behind a load balancer", "Python 3.13", 1),
    ("database", "Mission database", "database", "Managed PostgreSQL", "PostgreSQL 18", 1),
    ("evidence-storage", "Evidence storage", "storage", "Managed object storage", "", 2),
    ("portal", "This portal", "portal", "Where you read this", "", 2),
)
_INTEGRATIONS = (
    ("tool-router", "Composio Tool Router", "tool_router", "Six operations over 500 toolkits"),
    ("copilotkit", "CopilotKit", "chat", "Streaming chat and co-agents"),
    ("gemini-adk", "Gemini ADK", "agents", "Coordinates the agents"),
    ("gmail", "Gmail", "toolkit", "Mail, through the Tool Router"),
)


# name, what it opens, where it lies, whose it is, days between changes, days since the last
_SECRETS = (
    (
        "Composio API key",
        "Tool calls of all agents",
        "Vault: agents/composio",
        "sre_liaison",
        90,
        81,
    ),
    ("Gemini API key", "Models of all agents", "Vault: agents/gemini", "engineering_lead", 90, 97),
    ("Database password", "The mission database", "Vault: database/app", "database_lead", 90, 20),
    ("Deploy token", "Releases of the front end", "Vault: ci/vercel", "release_manager", 30, 4),
)


@demo.step("catalog.secrets", order=16)
def secrets(scene: demo.Scene) -> None:
    actor, today = scene.actor("security_lead"), clock.now().date()
    for name, purpose, kept_in, owner, every, age in _SECRETS:
        services.note_secret(
            scene.workspace,
            actor=actor,
            name=name,
            purpose=purpose,
            kept_in=kept_in,
            owner_role=owner,
            rotate_days=every,
            rotated_on=today - timedelta(days=age),
        )


@demo.step("catalog", order=15)
def catalog(scene: demo.Scene) -> None:
    actor = scene.actor("operations_command")
    made: dict[str, Service] = {}
    for slug, name, kind, host, runtime, tier in _SERVICES:
        made[slug] = services.register_service(
            scene.workspace,
            actor=actor,
            slug=slug,
            name=name,
            kind=kind,
            host=host,
            runtime=runtime,
            tier=tier,
            owner_role="sre_liaison",
        )
    for order, slug in enumerate(("frontend", "agent-service", "database")):
        service = made[slug]
        services.add_component(
            scene.workspace,
            actor=actor,
            slug=slug,
            name=service.name,
            kind=service.kind,
            service=service,
            is_public=True,
            order=order,
        )
    # The portal looks at itself wherever it runs; the other services are not there in a demo.
    production = Environment.objects.get(workspace=scene.workspace, slug="production")
    services.add_probe(made["portal"], production, actor=actor, url="/health")
    for slug, name, kind, description in _INTEGRATIONS:
        services.add_integration(
            scene.workspace, actor=actor, slug=slug, name=name, kind=kind, description=description
        )
