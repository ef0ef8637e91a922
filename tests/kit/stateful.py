"""How the walk over every transition table gets a row: one builder per stateful model.

@builds("catalog.integration")
def integration() -> Integration: ...      # through services, in the table's initial state
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django.db import models

from controlplane.approvals.models import Decision, Request, RequestSlot
from controlplane.catalog import services as catalog
from controlplane.lib import clock
from deployments import services as deployment_services
from deployments.flags import services as flag_services
from deployments.models import Rollout
from deployments.querysets import ROLLOUT_ENDED
from incidents.models import Alert
from missions import stages
from missions.models import Artifact, Bundle, Mission, StageVisit
from missions.services import evidence as mission_evidence
from telemetry.models import AlertRule, RuleState
from telemetry.rules import services as rules
from tests import make
from tests.kit import alerts, approvals, flags, maintenance, missions, privacy, rollouts
from tests.kit.deployments import World as DeploymentWorld

# What a state needs beside itself (constraints say so): (row, next state) -> changes.
NEEDS: dict[str, Callable[[models.Model, str], dict[str, Any]]] = {}
BUILDERS: dict[str, Callable[[], models.Model]] = {}
ANSWERS = frozenset({"approved", "rejected", "changes_requested"})
F = TypeVar("F", bound=Callable[[], models.Model])


def builds(label: str) -> Callable[[F], F]:
    def register(builder: F) -> F:
        BUILDERS[label.lower()] = builder
        return builder

    return register


@builds("catalog.integration")
def integration() -> models.Model:
    return catalog.add_integration(make.workspace(), actor=make.JOB, slug="mail", name="Mail")


def _breaker(row: models.Model, to: str) -> dict[str, Any]:
    if to == "closed":
        return {"cause": "", "opened_at": None}
    return {"cause": "hand", "opened_at": clock.now()}


NEEDS["catalog.integration"] = _breaker


@builds("catalog.service")
def service() -> models.Model:
    return catalog.register_service(make.workspace(), actor=make.JOB, slug="web", name="Web")


@builds("privacy.deletionrequest")
def erasure() -> models.Model:
    return privacy.Scene().ask()


def _settled(row: models.Model, to: str) -> dict[str, Any]:
    held = {"held_for": "law", "held_until": clock.now()} if to == "held" else {}
    over = {"finished_at": clock.now()} if to in {"done", "cancelled"} else {}
    return {"held_for": "", "held_until": None, **held, **over}


NEEDS["privacy.deletionrequest"] = _settled


@builds("telemetry.rulestate")
def alert() -> models.Model:
    rules.adopt()
    rule = AlertRule.objects.get(slug="portal-disk")
    RuleState.objects.all().delete()
    return RuleState.objects.create(rule=rule, fingerprint="walk")


def _fired(row: models.Model, to: str) -> dict[str, Any]:
    return {"fired_at": clock.now()} if to == "firing" else {}


NEEDS["telemetry.rulestate"] = _fired


@builds("incidents.alert")
def alert_of_a_sender() -> models.Model:
    alerts.tell(alerts.source(make.workspace()).source, alerts.incoming())
    return Alert.objects.latest("pk")


def _over(row: models.Model, to: str) -> dict[str, Any]:
    return {"resolved_at": clock.now(), "over_by": "hand"} if to == "resolved" else {}


NEEDS["incidents.alert"] = _over


@builds("approvals.request")
def request() -> models.Model:
    return approvals.ask(make.workspace())


def _ended(row: models.Model, to: str) -> dict[str, Any]:
    """What was answered has its answer, approved is what has its signatures: the database knows."""
    assert isinstance(row, Request)
    now = clock.now()
    if to in ANSWERS and row.status == "open":
        [place] = RequestSlot.objects.filter(request=row)
        Decision.objects.create(
            workspace=row.workspace, request=row, slot=place, instance=1, sha256=row.sha256,
            person=make.person(row.workspace, "release_manager"), as_role="release_manager",
            verdict=to, decided_at=now, comment="" if to == "approved" else "walked",
        )  # fmt: skip
    ends: dict[str, Any] = {"closed_at": row.closed_at or now}
    if to in ANSWERS:
        ends["decided_at"] = now
    return ends


NEEDS["approvals.request"] = _ended


@builds("feature_flags.scheduledchange")
def planned() -> models.Model:
    world = flags.World()
    state = world.state()
    return flag_services.schedule(
        state,
        flags.on(),
        at=clock.now() + timedelta(days=1),
        actor=world.actor,
        version=state.version,
        reason="walk",
    )


@builds("feature_flags.changerequest")
def proposed() -> models.Model:
    world = flags.World()
    world.guard()
    state = world.state("production")
    return flag_services.propose(
        state, flags.on(), actor=world.actor, version=state.version, reason="walk"
    )


@builds("deployments.rollout")
def rollout() -> models.Model:
    world = rollouts.World()
    made = world.plan()
    # What every later state has: taken with the baseline, which the walk steps over.
    return rollouts.with_baseline(made, world.actor)


def _rollout(row: models.Model, to: str) -> dict[str, Any]:
    assert isinstance(row, Rollout)
    given: dict[str, Any] = {}
    if to == "running" and row.started_at is None:
        given["started_at"] = clock.now()
    if to in ROLLOUT_ENDED:
        given |= {"ended_at": clock.now(), "metrics_note": "walked"}
    return given


NEEDS["deployments.rollout"] = _rollout


@builds("deployments.launch")
def launch() -> models.Model:
    world = DeploymentWorld()
    return deployment_services.plan_launch(world.workspace, actor=world.actor, title="walk")


def _signed(row: models.Model, to: str) -> dict[str, Any]:
    if to != "signed":
        return {}
    return {"signed_at": clock.now(), "approval": approvals.ask(row.workspace)}  # type: ignore[attr-defined]


NEEDS["deployments.launch"] = _signed


@builds("deployments.deployment")
def deployment() -> models.Model:
    """Where nobody has to consent, so that the database lets it start."""
    return DeploymentWorld().draft("local")


def _along(row: models.Model, to: str) -> dict[str, Any]:
    now = clock.now()
    needs: dict[str, Any] = {"blocked_from": row.status if to == "blocked" else ""}  # type: ignore[attr-defined]
    if to in {"verifying", "monitoring", "completed"}:
        needs |= {"started_at": now, "deployed_at": now}
    if to in {"completed", "rolled_back", "failed", "cancelled"}:
        needs["closed_at"] = now
    return needs


NEEDS["deployments.deployment"] = _along


@builds("deployments.maintenancewindow")
def window() -> models.Model:
    """A partner's: nobody here consents to it, so the database lets it begin."""
    world = maintenance.World()
    return world.plan(partner="Northwind", templates=[])


