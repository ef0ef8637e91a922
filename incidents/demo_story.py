"""What the demo's open incident touches: the missions it holds, the agents who talk about it, what
was decided. The canary it is suspected of, its ticket and its telemetry are told elsewhere."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.access.models import Agent
from controlplane.access.principals import actor_for_agent
from controlplane.base import demo
from controlplane.lib import clock
from deployments.models import Rollout
from incidents.models import Action, Incident
from incidents.response import acting, deciding, updates
from missions.models import Mission
from missions.threads import drafts, services
from missions.threads.models import Thread

TYPE = "research"  # missions that ask several sources at once


@demo.step("incidents.story", order=100)
def story(scene: demo.Scene) -> None:
    rows = Incident.objects.of(scene.workspace).filter(status="mitigating", severity="sev2")
    incident = rows.select_related("workspace", "item").order_by("-pk").first()
    if incident is None or Action.objects.filter(incident=incident).exists():
        return
    _held(scene, incident)
    _decided(scene, incident)
    _talked(scene, incident)
    _told(scene, incident)


def _held(scene: demo.Scene, incident: Incident) -> None:
    """Missions that would ask the router most wait until it answers."""
    at_work = Mission.objects.of(scene.workspace).filter(status="active", mission_type=TYPE)
    if not at_work.exists():
        return
    with clock.set_back(timedelta(minutes=7)):
        acting.act(
            incident, "pause_missions", f"type:{TYPE}", actor=scene.actor("primary_operator"),
            reason="Each of its steps asks three sources, and every third call times out. It goes"
            " on when the router answers.",
        )  # fmt: skip


def _decided(scene: demo.Scene, incident: Incident) -> None:
    canary = Rollout.objects.of(scene.workspace).filter(
        status="running", environment__slug="production"
    ).first()  # fmt: skip
    if canary is None:
        return
    with clock.set_back(timedelta(minutes=6)):
        deciding.decide(
            incident, actor=scene.actor("primary_operator"),
            text=f"{canary.ref} stays at 10 % and is not promoted.",
            why="Its own errors are those of everybody else; switched off now, we would not learn"
            " whether its calls are too many.",
        )  # fmt: skip


def _talked(scene: demo.Scene, incident: Incident) -> None:
    """The executor is awake and at it; the inspector has said what it found, and sleeps."""
    roles = ("executor", "inspector")
    rows = Agent.objects.filter(workspace=scene.workspace, role__in=roles, is_active=True)
    agents = {row.role: row for row in rows}
    if len(agents) < len(roles):
        return
    operator = scene.actor("operations_command")
    thread = services.create_thread(
        scene.workspace, actor=operator, title=f"{incident.ref}: tool calls time out",
        kind="incident", item=incident.item, owner=scene.people["operations_command"],
        participants=[(agents[role], "") for role in roles],
    )  # fmt: skip

    def said(role: str, body: str, **given: Any) -> int:
        actor = actor_for_agent(agents[role]) if role in agents else operator
        return _say(thread, actor, body, **given)

    said("executor", "Every third of my calls ends after 30 s. Those that answer are right.")
    said(
        "inspector", "Seven of ten that time out belong to parallel-research: it asks three"
        " sources at once, and the router counts each.",
        event="finding_reported", finding_id="ROUTER-1", severity="high",
    )  # fmt: skip
    last = said("operator", "Thank you. Stay below ten calls a minute until I say so.")
    services.ack_read(thread.uid, last, actor=actor_for_agent(agents["executor"]))
    last = said("executor", "Below ten a minute from now on; nothing is lost, it waits.")
    for role in roles:
        services.ack_read(thread.uid, last, actor=actor_for_agent(agents[role]))
    for role, status in (("executor", "active"), ("inspector", "idle")):
        services.heartbeat(
            f"{role}-main", actor=actor_for_agent(agents[role]), runtime="codex", status=status,
            resumable=True, management="managed",
        )  # fmt: skip


def _told(scene: demo.Scene, incident: Incident) -> None:
    """The last word of a moment ago: from it the clock of the next one runs."""
    updates.post_update(
        incident, actor=scene.actor("primary_operator"), kind="update",
        subject=f"{incident.ref}: two thirds of the traffic are moved",
        text="The second provider takes two thirds of the calls; of those that stay every third"
        " still times out. The rest is moved in small steps, so that nothing is lost.",
    )  # fmt: skip


def _say(
    thread: Thread, actor: Any, body: str, event: str | None = None, **metadata: Any
) -> int:  # fmt: skip
    given: dict[str, Any] = {"body": body, "metadata": metadata}
    if event:
        given |= {"kind": "event", "event_type": event}
    return services.post_message(thread.uid, drafts.read(given), actor=actor).seq
