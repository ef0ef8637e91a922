"""The demo's flags: on, on for a tenth, killed, waiting for consent, stale."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.base import demo
from controlplane.catalog.models import Environment
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from deployments.flags import services
from deployments.flags.models import Flag, FlagEnvironment, FlagState
from deployments.flags.naming import mission_type_flag
from deployments.flags.services.staleness import find_stale

EU = [{"contextName": "region", "operator": "IN", "values": ["eu"]}]


@demo.step("flags", order=65)
def flags(scene: demo.Scene) -> None:
    if Flag.objects.of(scene.workspace).exists():
        return
    manager, lead = scene.actor("release_manager"), scene.actor("engineering_lead")
    services.create_segment(
        scene.workspace, "eu-tenants", actor=manager, name="Tenants in the EU", constraints=EU
    )
    planner = _make(scene, "new-planner", "Plans missions with the second planner.", tier=2)
    _put(planner, "staging", {"on": True}, actor=manager)
    tenth = {"title": "A tenth of the EU", "percent": 10, "segments": ["eu-tenants"]}
    _put(planner, "production", {"on": True, "rules": [tenth]}, actor=manager)
    search = _make(scene, "evidence-search", "Full-text search over evidence.", tier=1)
    for place in ("local", "staging", "production"):
        _put(search, place, {"on": True}, actor=manager)
    summary = _make(scene, "fast-summaries", "Summaries by the small model.", kind="experiment")
    _put(summary, "production", {"on": True, "variants": _arms()}, actor=manager)
    services.kill(summary, actor=lead, reason="Summaries left out the sources.")
    research = _make(
        scene,
        mission_type_flag("market_research"),
        "Low-priority missions, off when capacity is short.",
        kind="mission_type",
        permanent=True,
    )
    _put(research, "production", {"on": True}, actor=manager)
    _ask(scene, planner)
    _make(
        scene,
        "legacy-export",
        "The old export, kept for a while.",
        remove_by=clock.now().date() - timedelta(days=20),
    )
    find_stale(scene.workspace)


def _make(scene: demo.Scene, name: str, description: str, **fields: Any) -> Flag:
    return services.create_flag(
        scene.workspace,
        name,
        actor=scene.actor("engineering_lead"),
        description=description,
        owner=scene.people["engineering_lead"],
        **fields,
    )


def _put(flag: Flag, place: str, settings: dict[str, Any], *, actor: Actor) -> None:
    state = FlagState.objects.select_related("flag").get(flag=flag, environment__slug=place)
    services.change_settings(
        state, settings, actor=actor, version=state.version, reason="As planned for the release."
    )


def _arms() -> list[dict[str, Any]]:
    return [
        {"name": "small", "weight": 1, "payload": {"type": "string", "value": "small"}},
        {"name": "large", "weight": 1, "payload": {"type": "string", "value": "large"}},
    ]


def _ask(scene: demo.Scene, flag: Flag) -> None:
    """Production asks for consent from now on; the next step waits for it."""
    production = Environment.objects.get(workspace=scene.workspace, slug="production")
    services.set_needs_approval(
        FlagEnvironment.objects.get(environment=production),
        True,
        actor=scene.actor("engineering_lead"),
        reason="Users feel what changes there.",
    )
    state = FlagState.objects.select_related("flag__workspace", "flag__item", "environment").get(
        flag=flag, environment=production
    )
    half = {"title": "Half of the EU", "percent": 50, "segments": ["eu-tenants"]}
    services.propose(
        state,
        {"on": True, "rules": [half]},
        actor=scene.actor("engineering_lead"),
        version=state.version,
        reason="A day at 10 % without a complaint.",
    )
