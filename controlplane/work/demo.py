"""The demo's operations backlog: what a week of the playbook's work looks like."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from controlplane.access.models import Agent
from controlplane.access.principals import actor_for_agent
from controlplane.base import demo
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.work import services
from controlplane.work.models import Item, Project

_BACKLOG: tuple[tuple[str, str, str, str, str, int, int], ...] = (
    (
        "Ask for the persona in the intake form",
        "define",
        "brief completeness",
        "Mission brief template",
        "Intake prompts",
        4,
        1,
    ),
    (
        "Safeguard template for outbound mail",
        "define",
        "safeguard violations",
        "Safeguard catalogue",
        "Safeguard templates",
        5,
        2,
    ),
    (
        "Renew OAuth connections before they run out",
        "prepare",
        "toolkit coverage",
        "Toolkit inventory",
        "OAuth automation",
        5,
        3,
    ),
    (
        "Refresh the toolkit catalogue weekly",
        "prepare",
        "toolkit coverage",
        "Toolkit inventory",
        "Toolkit catalogue refresh",
        3,
        1,
    ),
    (
        "Show the undo plan beside the approve button",
        "plan_approve",
        "approval latency",
        "Approval check-list",
        "Approval usability",
        4,
        2,
    ),
    (
        "Every play states how it is undone",
        "plan_approve",
        "undo plan coverage",
        "Undo plan register",
        "Undo plan coverage",
        5,
        4,
    ),
    (
        "Page only on symptoms users notice",
        "execute_observe",
        "alerts per shift",
        "Alert catalogue",
        "Incident tooling",
        4,
        2,
    ),
    (
        "Tune the tone validator's false alarms",
        "execute_observe",
        "validator precision",
        "Validator thresholds",
        "Validator tuning",
        3,
        3,
    ),
    (
        "Sort feedback by itself",
        "reflect_improve",
        "feedback handled in 48 h",
        "Feedback taxonomy",
        "Feedback classification automation",
        3,
        4,
    ),
    (
        "Tag plays in the library by outcome",
        "reflect_improve",
        "plays reused",
        "Library index",
        "Library tagging",
        2,
        1,
    ),
)


@demo.step("work", order=40)
def work(scene: demo.Scene) -> None:
    project = Project.objects.get(workspace=scene.workspace, is_operations=True)
    lead = scene.actor("operations_command")
    email = scene.people["operations_command"].email
    _backlog(project, lead)
    _deployments(scene, project, lead, email)
    _incident(scene, project, lead)
    _maintenance(scene, project, lead)
    _agents(scene, project)


def _backlog(project: Project, actor: Actor) -> None:
    for title, stage, kpi, artifact, category, impact, effort in _BACKLOG:
        services.create_item(
            project,
            actor=actor,
            title=title,
            item_type="feature",
            labels=["backlog", "ops"],
            in_backlog=True,
            stage=stage,
            kpi=kpi,
            readiness_artifact=artifact,
            backlog_category=category,
            impact=impact,
            effort=effort,
        )


def _deployments(scene: demo.Scene, project: Project, actor: Actor, email: str) -> None:
    done = _deployment(project, actor, "frontend 2.7.4", assignee=email)
    services.claim(done, actor=actor, name=email)
    services.comment(done, "Canary at 5 % for 30 minutes: error rate 0.2 %.", actor=actor)
    services.add_link(
        done,
        actor=actor,
        url="https://grafana.example.org/d/frontend-2-7-4",
        title="Error rate and latency during the roll-out",
    )
    services.close_item(done, actor=actor, reason="Deployed and watched for 60 minutes.")
    coming = _deployment(
        project, actor, "frontend 2.8.0", assignee=email, due_at=clock.now() + timedelta(days=1)
    )
    release = scene.actor("release_manager")
    gates: tuple[tuple[str, str, int], ...] = (
        ("Evaluation suite green on the release branch", "task", 1),
        ("Undo plan rehearsed in staging", "task", 1),
        ("Support briefed about the new approval dialog", "task", 2),
    )
    for title, kind, priority in gates:
        gate = services.create_item(
            project, actor=release, title=title, item_type=kind, priority=priority, labels=["ops"]
        )
        services.block(coming, by=gate, actor=release)
    after = services.create_item(
        project,
        actor=release,
        title="Remove the old approval dialog",
        item_type="chore",
        priority=3,
        labels=["ops"],
    )
    services.block(after, by=coming, actor=release)


def _deployment(project: Project, actor: Actor, release: str, **given: Any) -> Item:
    found = services.ensure(
        project,
        f"release:{release}",
        actor=actor,
        title=f"Deploy {release} to production",
        item_type="deployment",
        priority=1,
        labels=["ops", "deployment"],
        external_ref=f"v{release.rpartition(' ')[2]}",
        acceptance_criteria="Error rate below 1 % for 60 minutes; undo rehearsed.",
        **given,
    )
    return found.item


def _incident(scene: demo.Scene, project: Project, actor: Actor) -> None:
    operator = scene.actor("primary_operator")
    incident = services.create_item(
        project,
        actor=operator,
        title="Calendar toolkit answers 429 to every second call",
        item_type="incident",
        priority=0,
        labels=["incident", "sev2", "ops"],
        description="Invitations stall since 09:12 UTC; the breaker opened at 09:14.",
    )
    services.claim(incident, actor=operator)
    for line in (
        "Breaker is open; plays wait instead of failing.",
        "Provider confirms a wrong quota on their side.",
        "Quota corrected at 09:51 UTC, breaker closed, no play was lost.",
    ):
        services.comment(incident, line, actor=operator)
    follow_ups = (
        ("Alert at 80 % of a toolkit's quota", "execute_observe", 1),
        ("Agree on a quota contact with the provider", "prepare", 2),
        ("Write the incident report", "reflect_improve", 1),
    )
    previous: Item | None = None
    for title, area, priority in follow_ups:
        follow_up = services.create_item(
            project,
            actor=actor,
            title=title,
            priority=priority,
            labels=["follow-up", "ops"],
            metadata={"area": area},
        )
        services.add_dependency(follow_up, incident, actor=actor, kind="discovered-from")
        if previous is not None and area == "reflect_improve":
            services.block(follow_up, by=previous, actor=actor)
        previous = follow_up
    services.close_item(
        incident, actor=operator, reason="Quota corrected by the provider; follow-ups are open."
    )


def _maintenance(scene: demo.Scene, project: Project, actor: Actor) -> None:
    window = services.create_item(
        project,
        actor=actor,
        title="Database maintenance on Saturday, 06:00 to 08:00 UTC",
        item_type="maintenance",
        priority=1,
        labels=["maintenance", "ops"],
        due_at=_saturday(clock.now()),
    )
    keeper = scene.actor("database_lead")
    previous: Item | None = None
    for title, minutes in (
        ("Announce the window on the status page", 15),
        ("Take and prove a backup", 40),
        ("Upgrade the replica and switch over", 45),
        ("Check counts, latency and the audit proof", 20),
    ):
        part = services.create_item(
            project, actor=keeper, title=title, parent=window, estimated_minutes=minutes
        )
        if previous is not None:
            services.block(part, by=previous, actor=keeper)
        previous = part
    aside = services.create_item(
        project, actor=keeper, title="Shrink the event archive", priority=4, labels=["ops"]
    )
    services.defer_item(aside, actor=keeper, until=clock.now() + timedelta(days=14))


def _saturday(now: datetime) -> datetime:
    """The next, at six UTC, and no sooner than in a day."""
    day = now + timedelta(days=1)
    day += timedelta(days=(5 - day.weekday()) % 7)
    return day.replace(hour=6, minute=0, second=0, microsecond=0)


def _agents(scene: demo.Scene, project: Project) -> None:
    """Work that agents took from the queue."""
    taken = (
        (
            "evidence",
            "Collect the evidence of last week's missions",
            "31 of 34 bundles are complete.",
        ),
        ("inspector", "Check expired toolkit connections", "Two connections need a person."),
    )
    for role, title, said in taken:
        item = services.create_item(
            project, actor=scene.actor("operations_command"), title=title, labels=["agents", "ops"]
        )
        agent = Agent.objects.filter(workspace=scene.workspace, role=role).first()
        if agent is not None:
            actor = actor_for_agent(agent)
            services.claim(item, actor=actor)
            services.comment(item, said, actor=actor)
