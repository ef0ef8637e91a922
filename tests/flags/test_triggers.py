"""What the database does by itself: revisions, and changes by hand."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from controlplane.audit.models import AuditEvent
from controlplane.base.models import PARKED, Signal
from controlplane.lib import clock
from controlplane.notify.models import Notification, OutboxMessage
from deployments.flags import services, telling
from deployments.flags.models import Flag, FlagChange, FlagEnvironment, FlagState
from deployments.flags.services.flags import content
from tests import make
from tests.kit import roles
from tests.kit.flags import World, on, rule

pytestmark = pytest.mark.servers
OFF = "UPDATE feature_flags SET enabled = false WHERE flag_name = 'new-planner'"


def sql(statement: str, *values: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def check_killed_by_hand(world: World, before: dict[str, int], who: str) -> None:
    flag = Flag.objects.get(pk=world.flag.pk)
    assert (flag.enabled, flag.version, flag.changed_by) == (False, 2, f"database:{who}")
    assert world.revisions() == {name: value + 1 for name, value in before.items()}
    change = world.changes()[-1]
    assert (change.kind, change.actor_ref, change.version) == ("sql", f"database:{who}", 2)
    assert (change.before, change.after) == ({"enabled": True}, {"enabled": False})
    event = AuditEvent.objects.get(action="flag.kill", workspace_id=world.workspace.pk)
    assert (event.actor_ref, event.subject_label) == (f"database:{who}", "new-planner")
    assert (event.details or {})["change"] == str(change.uid)
    assert Signal.objects.get(key=str(change.uid)).payload == {
        "change": str(change.uid),
        "flag": "new-planner",
        "kind": "sql",
    }
    told = OutboxMessage.objects.get(key=f"flag-change:{change.uid}")
    assert telling.tell(told).kind == "accepted"
    news = Notification.objects.get(key=f"flag-change:{change.uid}")
    assert news.subject == f"new-planner switched off everywhere by {who}, in the database"


def owner() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_user")
        return str(cursor.fetchone()[0])


def test_kill_by_sql__as_the_owner(world: World) -> None:
    assert world.flag.pk
    before = world.revisions()
    assert sql(OFF) == 1
    check_killed_by_hand(world, before, owner())


def test_kill_by_sql__after_a_change_by_service_in_the_same_transaction(world: World) -> None:
    services.change_flag(world.flag, actor=world.actor, description="x")
    assert sql(OFF) == 1
    assert world.changes()[-1].kind == "sql"


def test_kill_by_sql__everywhere_it_matches(world: World) -> None:
    other, third = World(), World()
    assert world.flag.pk
    assert other.flag.pk
    assert third.make("another").pk
    before = [each.revisions() for each in (world, other, third)]
    assert sql(OFF) == 2
    check_killed_by_hand(world, before[0], owner())
    check_killed_by_hand(other, before[1], owner())
    assert third.revisions() == before[2]


def test_kill_by_sql__of_what_is_off_already__is_no_change(world: World) -> None:
    services.kill(world.flag, actor=world.actor)
    before, count = world.revisions(), len(world.changes())
    sql(OFF)
    assert (world.revisions(), len(world.changes())) == (before, count)


def test_settings_by_sql__are_a_change_there(world: World) -> None:
    world.put(on(rule(10)))
    before = world.revisions()
    sql(
        "UPDATE feature_flags_flagstate SET settings = jsonb_set(settings, '{on}', 'false')"
        " WHERE id = %s",
        world.state().pk,
    )
    state = world.state()
    assert (state.version, state.settings["on"]) == (3, False)
    assert world.revisions() == {**before, "staging": before["staging"] + 1}
    change = world.changes()[-1]
    assert (change.kind, change.environment, change.version) == ("sql", state.environment, 3)
    services.undo(change, actor=world.actor)
    assert world.state().settings["on"]


def test_revision__never_falls(world: World) -> None:
    assert world.flag.pk
    with pytest.raises(DatabaseError), transaction.atomic():
        FlagEnvironment.objects.filter(workspace=world.workspace).update(revision=0)


def test_revision__what_no_sdk_sees_leaves_it(world: World) -> None:
    assert world.flag.pk
    before = world.revisions()
    Flag.objects.filter(pk=world.flag.pk).update(stale_since=clock.now())
    assert len(world.changes()) == 1  # a mark of the portal's clock, which no person sets
    sql("UPDATE feature_flags SET tier = 3 WHERE id = %s", world.flag.pk)
    assert world.revisions() == before
    assert len(world.changes()) == 2


BY_HAND: list[tuple[str, Any, str, Any, Any]] = [
    ("tier", 3, "tier", 1, 3),
    ("kind", "ops", "kind", "release", "ops"),
    ("description", "x", "description", "", "x"),
    ("permanent", True, "permanent", False, True),
    ("remove_by", "2030-01-02", "remove_by", None, "2030-01-02"),
    ("owner_id", None, "owner", ..., None),
]


@pytest.mark.parametrize(("column", "value", "key", "was", "becomes"), BY_HAND)
def test_column_by_sql__is_a_change_that_can_be_undone(
    world: World, column: str, value: Any, key: str, was: Any, becomes: Any
) -> None:
    services.change_flag(world.flag, actor=world.actor, owner=world.person)
    was = world.person.pk if was is ... else was
    version = Flag.objects.get(pk=world.flag.pk).version
    sql(f"UPDATE feature_flags SET {column} = %s WHERE id = %s", value, world.flag.pk)
    flag = Flag.objects.get(pk=world.flag.pk)
    assert (flag.version, flag.changed_by) == (version + 1, f"database:{owner()}")
    change = world.changes()[-1]
    assert (change.kind, change.before, change.after) == ("sql", {key: was}, {key: becomes})
    event = AuditEvent.objects.filter(action="flag.change").latest("pk")
    assert (event.actor_ref, event.after) == (f"database:{owner()}", {key: becomes})
    told = OutboxMessage.objects.get(key=f"flag-change:{change.uid}")
    assert telling.tell(told).kind == "accepted"
    services.undo(change, actor=world.actor)
    assert FlagChange.objects.about(flag)[0].after is not None
    assert content(Flag.objects.get(pk=flag.pk))[key] == was


def test_author_by_sql__is_not_forged_unseen(world: World) -> None:
    sql("UPDATE feature_flags SET changed_by = 'user:1' WHERE id = %s", world.flag.pk)
    assert Flag.objects.get(pk=world.flag.pk).changed_by == f"database:{owner()}"
    assert world.changes()[-1].after == {"changed_by": "user:1"}


INSERT = """
    INSERT INTO feature_flags
        (uid, workspace_id, flag_name, enabled, description, kind, value_type, off_value, on_value,
         tier, permanent, impression_data, created_at, created_by, changed_at, changed_by, version)
    VALUES (gen_random_uuid(), %s, 'by.hand', true, '', 'ops', 'boolean', 'false', 'true',
            2, false, false, now(), '', now(), '', 1)
