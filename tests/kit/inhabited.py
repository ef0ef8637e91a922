"""A workspace with something in every list of the console, made by the services that users and
jobs reach. Where only a running engine or a restore would leave a row, the row is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from controlplane.access import policy, services
from controlplane.access.credentials import authenticate_bearer
from controlplane.access.models import User, Workspace
from controlplane.access.services.issuers import trust_issuer
from controlplane.access.services.locks import lock_account
from controlplane.access.services.reviews import generate_review
from controlplane.access.services.tokens import issue_token, revoke_token
from controlplane.approvals import services as approvals
from controlplane.audit import review, sealing
from controlplane.backups.models import RestoreDrill
from controlplane.backups.services import report_backup
from controlplane.base import retention, signals
from controlplane.base.api.services import set_throttle
from controlplane.base.models import Signal
from controlplane.catalog import services as catalog_services
from controlplane.console import services as views
from controlplane.jobs import alarms, heartbeats, leases, obligations, runs, timers
from controlplane.jobs.models import EngineCycle, Timer
from controlplane.jobs.registry import JOBS
from controlplane.jobs.watch import Finding
from controlplane.lib import clock
from controlplane.oncall import services as oncall_services
from controlplane.work import services as work_services
from controlplane.work.services import github
from deployments.flags import services as flags
from deployments.flags.models import FlagEnvironment, FlagState
from deployments.flags.models.serving import FlagUsage, SdkApp, SdkInstance, UnknownFlag
from deployments.flags.services.tokens import issue_token as issue_sdk_token
from telemetry import audits, kpis, rollups, snapshots
from telemetry.rules import services as rules
from tests import make
from tests.kit import (
    catalog,
    evidence,
    inhabited_alerts,
    inhabited_around,
    inhabited_guarding,
    inhabited_incidents,
    inhabited_news,
    inhabited_oncall,
    inhabited_paging,
    inhabited_runbooks,
    inhabited_threads,
    inhabited_tickets,
    learning,
    missions,
    missions_plans,
    privacy,
    released,
    telemetry,
    work,
)

LONG = "A title that does not end where titles end, and goes on " * 8
# One for each way out of a page: markup, an attribute, a script's string, an address.
HOSTILE = "<img src=x onerror=alert(1)>\"'&</script>{{7*7}} javascript:alert(1)"


@dataclass(frozen=True, slots=True)
class World:
    workspace: Workspace
    other: Workspace  # a second one of the same person, so that the switcher is there
    root: User
    viewer: User


def settle() -> World:
    """Somebody who may everything, in a workspace where everything has happened once."""
    here = make.workspace(name="Northwind demo")
    other = make.workspace(name="Harbour works")
    root = services.create_user(
        "ada@example.org",
        actor=make.JOB,
        name="Ada Marsh",
        workspace=here,
        roles=sorted(policy.PEOPLE),
        password=make.PASSWORD,
        superuser=True,
    )
    there = services.add_member(other, root, actor=make.JOB)
    services.grant_role(there, "viewer", actor=make.JOB)
    world = World(here, other, root, make.person(here, "viewer", name="Vera Wood"))
    _machines(world)
    _engine(world)
    inhabited_news.inhabit(here, root, hostile=HOSTILE, long=LONG)
    _services(world)
    _reviews(world)
    _work(world)
    _oncall(world)
    _telemetry(world)
    _approvals(world)
    _flags(world)
    released.deploy(here, root, hostile=HOSTILE, long=LONG)
    released.roll_out(here, root, hostile=HOSTILE)
    missions.inhabit(here, root, hostile=HOSTILE, long=LONG)
    missions_plans.inhabit(here, root, hostile=HOSTILE, long=LONG)
    inhabited_guarding.inhabit(here, root, hostile=HOSTILE, long=LONG)
    evidence.inhabit(here, root, hostile=HOSTILE, long=LONG)
    learning.inhabit(here, root, hostile=HOSTILE, long=LONG)
    inhabited_around.inhabit(here, root, hostile=HOSTILE, long=LONG)
    inhabited_tickets.inhabit(here, root, hostile=HOSTILE, long=LONG)
    inhabited_alerts.inhabit(here, root, hostile=HOSTILE, long=LONG)
    inhabited_incidents.inhabit(here, root, hostile=HOSTILE, long=LONG)
    inhabited_paging.inhabit(here, root, hostile=HOSTILE, long=LONG)
    inhabited_runbooks.inhabit(here, root, hostile=HOSTILE, long=LONG)
    inhabited_threads.inhabit(here, root, hostile=HOSTILE, long=LONG)
    privacy.inhabit(here, root, hostile=HOSTILE, long=LONG)
    released.maintain(here, root, hostile=HOSTILE, long=LONG)
    released.launch(here, root, hostile=HOSTILE, long=LONG)
    return world


def _work(world: World) -> None:
    """An item of which everything can be said, with something on every side of it."""
    here, root = world.workspace, make.actor(world.root)
    item = work.item(
        here, LONG[:480], description=f"# About\n\n{HOSTILE}", labels=[HOSTILE[:40], "ops"],
        due_at=clock.now() - timedelta(hours=1), assignee="ada@example.org", priority=0,
        in_backlog=True, stage="prepare", kpi="lead time", readiness_artifact=HOSTILE[:80],
        impact=5, effort=2,
    )  # fmt: skip
    first = work.item(here, HOSTILE, item_type="bug")
    work_services.add_dependency(item, first, actor=root)
    work_services.add_dependency(item, "external:billing:api", actor=root)
    work.item(here, "A part of it", parent=item)
    work_services.comment(item, f"**Look** {HOSTILE}", actor=root)
    work_services.add_link(item, actor=root, url="https://ci.example.org/7", title=HOSTILE)
    work_services.attach(item, actor=root, filename="log.txt", content=b"tests")
    source = github.add_source(item.project, actor=root, repository="northwind/planner").source
    source.deliveries.create(delivery="1", event="check_run", outcome=HOSTILE[:150])
    work_services.claim(work.item(here, "Being worked on"), actor=root)
    work_services.close_item(work.item(here, "Done"), actor=root, reason=HOSTILE)


def _oncall(world: World) -> None:
    """A rotation with a hole in its week, a swap that was taken back and one to come."""
    here, root, now = world.workspace, make.actor(world.root), clock.now()
    rota = oncall_services.define_schedule(
        here, "primary", actor=root, title=HOSTILE[:110], about=LONG[:400],
        roles=["primary_operator"], cover_days=[0, 1, 2, 3, 4, 5],
    )  # fmt: skip
    other = make.person(here, "primary_operator", name=HOSTILE[:60])
    oncall_services.set_layer(
        rota, 1, [world.root, other], actor=root, title=HOSTILE[:110], turn="daily",
        days=[0, 1, 2, 3], time_zone="America/New_York",
    )  # fmt: skip
    for day in (1, 3):
        starts = now + timedelta(days=day)
        made = oncall_services.override(
            rota, world.viewer, actor=root, starts=starts, ends=starts + timedelta(hours=9),
            reason=HOSTILE,
        )  # fmt: skip
        if day == 1:
            oncall_services.end_override(made, actor=root, reason=HOSTILE)
    oncall_services.subscribe(here, actor=root, schedule=rota)
    inhabited_oncall.inhabit(here, world.root, hostile=HOSTILE, long=LONG)


def _approvals(world: World) -> None:
    """One of each end, one that says everything and was revised, and somebody who is away."""
    here, now = world.workspace, clock.now()
    asker = make.actor(make.person(here, "product_manager", name="Asa Asking"))
    packet = {
        "what": f"# About\n\n{HOSTILE}", "before": {"on": HOSTILE}, "after": {"on": LONG},
        "affected": {"records": 12_000, "segments": [HOSTILE]},
        "safeguards": [{"title": HOSTILE, "severity": HOSTILE, "text": LONG}],
        "undo": {"label": LONG, "steps": [HOSTILE, LONG]}, HOSTILE: [[{HOSTILE: HOSTILE}]],
        "evidence": [
            {"title": HOSTILE, "url": "javascript:alert(1)", "sha256": HOSTILE},
            {"title": "a.csv", "type": "text/csv", "content": f"a,b\n{HOSTILE},2\n"},
        ],
    }  # fmt: skip
    item = work.item(here, "Waits for consent")
    given: Any = {"policy": "flag_change", "owner": "tests", "subject": "tests:1", "actor": asker}
    asked = approvals.ask(here, title=LONG[:200], packet=packet, item=item, **given)
    work_services.comment(item, HOSTILE, actor=make.actor(world.root))
    revised = {**packet, "undo": HOSTILE}
    approvals.revise(asked, revised, actor=asker, vouched=True, reason=HOSTILE)
    for verdict in ("approved", "rejected", "changes_requested"):
        row = approvals.ask(here, title=HOSTILE, packet={"n": verdict}, **given)
        signer = make.actor(world.root)
        approvals.decide(row, verdict, actor=signer, sha256=row.sha256, comment=HOSTILE)
    helper = make.person(here, "viewer", name=HOSTILE[:60])
    approvals.comment(row, HOSTILE, actor=asker)
    approvals.delegate(
        None, helper, actor=make.actor(world.root), reason=HOSTILE,
        starts=now, until=now + timedelta(days=3), workspace=here,
    )  # fmt: skip


def _flags(world: World) -> None:
    """A flag that uses all there is, one that was killed, and what waits, is planned and asks."""
    here, root = world.workspace, make.actor(world.root)
    condition = {"contextName": "region", "operator": "IN", "values": [HOSTILE, "eu"]}
    flags.create_segment(
        here, "eu", actor=root, name=HOSTILE, description=LONG[:400], constraints=[condition]
    )
    needed = flags.create_flag(here, "checkout", actor=root, owner=world.root)
    flag = flags.create_flag(
        here, "x" * 200, actor=root, description=HOSTILE, owner=world.root, kind="experiment",
        value_type="string", off_value=HOSTILE, on_value=LONG[:200],
    )  # fmt: skip
    said = {"type": "string", "value": HOSTILE}
    rule = {
        "title": HOSTILE[:110], "percent": 10, "stickiness": "tenantId", "segments": ["eu"],
        "constraints": [condition],
        "variants": [{"name": HOSTILE[:90], "weight": 3, "payload": said}],
    }  # fmt: skip
    settings = {
        "on": True, "rules": [rule, {"percent": 100, "disabled": True}],
        "allow": ["<img src=x>", "ann"], "deny": ["bob"],
        "variants": [{"name": "a", "weight": 1, "payload": said}],
        "requires": [{"flag": "checkout"}],
    }  # fmt: skip
    state = FlagState.objects.get(flag=flag, environment__slug="staging")
    flags.change_settings(state, settings, actor=root, version=1, reason=HOSTILE)
    flags.kill(needed, actor=root, reason=HOSTILE)
    state.refresh_from_db()
    wanted: Any = {"settings": {**settings, "deny": []}, "actor": root, "version": state.version}
    tomorrow = clock.now() + timedelta(days=1)
    flags.schedule(state, at=tomorrow, reason=HOSTILE, **wanted)
    place = FlagEnvironment.objects.get(workspace=here, environment=state.environment)
    flags.set_needs_approval(place, True, actor=root, reason=HOSTILE)
    flags.propose(state, reason=HOSTILE, **wanted)
    issue_sdk_token(state.environment, actor=root, name=HOSTILE[:70])
    asked: Any = {"workspace": here, "environment": state.environment, "app": HOSTILE[:60]}
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    FlagUsage.objects.create(flag_name=flag.flag_name, hour=hour, yes=3, no=400, **asked)
    UnknownFlag.objects.create(flag_name=HOSTILE[:60], times=7, **asked)
    SdkApp.objects.create(
        workspace=here, environment=state.environment, name=HOSTILE[:60], browser=True
    )
    SdkInstance.objects.create(instance=HOSTILE[:60], sdk=HOSTILE[:60], **asked)


def _telemetry(world: World) -> None:
    """A mission's events with something wrong in each, the portal's own, and what was refused."""
    here = world.workspace
    said = [
        telemetry.event(
            name,
            context={"action": HOSTILE[:60], "token_usage": 7},
            toolkit="gmail",
            session_id="tools-1",
        )
        for name in ("composio_tool_call", "composio_tool_call_error", HOSTILE[:40])
    ]
    said.append(telemetry.event("request_completed", duration_ms=180, message=HOSTILE))
    said.append(telemetry.event("mission_completed", mission_id=HOSTILE[:40], bd_issue="bd-1"))
    telemetry.tell(here, [*said, telemetry.event(at=clock.now() + timedelta(days=2))])
    gauge = {"name": "queue_depth", "value": 12, "of": "celery"}
    telemetry.tell(None, [telemetry.event("gauge_reported", context=gauge, service="portal")])
    rollups.settle()
    audits.audit(here, actor=make.JOB)
    kpis.refresh(here, actor=make.JOB)
    snapshots.take(here, actor=make.JOB, note=HOSTILE)
    rule = rules.create_rule(
        here, actor=make.JOB, slug="calls", title=HOSTILE[:100], measure="tool.calls",
        threshold=0.0, severity="critical", window_s=3600, min_sample=0,
    )  # fmt: skip
    rules.evaluate()
    rules.try_rule(rule, here, actor=make.JOB)


def _machines(world: World) -> None:
    here, root = world.workspace, world.root
    agent = make.agent(here, name="executor-1", owner=root, description=HOSTILE)
    make.key(agent)
    _, secret = make.key(make.agent(here, role="planner", name="planner-1"))
    issued = issue_token(actor=authenticate_bearer(f"Bearer {secret}", None))
    revoke_token(str(issued.token), actor=make.JOB, reason="seen in a log")
    trust_issuer(
        here,
        actor=make.JOB,
        issuer="https://ci.example.org",
        jwks_url="https://ci.example.org/keys",
        audience="portal",
        role="executor",
    )
    lock_account(make.person(here, "viewer", name="Lou Locked"), actor=make.JOB, reason=HOSTILE)
    reason = "Look into the failed release"
    services.open_break_glass(here, actor=make.actor(root), reason=reason)
    set_throttle(here, actor=make.JOB, limit=10, minutes=30, reason="a loop in a client")


def _engine(world: World) -> None:
    here = world.workspace
    runs.schedule_due()
    runs.ask_run(sorted(JOBS)[0], actor=make.JOB)
    timers.set_timer("tests.kind", key="late", due_at=clock.now(), workspace_id=here.pk)
    _dead(Timer.objects.filter(key="late"))
    timers.set_timer(
        "tests.kind",
        key=f"soon {HOSTILE}"[:180],
        due_at=clock.now() + timedelta(hours=2),
        workspace_id=here.pk,
    )
    obligations.open_due()
    heartbeats.write("worker", "tests:1")
    EngineCycle.objects.create(module="timers", ok_at=clock.now(), done=7, last_error=HOSTILE)
    alarms.settle([Finding("component", "beat", f"No sign of life from beat. {HOSTILE}")])
    signals.emit("tests.kind", key=f"dead {HOSTILE}", workspace_id=here.pk, payload={"a": HOSTILE})
    _dead(Signal.objects.all())
    retention.clean(actor=make.JOB, dry_run=True)


def _dead(rows: Any) -> None:
    """Given up after as many attempts as there are."""
    rows.update(state=leases.DEAD, attempts=8, last_error=HOSTILE, finished_at=clock.now())


def _services(world: World) -> None:
    here = world.workspace
    service = catalog.service(here, name=LONG[:100], description=f"# About\n\n{HOSTILE}")
    catalog.saw(catalog.probe(service), "++----++")
    catalog.saw(catalog.probe(catalog.service(here)), "+----")
    catalog_services.add_component(
        here, actor=make.JOB, slug="front", name="Front", kind="frontend", service=service
    )
    catalog.integration(here, description=HOSTILE)
    catalog.secret(here, name=LONG[:80], purpose=HOSTILE[:200])
    catalog.broken(here)


def _reviews(world: World) -> None:
    here, now = world.workspace, clock.now()
    generate_review(here, actor=make.JOB)
    report_backup(
        here,
        actor=make.JOB,
        kind="database",
        ok=False,
        error=HOSTILE,
        started_at=now - timedelta(minutes=9),
        finished_at=now - timedelta(minutes=1),
    )
    RestoreDrill.objects.create(started_at=now, seconds=3.5, ok=False, error=HOSTILE)
    review.prepare_review(make.JOB, here.pk)
    views.save(
        here,
        actor=make.actor(world.root),
        name="Dead ones",
        page="/admin/base/signal/",
        query="state__exact=dead",
        shared=True,
    )
    sealing.seal_batch()