def _window(row: models.Model, to: str) -> dict[str, Any]:
    now = clock.now()
    needs: dict[str, Any] = {"revision": 1}
    if to in {"in_progress", "monitoring", "completed", "rolled_back"}:
        needs["started_at"] = now
    if to in {"monitoring", "completed", "rolled_back"}:
        needs |= {"finished_at": now, "monitor_until": now}
    if to in {"completed", "rolled_back", "cancelled"}:
        needs["closed_at"] = now
    return needs


NEEDS["deployments.maintenancewindow"] = _window


@builds("missions.mission")
def mission() -> models.Model:
    """Of the old system: what it was there nobody signed here."""
    return missions.World().imported(status="draft")


def _mission(row: models.Model, to: str) -> dict[str, Any]:
    """Its stages are left before it is completed; the walk knows nothing of stages."""
    assert isinstance(row, Mission)
    now = clock.now()
    paused = {"paused_at": None, "paused_cause": "", "paused_by": "", "pause_reason": ""}
    needs: dict[str, Any] = dict(paused)
    if to == "active":
        needs["started_at"] = row.started_at or now
    if to == "paused":
        needs = {"paused_at": now, "paused_cause": "operator", "pause_reason": "walk"}
    if to in {"completed", "cancelled", "failed"}:
        needs |= {"closed_at": now, "close_reason": "walk"}
    if to == "completed" and row.status == "active" and not row.visits.exists():
        _leave_stages(row)
    return needs


def _leave_stages(row: Mission) -> None:
    for place, stage in enumerate(stages.SLUGS):
        StageVisit.objects.create(
            mission=row, stage=stage, attempt=1, entered_at=row.started_at or clock.now(),
            entered_by="walk", left_at=clock.now(), left_by="walk", outcome="completed",
        )  # fmt: skip
        if place:
            Mission.objects.filter(pk=row.pk).update(stage=stage)


NEEDS["missions.mission"] = _mission


@builds("missions.artifact")
def artifact() -> models.Model:
    """A row whose file never comes: the walk is about the row."""
    row = missions.World().started()
    visit = missions.visit_of(row)
    return Artifact.objects.create(
        workspace=row.workspace, mission=row, visit=visit, stage=visit.stage, title="Walk", size=1,
        path="docs/readiness/define_intake_validation/walk.txt", sha256="0" * 64,
        media_type="text/plain", storage_key=f"missions/{row.uid}/walk", redaction="applied",
        uploaded_by="user:1",
    )  # fmt: skip


def _artifact(row: models.Model, to: str) -> dict[str, Any]:
    now = clock.now()
    kept: dict[str, Any] = {"deleted_at": None, "deleted_by": "", "failure": ""}
    needs: dict[str, dict[str, Any]] = {
        "stored": {"stored_at": now},
        "verified": {"verified_at": now},
        "failed": {"failure": "walk"},
        "archived": {"archived_at": now},
        "deleted": {"deleted_at": now, "deleted_by": "user:1"},
    }
    return kept | needs.get(to, {})


NEEDS["missions.artifact"] = _artifact


@builds("missions.bundle")
def bundle() -> models.Model:
    world = missions.World()
    return mission_evidence.ask_bundle(world.started(), actor=world.actor)


def _bundle(row: models.Model, to: str) -> dict[str, Any]:
    assert isinstance(row, Bundle)
    now = clock.now()
    needs: dict[str, dict[str, Any]] = {
        "stored": {
            "stored_at": now, "verified_at": now, "storage_key": f"bundles/{row.uid}",
            "sha256": "0" * 64, "manifest_hash": "0" * 64,
        },
        "failed": {"failure": "walk"},
        "superseded": {"superseded_at": now},
        "archived": {"archived_at": now},
    }  # fmt: skip
    return needs.get(to, {})


NEEDS["missions.bundle"] = _bundle