"""


@pytest.mark.django_db(transaction=True)
def test_flag_by_sql__gets_its_states_and_its_beginning() -> None:
    world = World()
    before = world.revisions()
    sql(INSERT, world.workspace.pk)
    flag = Flag.objects.get(flag_name="by.hand")
    states = FlagState.objects.filter(flag=flag)
    assert {each.environment.slug for each in states} == set(before)
    assert not any(each.settings["on"] for each in states)
    assert all(value > before[name] for name, value in world.revisions().items())
    (change,) = FlagChange.objects.about(flag)
    assert (change.kind, change.before, change.version) == ("sql", None, 1)
    assert (change.after["kind"], change.after["tier"]) == ("ops", 2)
    event = AuditEvent.objects.get(action="flag.create", subject_label="by.hand")
    assert event.actor_ref == f"database:{owner()}"
    told = OutboxMessage.objects.get(key=f"flag-change:{change.uid}")
    assert telling.tell(told).kind == "accepted"
    assert telling.what(change) == "made"
    services.change_settings(states[0], on(), actor=world.actor, version=1, reason="Go live.")
    services.kill(flag, actor=world.actor, reason="and off")


@pytest.mark.django_db(transaction=True)
def test_flag_by_service__begins_once() -> None:
    world = World()
    assert [each.kind for each in FlagChange.objects.about(world.flag)] == ["create"]
    with transaction.atomic():
        sql(INSERT, world.workspace.pk)
        sql("DELETE FROM feature_flags WHERE flag_name = 'by.hand'")
    assert not Flag.objects.filter(flag_name="by.hand").exists()


def test_environment__brings_its_row_and_a_state_of_each_flag(world: World) -> None:
    flag = world.flag
    place = world.workspace.environments.create(
        slug="canary", name="Canary", purpose="x", update_frequency="x", data_class="seeded"
    )
    assert FlagEnvironment.objects.get(environment=place).workspace == world.workspace
    state = FlagState.objects.get(flag=flag, environment=place)
    assert not state.settings["on"]
    world.put(on(), "canary")
    assert world.state("canary").settings["on"]


def test_sql_signal__is_parked_until_somebody_consumes_it(world: World) -> None:
    assert world.flag.pk
    sql(OFF)
    row = Signal.objects.get(key=str(world.changes()[-1].uid))
    assert row.ready_at == PARKED


# --- Other connections --------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_kill_by_sql__as_the_portals_role__tells_whoever_listens() -> None:
    world = World()
    assert world.flag.pk
    before = world.revisions()
    granted = roles.granted()
    try:
        with roles.connected_as(granted.app) as listener, roles.connected_as(granted.app) as hand:
            listener.execute("LISTEN flags")
            assert hand.execute(OFF).rowcount == 1
            heard = {note.payload for note in listener.notifies(timeout=5, stop_after=3)}
        places = FlagEnvironment.objects.filter(workspace=world.workspace)
        assert heard == {f"{each.environment_id}:{each.revision}" for each in places}
        check_killed_by_hand(world, before, granted.app)
    finally:
        roles.drop()


@pytest.mark.django_db(transaction=True)
def test_kill_by_sql__with_the_right_to_that_column_alone() -> None:
    world = World()
    assert world.flag.pk
    before = world.revisions()
    granted = roles.granted()
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"GRANT SELECT, UPDATE (enabled) ON feature_flags TO {granted.reader}")
        with roles.connected_as(granted.reader) as hand:
            assert hand.execute(OFF).rowcount == 1
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                hand.execute("UPDATE feature_flags SET flag_name = 'x'")
        check_killed_by_hand(world, before, granted.reader)
    finally:
        roles.drop()


@pytest.mark.django_db(transaction=True)
def test_kill_by_service__is_told_to_whoever_listens() -> None:
    world = World()
    assert world.flag.pk
    granted = roles.granted()
    try:
        with roles.connected_as(granted.app) as listener:
            listener.execute("LISTEN flags")
            services.kill(world.flag, actor=make.JOB)
            heard = list(listener.notifies(timeout=5, stop_after=3))
        assert len(heard) == 3
    finally:
        roles.drop()


def test_history_of_all_flags__matches_their_rows(world: World) -> None:
    world.put(on(rule(10)))
    sql(OFF)
    services.enable(Flag.objects.get(pk=world.flag.pk), actor=world.actor)
    flag = Flag.objects.get(pk=world.flag.pk)
    whole = FlagChange.objects.filter(flag=flag, environment=None)
    assert sorted(whole.values_list("version", flat=True)) == list(range(1, flag.version + 1))
