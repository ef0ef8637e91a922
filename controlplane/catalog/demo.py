"""The demo's catalog: the playbook's services, components and integrations."""

from __future__ import annotations

from controlplane.base import demo
from controlplane.catalog import services
from controlplane.catalog.models import Environment, Service

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
