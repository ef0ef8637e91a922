"""Environments, services, components and integrations: made, changed, retired."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record_each
from controlplane.base import cache, refs
from controlplane.base.states import advance
from controlplane.catalog import vocabulary
from controlplane.catalog.environments import PLAYBOOK
from controlplane.catalog.models import Component, Environment, Integration, Service
from controlplane.catalog.services.changing import add, change, shown, switch
from controlplane.catalog.services.probes import rest, wake
from controlplane.lib.actors import Actor

ENVIRONMENT_FIELDS = (
    "name",
    "purpose",
    "update_frequency",
    "data_class",
    "needs_approval",
    "releases_per_week",
    "data_refresh_days",
    "debug_allowed",
)
SERVICE_FIELDS = (
    "name",
    "kind",
    "description",
    "host",
    "runtime",
    "owner_role",
    "tier",
    "uptime_target",
)
COMPONENT_FIELDS = ("name", "kind", "description", "service", "is_public", "order")
INTEGRATION_FIELDS = ("name", "kind", "description", "owner_role", *vocabulary.THRESHOLDS)


@transaction.atomic
def ensure_environments(workspace: Workspace, *, actor: Actor) -> list[Environment]:
    """The playbook's environments that this workspace lacks. Called with its making."""
    # Part of making a workspace, hence its right: who makes one holds no role in it yet.
    policy.require(actor, "workspace.create", workspace)
    known = set(Environment.objects.of(workspace).values_list("slug", flat=True))
    made = [Environment(workspace=workspace, **row) for row in PLAYBOOK if row["slug"] not in known]
    Environment.objects.bulk_create(made, ignore_conflicts=True)
    # Only what is really ours: another maker may have been first with the same slug.
    ours = list(Environment.objects.filter(uid__in=[row.uid for row in made]))
    record_each(actor, "catalog.manage", [(each, shown(each)) for each in ours])
    return ours


@transaction.atomic
def change_environment(
    environment: Environment, *, actor: Actor, version: int | None = None, **changes: Any
) -> Environment:
    return change(environment, changes, actor=actor, version=version, allowed=ENVIRONMENT_FIELDS)


@transaction.atomic
def register_service(
    workspace: Workspace, *, actor: Actor, slug: str, name: str, **fields: Any
) -> Service:
    service = Service(workspace=workspace, slug=slug, name=name, **fields)
    service.ref = str(refs.allocate(workspace.pk, "SRV"))
    return add(service, actor=actor, conflict=f"There is a service {slug} already.")


@transaction.atomic
def change_service(
    service: Service, *, actor: Actor, version: int | None = None, **changes: Any
) -> Service:
    return change(service, changes, actor=actor, version=version, allowed=SERVICE_FIELDS)


@transaction.atomic
def retire_service(service: Service, *, actor: Actor, reason: str = "") -> Service:
    """Out of service: its probes rest, and what was down is over."""
    advance(service, "retired", actor=actor, reason=reason)
    rest(service)
    return service


@transaction.atomic
def restore_service(service: Service, *, actor: Actor, reason: str = "") -> Service:
    """Back in service: its probes look again, at once."""
    advance(service, "active", actor=actor, reason=reason)
    wake(service)
    return service


@transaction.atomic
def add_component(
    workspace: Workspace, *, actor: Actor, slug: str, name: str, **fields: Any
) -> Component:
    component = Component(workspace=workspace, slug=slug, name=name, **fields)
    return add(component, actor=actor, conflict=f"There is a component {slug} already.")


@transaction.atomic
def change_component(
    component: Component, *, actor: Actor, version: int | None = None, **changes: Any
) -> Component:
    return change(component, changes, actor=actor, version=version, allowed=COMPONENT_FIELDS)


@transaction.atomic
def switch_component(
    component: Component, *, actor: Actor, active: bool, reason: str = ""
) -> Component:
    return switch(component, actor=actor, active=active, reason=reason)


@transaction.atomic
def add_integration(
    workspace: Workspace, *, actor: Actor, slug: str, name: str, **fields: Any
) -> Integration:
    integration = Integration(workspace=workspace, slug=slug, name=name, **fields)
    integration.ref = str(refs.allocate(workspace.pk, "INT"))
    cache.forget_tools(workspace.pk)
    return add(integration, actor=actor, conflict=f"There is an integration {slug} already.")


@transaction.atomic
def change_integration(
    integration: Integration, *, actor: Actor, version: int | None = None, **changes: Any
) -> Integration:
    cache.forget_tools(integration.workspace_id)
    return change(integration, changes, actor=actor, version=version, allowed=INTEGRATION_FIELDS)


@transaction.atomic
def switch_integration(
    integration: Integration, *, actor: Actor, active: bool, reason: str = ""
) -> Integration:
    cache.forget_tools(integration.workspace_id)
    return switch(integration, actor=actor, active=active, reason=reason)
