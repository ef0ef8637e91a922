"""Many at once, on real connections: nothing is lost, revisions rise, rows are their history."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.approvals import services as approvals
from controlplane.approvals.models import Decision
from controlplane.jobs.models import Timer
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, ControlPlaneError
from deployments.flags import services
from deployments.flags.diffs import differences
from deployments.flags.documents import document_of, to_document
from deployments.flags.models import (
    ChangeRequest,
    Flag,
    FlagChange,
    FlagEnvironment,
    FlagState,
    ScheduledChange,
    Segment,
)
from deployments.flags.services import schedules
from tests import make
from tests.kit.flags import World, on, rule
from tests.kit.racing import race

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]


def test_edits_of_one_version__one_wins_and_the_others_learn_of_it() -> None:
    world = World()
    assert world.flag.pk

    def edit(number: int) -> Any:
        return services.change_settings(
            world.state(), on(rule(number)), actor=world.actor, version=1
        )

    results = race(6, edit)
    won = [each for each in results if isinstance(each, FlagState)]
    lost = [each for each in results if isinstance(each, Conflict)]
    assert (len(won), len(lost)) == (1, 5)
    assert all(each.details["differences"] for each in lost)
    assert world.state().settings == won[0].settings
    assert len(world.changes()) == 2


def test_prerequisites__two_that_close_a_circle__one_is_refused() -> None:
    world = World()
    flags = [world.make("a"), world.make("b")]

    def require(number: int) -> Any:
        other = "b" if number == 0 else "a"
        return world.put(on(requires=[{"flag": other}]), flag=flags[number])

    results = race(2, require)
    assert sum(isinstance(each, FlagState) for each in results) == 1
    assert sum(isinstance(each, ControlPlaneError) for each in results) == 1


def test_segment__removed_while_a_rule_takes_it__never_both() -> None:
    world = World()
    assert world.flag.pk
    segment = services.create_segment(
        world.workspace,
        "eu",
        actor=world.actor,
        constraints=[{"contextName": "region", "operator": "IN", "values": ["eu"]}],
    )

    def both(number: int) -> Any:
        if number:
            return services.remove_segment(segment, actor=world.actor)
        return world.put(on(rule(segments=["eu"])))

    results = race(2, both)
    assert sum(isinstance(each, ControlPlaneError) for each in results) == 1
    used = bool(world.state().settings["rules"])
    assert Segment.objects.filter(pk=segment.pk).exists() == used


def test_two_approvers_in_the_same_second__it_is_applied_once() -> None:
    world = World()
    world.guard()
    leads = [world.lead, make.actor(make.person(world.workspace, "engineering_lead"))]
    state = world.state("production")
    asked = services.propose(
        state, on(rule(10)), actor=world.actor, version=1, reason="Ten percent."
    )

    def sign(number: int) -> Any:
        found = ChangeRequest.objects.get(pk=asked.pk)
        assert found.approval
        return approvals.decide(
            found.approval, "approved", actor=leads[number], sha256=found.approval.sha256
        )

    results = race(2, sign)
    assert sum(isinstance(each, ControlPlaneError) for each in results) == 1
    assert Decision.objects.count() == 1
    assert world.state("production").version == 2
    assert ChangeRequest.objects.get(pk=asked.pk).status == "applied"
    assert [each.kind for each in world.changes()].count("approved") == 1


def test_approval_beside_a_direct_change__one_of_them_and_nothing_lost() -> None:
    world = World()
    assert world.flag.pk
    state = world.state("production")
    lead = world.lead
    asked = services.propose(state, on(rule(10)), actor=world.actor, version=1, reason="Ten.")

    def both(number: int) -> Any:
        if number:
            return services.change_settings(
                world.state("production"), on(rule(50)), actor=world.actor, version=1
            )
        found = ChangeRequest.objects.get(pk=asked.pk)
        assert found.approval
        return approvals.decide(
            found.approval, "approved", actor=lead, sha256=found.approval.sha256
        )

    results = race(2, both)
    assert sum(isinstance(each, ControlPlaneError) for each in results) == 1
    state = world.state("production")
    assert state.version == 2
    wanted = "void" if state.settings["rules"][0]["percent"] == 50 else "applied"
    assert ChangeRequest.objects.get(pk=asked.pk).status == wanted


# --- All at once, at random -----------------------------------------------------------------------

STEPS = ["edit", "edit", "kill", "enable", "undo", "schedule", "sql", "segment", "describe"]


def step(world: World, actor: Actor, name: str, percent: int) -> Any:
    flag = Flag.objects.get(pk=world.flag.pk)
    if name == "edit":
        return world.put(on(rule(percent)), actor=actor)
    if name == "kill":
        return services.kill(flag, actor=actor)
    if name == "enable":
        return services.enable(flag, actor=actor)
    if name == "describe":
        return services.change_flag(flag, actor=actor, description=str(percent))
    if name == "undo":
        newest = FlagChange.objects.filter(flag=flag).exclude(kind="create").first()
        return services.undo(newest, actor=actor) if newest else None
    if name == "schedule":
        return plan_and_apply(world, percent, actor)
    if name == "segment":
        return services.create_segment(
            world.workspace,
            f"s-{percent}",
            actor=actor,
            constraints=[{"contextName": "x", "operator": "IN", "values": ["y"]}],
        )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE feature_flags SET enabled = NOT enabled WHERE flag_name = %s",
            [flag.flag_name],
        )
    return None


def plan_and_apply(world: World, percent: int, actor: Actor) -> ScheduledChange:
    state = world.state()
    planned = services.schedule(
        state,
        on(rule(percent), deny=["nobody"]),
        at=clock.now() + timedelta(hours=1),
        actor=actor,
        version=state.version,
    )
    schedules.apply_due(Timer.objects.get(key=f"flag-schedule:{planned.uid}"))
    planned.refresh_from_db()
    return planned


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 100)), min_size=2, max_size=5),
        min_size=3,
        max_size=3,
    )
)
@pytest.mark.slow
def test_anything_at_once__no_write_is_lost(plans: list[list[tuple[str, int]]]) -> None:
    world = World()
    flag = world.flag
    actors = [make.actor(make.person(world.workspace, "release_manager")) for _ in plans]
    before = world.revisions()

    def run(number: int) -> list[str]:
        refused = []
        for name, percent in plans[number]:
            try:
                step(world, actors[number], name, percent)
            except ControlPlaneError as error:
                refused.append(str(error))
        return refused

    results = race(len(plans), run)
    assert all(isinstance(each, list) for each in results), results  # no deadlock, no other error
    check_rows_are_their_history(world, Flag.objects.get(pk=flag.pk))
    after = world.revisions()
    seen = FlagEnvironment.objects.filter(workspace=world.workspace).count()
    assert len(after) == seen
    visible = FlagChange.objects.filter(flag=flag).exclude(kind="create")
    for name in before:
        reached = visible.filter(environment__slug=name) | visible.filter(environment=None)
        assert after[name] >= before[name] + (1 if reached.exists() else 0)
    numbers = [r for r in visible.order_by("id").values_list("revision", flat=True) if r]
    assert len(numbers) == len(set(numbers))


def check_rows_are_their_history(world: World, flag: Flag) -> None:
    """Each version once, each change beginning where the last one ended, the row as the last one
    left it; and what SDKs are given is what the rows say."""
    for state in FlagState.objects.filter(flag=flag).select_related("flag"):
        rows = FlagChange.objects.filter(flag=flag, environment=state.environment)
        chain = list(rows.order_by("version"))
        assert [each.version for each in chain] == list(range(2, state.version + 1))
        for earlier, later in pairwise(chain):
            assert differences(earlier.after, later.before) == []
        if chain:
            assert chain[-1].after == state.settings
        document = document_of(state.environment_id, world.workspace.pk)
        segments = Segment.objects.filter(workspace=world.workspace).order_by("pk")
        assert document == to_document([(flag, state)], segments)
        assert document["features"][0]["portal"]["killed"] is not flag.enabled
    whole = FlagChange.objects.filter(flag=flag, environment=None).order_by("version")
    assert [each.version for each in whole] == list(range(1, flag.version + 1))
    switches = [each for each in whole if "enabled" in (each.after or {}) and each.version > 1]
    for earlier, later in pairwise(switches):
        assert earlier.after["enabled"] is later.before["enabled"]
    if switches:
        assert switches[-1].after["enabled"] is flag.enabled
