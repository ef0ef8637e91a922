"""The standard playbook, from a draft to its end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from controlplane.lib.errors import Conflict, GateNotMet, Invalid, InvalidTransition, NotAllowed
from controlplane.notify.models import Notification
from controlplane.work.models import Comment, Item
from deployments import services
from deployments.models import Deployment
from deployments.services.holding import hold_gate
from tests import make
from tests.kit import settled
from tests.kit.deployments import PLAN, World, again, deliver, fire, steps, there

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    return World()


def test_production__the_whole_way(world: World) -> None:
    world.on_call()
    world.completed("staging")
    row = world.approved("production")
    assert row.status == "approved"
    assert row.approval is not None
    services.start(row, actor=world.actor)
    row = world.do_steps(again(row))
    assert row.status == "verifying"
    world.settle(row, "after")
    row = services.begin_watch(again(row), actor=world.actor)
    assert row.monitor_until == there(row.deployed_at) + timedelta(minutes=30)
    with pytest.raises(GateNotMet, match="watched until"):
        services.close(row, actor=world.actor, reason="Done.")
    with time_machine.travel(row.monitor_until + timedelta(seconds=1), tick=False):
        fire()
        row = again(row)
        assert row.verdict == "unknown"  # nothing was measured: nobody knows, which is not healthy
        row = services.close(row, actor=world.actor, reason="4.2.0 live; telemetry stable")
    assert row.status == "completed"
    deliver()
    item = Item.objects.get(pk=there(row.item_id))
    assert (item.category, item.close_reason) == ("done", "4.2.0 live; telemetry stable")
    said = " ".join(Comment.objects.filter(item=item).values_list("text", flat=True))
    for words in ("is planned", "Validations", "Exit code 0", "is completed", "docker build"):
        assert words in said
    kinds = set(Notification.objects.values_list("kind", flat=True))
    assert {"deployment.window", "deployment.event", "deployment.announced"} <= kinds


def test_gate__held_with_its_deployment__reads_that_once(world: World) -> None:
    row = world.prepared()
    gate = row.gates.order_by("position")[0]
    with CaptureQueriesContext(connection) as asked:
        held = hold_gate(gate)
        assert (held.deployment, held.deployment.environment.slug) == (row, "staging")
    reads = [each["sql"] for each in asked if each["sql"].startswith("SELECT")]
    assert len(reads) == 2
    assert sum('FROM "deployments_deployment"' in read for read in reads) == 1
    assert not any('JOIN "deployments_deployment"' in read for read in reads)


def test_staging__nobody_signs(world: World) -> None:
    row = world.ready("staging")
    assert (row.status, row.approval) == ("approved", None)


def test_tier_three__is_watched_for_an_hour(world: World) -> None:
    row = world.watched("staging", tier=3)
    assert row.monitor_until == there(row.deployed_at) + timedelta(minutes=60)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("release", "latest"),
        ("release", "-rf"),
        ("image_tag", "latest"),
        ("image_tag", "registry/agent:latest"),
        ("image_digest", "sha256:short"),
        ("commit_sha", "not a commit"),
        ("artifacts", [{"name": "web"}]),
        ("artifacts", "a text"),
        ("ci_url", "javascript:alert(1)"),
        ("tier", 4),
        ("title", "nul \0"),
        ("release_notes", "\ud800"),
        ("rollback_plan", "x" * 16_001),
        ("nonsense", 1),
    ],
)
def test_create__what_is_wrong__is_named(world: World, field: str, value: object) -> None:
    fields: dict[str, Any] = {field: value}
    with pytest.raises(Invalid) as refused:
        world.draft(**fields)
    assert any(name.startswith(field) for name in refused.value.details)
    assert not Deployment.objects.exists()


def test_release__comes_to_an_environment_once(world: World) -> None:
    first = world.draft()
    with pytest.raises(Conflict, match="already"):
        world.draft()
    world.draft("local")
    services.cancel(first, actor=world.actor, reason="Another day.")
    assert world.draft().pk != first.pk


def test_ensure__finds_what_is_there(world: World) -> None:
    made = services.ensure_deployment(
        world.workspace, actor=world.actor, environment=world.place(), release="9.1"
    )
    found = services.ensure_deployment(
        world.workspace, actor=world.lead, environment=world.place(), release="9.1"
    )
    assert (made.created, found.created) == (True, False)
    assert made.deployment.pk == found.deployment.pk
    assert Item.objects.filter(labels__contains=["deployment"]).count() == 1
    assert there(made.deployment.item).title == "Deploy 9.1 to Production"


def test_ready__waits_for_every_check(world: World) -> None:
    row = world.prepared(rollback_plan="")
    with pytest.raises(GateNotMet) as refused:
        services.declare_ready(row, actor=world.actor)
    assert "rollback-plan" in refused.value.details["gates"]
    assert again(row).status == "preparing"
    services.change_deployment(again(row), actor=world.actor, rollback_plan=PLAN)
    world.settle(again(row))
    assert services.declare_ready(again(row), actor=world.actor).status == "approved"


def test_prepare__neither_what_is_blocked_nor_what_was_signed(world: World) -> None:
    row = services.block(world.prepared(), actor=world.actor, reason="The disk is full.")
    with pytest.raises(InvalidTransition, match="blocked"):
        services.prepare(row, actor=world.actor)
    assert services.unblock(again(row), actor=world.actor, reason="Room.").status == "preparing"
    signed = world.approved("production", release="4.2.1")
    with pytest.raises(InvalidTransition, match="approved"):
        services.prepare(signed, actor=world.actor)
    assert there(again(signed).approval).status == "approved"


def test_rollback_plan__nobody_waives_it(world: World) -> None:
    row = world.prepared(rollback_plan="")
    gate = world.gate(row, "rollback-plan")
    with pytest.raises(Conflict, match="can't be waived"):
        services.waive_gate(gate, actor=world.lead, reason="No time.")


def test_change__after_consent__asks_anew(world: World) -> None:
    world.on_call()
    world.completed("staging")
    row = world.approved("production")
    first = row.approval
    assert first is not None
    services.change_deployment(row, actor=world.actor, rollback_plan="Another plan altogether.")
    row = again(row)
    assert row.status == "preparing"
    first.refresh_from_db()
    assert first.status == "void"
    with pytest.raises(InvalidTransition):
        services.start(row, actor=world.actor)
    services.declare_ready(row, actor=world.actor)
    assert there(again(row).approval).pk != first.pk


def test_start__in_production__takes_consent(world: World) -> None:
    world.on_call()
    world.completed("staging")
    row = world.ready("production")
    with pytest.raises(InvalidTransition):
        services.start(row, actor=world.actor)
    assert there(row.approval).policy.slug == "deployment_tier_1"
    roles = {role for slot in there(row.approval).slots.all() for role in slot.roles}
    assert roles == {"engineering_lead", "release_manager"}


@pytest.mark.parametrize(
    ("tier", "roles"),
    [
        (2, {"product_manager", "engineering_lead", "ux", "release_manager"}),
        (
            3,
            {
                *("product_vp", "vp_engineering", "security_lead", "release_manager"),
                *("operations_command", "primary_operator"),
            },
        ),
    ],
)
def test_tier__says_who_signs(world: World, tier: int, roles: set[str]) -> None:
    world.on_call()
    world.completed("staging")
    row = world.ready("production", tier=tier)
    asked = {role for slot in there(row.approval).slots.all() for role in slot.roles}
    assert asked == roles


def test_author__signs_nothing(world: World) -> None:
    from controlplane.approvals import services as approvals

    world.on_call()
    world.completed("staging")
    row = world.ready("production")
    request = there(row.approval)
    with pytest.raises(NotAllowed):
        approvals.decide(request, "approved", actor=world.actor, sha256=request.sha256)


def test_steps__in_their_order(world: World) -> None:
    row = world.started()
    first, second, *_ = steps(row)
    with pytest.raises(GateNotMet, match="comes first"):
        services.finish_step(second, actor=world.actor)
    services.finish_step(first, actor=world.actor, output="done")
    assert services.finish_step(second, actor=world.actor).state == "done"


def test_step__that_needs_a_backup__names_it(world: World) -> None:
    row = world.started(kinds=("database",), backup_ref="")
    merge, link, diff, push, *_ = steps(row)
    for step in (merge, link, diff):
        services.finish_step(step, actor=world.actor)
    assert push.needs_backup
    with pytest.raises(GateNotMet, match="backup"):
        services.finish_step(push, actor=world.actor)
    services.change_deployment(again(row), actor=world.actor, backup_ref="dump of 03:15")
    assert services.finish_step(push, actor=world.actor).state == "done"


def test_output__is_redacted_and_bounded(world: World) -> None:
    row = world.started()
    first = steps(row)[0]
    text = "line\n" * 40_000 + "password=hunter2hunter2 \x1b[31mred\x1b[0m\0"
    with pytest.raises(Invalid):
        services.finish_step(first, actor=world.actor, output=text)
    done = services.finish_step(first, actor=world.actor, output=text.replace("\0", ""))
    assert "hunter2" not in done.output
    assert "\x1b" not in done.output
    assert len(done.output) < 70_000


def test_failed_step__keeps_the_deployment_open(world: World) -> None:
    row = world.started()
    first = steps(row)[0]
    failed = services.finish_step(first, actor=world.actor, worked=False, outcome="CI is red.")
    assert failed.state == "failed"
    again_ = services.try_again(failed, actor=world.actor, reason="CI is green now.")
    assert services.finish_step(again_, actor=world.actor).attempt == 2
    assert again_.attempts.count() == 2
    assert again(row).status == "deploying"


def test_failed__may_be_prepared_again(world: World) -> None:
    row = world.started()
    services.finish_step(steps(row)[0], actor=world.actor)
    services.give_up(again(row), actor=world.actor, reason="The registry is down.")
    row = services.prepare(again(row), actor=world.actor)
    assert (row.status, row.started_at, row.closed_at) == ("preparing", None, None)
    assert {step.state for step in steps(row)} == {"pending"}
    assert steps(row)[0].attempts.count() == 1


def test_block__holds_and_goes_back(world: World) -> None:
    row = world.started()
    services.block(row, actor=world.actor, reason="The provider is down.")
    row = again(row)
    assert (row.status, row.phase) == ("blocked", "deploying")
    with pytest.raises(InvalidTransition):
        services.finish_step(steps(row)[0], actor=world.actor)
    assert services.unblock(row, actor=world.actor).status == "deploying"


def test_version__seen_is_compared(world: World) -> None:
    row = world.draft()
    services.change_deployment(row, actor=world.actor, title="Another title")
    with pytest.raises(Conflict):
        services.change_deployment(row, actor=world.actor, version=1, title="A third")


class TestStranger:
    @pytest.mark.parametrize("role", ["viewer", "ux", "mission_owner"])
    def test_role__plans_nothing(self, world: World, role: str) -> None:
        with pytest.raises(NotAllowed):
            world.draft(actor=world.someone(role))

    def test_workspace__sees_and_moves_nothing(self, world: World) -> None:
        row = world.ready()
        stranger = World().actor
        assert not Deployment.objects.visible_to(stranger).exists()
        for attempt in (services.start, services.prepare, services.declare_ready):
            with pytest.raises((NotAllowed, InvalidTransition)):
                attempt(row, actor=stranger)
        with pytest.raises(NotAllowed):
            services.roll_back(row, actor=stranger, reason="For fun.")
        assert again(row).status == "approved"

    def test_other_workspaces_rows__are_refused(self, world: World) -> None:
        other = World()
        with pytest.raises(NotAllowed):
            services.create_deployment(
                world.workspace, actor=world.actor, environment=other.place(), release="1"
            )
        with pytest.raises(NotAllowed):
            services.create_deployment(
                world.workspace,
                actor=world.actor,
                environment=world.place(),
                release="1",
                components=[other.component()],
            )

    def test_agent__does_not_start_production(self, world: World) -> None:
        from controlplane.access.principals import actor_for_agent

        world.on_call()
        world.completed("staging")
        row = world.approved("production")
        key, _ = make.key(make.agent(world.workspace, role="executor"))
        agent = actor_for_agent(there(key.agent))
        with pytest.raises(NotAllowed):
            services.start(row, actor=agent)
        assert again(row).status == "approved"
