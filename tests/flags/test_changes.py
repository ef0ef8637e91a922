"""Flags made, changed, killed, undone: who may, what is refused, what it leaves behind."""

from __future__ import annotations

from typing import Any

import pytest

from controlplane.audit.models import AuditEvent
from controlplane.base.models import Signal
from controlplane.lib.errors import Conflict, GateNotMet, Invalid, NotAllowed
from controlplane.notify.models import InboxItem, Notification, OutboxMessage
from controlplane.work.models import Comment
from deployments.flags import services, telling
from deployments.flags.models import Flag, FlagChange, FlagState
from deployments.flags.services import gates
from deployments.flags.services.undoing import sides
from tests import make
from tests.kit import settled, work
from tests.kit.flags import World, on, rule

# --- Made ---------------------------------------------------------------------------------------


@settled.once
def world() -> World:
    return World()


def test_create__is_off_everywhere(world: World) -> None:
    flag = world.flag
    assert flag.enabled
    states = FlagState.objects.filter(flag=flag)
    assert [each.environment.slug for each in states] == ["local", "staging", "production"]
    assert not any(each.settings["on"] for each in states)
    [change] = world.changes()
    assert (change.kind, change.actor_ref, change.version) == ("create", world.actor.ref, 1)


def test_create__with_settings__is_on_there_alone(world: World) -> None:
    flag = world.make("a", settings={"staging": on(rule(10))})
    assert world.state("staging", flag).settings["rules"][0]["percent"] == 10
    assert not world.state("production", flag).settings["on"]


def test_create__same_name__is_refused_here_and_free_elsewhere(world: World) -> None:
    assert world.flag.pk
    with pytest.raises(Conflict) as refused:
        world.make("new-planner")
    assert "flag_name" in refused.value.details
    assert World().flag.flag_name == "new-planner"


@pytest.mark.parametrize("name", ["", "a/b", "a b", "ä", "a\n", "a" * 201, "a?", "../x"])
def test_create__name_that_no_url_holds__is_refused(world: World, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        world.make(name)
    assert "flag_name" in refused.value.details


@pytest.mark.parametrize(
    ("kind", "off", "on_"),
    [
        ("boolean", 0, 1),
        ("boolean", True, False),
        ("string", 1, "b"),
        ("integer", True, 1),
        ("integer", 1.5, 2),
        ("integer", 2**60, 2),
        ("float", "1", 2.0),
        ("object", [], {}),
        ("object", {}, "x"),
    ],
)
def test_create__value_of_another_type__is_refused(
    world: World, kind: str, off: Any, on_: Any
) -> None:
    with pytest.raises(Invalid) as refused:
        world.make("a", value_type=kind, off_value=off, on_value=on_)
    assert set(refused.value.details) <= {"off_value", "on_value"}


def test_create__owner_or_item_of_another_workspace__is_refused(world: World) -> None:
    other = World()
    with pytest.raises(Invalid, match="Nobody of this workspace"):
        world.make("a", owner=other.person)
    with pytest.raises(Invalid, match="another workspace"):
        world.make("a", item=work.item(other.workspace))


# --- Changed ------------------------------------------------------------------------------------


def test_change__raises_the_version_and_that_environments_revision_alone(world: World) -> None:
    assert world.flag.pk
    before = world.revisions()
    state = world.put(on(rule(10)), reason="Try it on a few.")
    after = world.revisions()
    assert state.version == 2
    assert after == {**before, "staging": before["staging"] + 1}
    change = world.changes()[-1]
    assert (change.kind, change.version, change.revision) == ("edit", 2, after["staging"])
    assert (sides(change)[0]["on"], sides(change)[1]["on"]) == (False, True)
    event = AuditEvent.objects.filter(action="flag.change").latest("id")
    assert event.reason == "Try it on a few."
    assert (event.details or {})["change"] == str(change.uid)
    assert Signal.objects.get(kind="flags.changed", key=str(change.uid)).payload["kind"] == "edit"


def test_change__same_again__is_no_change(world: World) -> None:
    world.put(on(rule(10)))
    before = world.revisions()
    assert world.put(on(rule(10))).version == 2
    assert world.revisions() == before
    assert len(world.changes()) == 2


def test_change__somebody_was_first__shows_what_changed(world: World) -> None:
    world.put(on(rule(10)), reason="First.")
    with pytest.raises(Conflict) as refused:
        services.change_settings(
            world.state(), on(rule(50)), actor=world.lead, version=1, reason="Second."
        )
    details = refused.value.details
    assert (details["version"], details["seen_version"]) == (2, 1)
    assert details["changed_by"] == world.actor.ref
    assert details["changes"][0]["reason"] == "First."
    assert {"path": "on", "before": False, "after": True} in details["differences"]


def test_change__archived__is_refused(world: World) -> None:
    services.archive(world.flag, actor=world.actor, reason="Done with it.")
    with pytest.raises(Invalid, match="archived"):
        world.put(on())


def test_describe__values_owner_and_dates(world: World) -> None:
    flag = services.change_flag(
        world.flag, actor=world.actor, version=1, description="The planner.", owner=world.person
    )
    assert (flag.version, flag.owner) == (2, world.person)
    assert world.changes()[-1].after == {"description": "The planner.", "owner": world.person.pk}
    with pytest.raises(Conflict):
        services.change_flag(flag, actor=world.actor, version=1, description="x")
    with pytest.raises(Invalid):
        services.change_flag(flag, actor=world.actor, enabled=False)


# --- Killed -------------------------------------------------------------------------------------


def test_kill__is_off_everywhere__and_comes_back_as_it_was(world: World) -> None:
    world.put(on(rule(10)))
    before = world.revisions()
    flag = services.kill(world.flag, actor=world.actor)
    assert not flag.enabled
    assert all(world.revisions()[name] == before[name] + 1 for name in before)
    again = services.kill(flag, actor=world.actor)
    assert again.version == flag.version  # a yes, and no second change
    flag = services.enable(flag, actor=world.actor, reason="The cause was found.")
    assert flag.enabled
    assert world.state().settings["rules"][0]["percent"] == 10
    assert [each.kind for each in world.changes()] == ["create", "edit", "kill", "enable"]


def test_kill__asks_no_freeze_and_no_consent(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.put(on(), "production")
    world.guard()

    def frozen(flag: Flag, environment: int) -> str:
        raise AssertionError("a kill asks nobody")

    monkeypatch.setattr(gates, "FREEZES", [frozen])
    assert not services.kill(world.flag, actor=world.actor).enabled


def test_kill__broker_is_dead__is_done(
    world: World, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    assert world.flag.pk
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with django_capture_on_commit_callbacks(execute=True):
        services.kill(world.flag, actor=world.actor, reason="Errors everywhere.")
    world.flag.refresh_from_db()
    assert not world.flag.enabled
    assert OutboxMessage.objects.filter(topic="flags.told").count() == 2


@pytest.mark.parametrize("role", ["viewer", "product_manager", "mission_owner"])
def test_kill__without_the_role__is_refused(world: World, role: str) -> None:
    stranger = make.actor(make.person(world.workspace, role))
    with pytest.raises(NotAllowed):
        services.kill(world.flag, actor=stranger)
    world.flag.refresh_from_db()
    assert world.flag.enabled


def test_strangers__change_nothing(world: World) -> None:
    assert world.flag.pk
    strangers = [
        make.actor(make.person(world.workspace, "viewer")),
        make.actor(make.agent(world.workspace, role="executor")),
        World().actor,
    ]
    for stranger in strangers:
        for attempt in (
            lambda who: services.change_settings(world.state(), on(), actor=who, version=1),
            lambda who: services.change_flag(world.flag, actor=who, description="x"),
            lambda who: services.archive(world.flag, actor=who, reason="Because."),
            lambda who: services.kill(world.flag, actor=who),
            lambda who: services.enable(world.flag, actor=who),
            lambda who: services.undo(world.changes()[0], actor=who),
            lambda who: services.create_flag(world.workspace, "x", actor=who),
            lambda who: services.create_segment(world.workspace, "x", actor=who, constraints=[]),
        ):
            with pytest.raises((NotAllowed, Invalid)):
                attempt(stranger)
    assert len(world.changes()) == 1
    assert Flag.objects.filter(workspace=world.workspace).count() == 1


# --- Undone -------------------------------------------------------------------------------------


def test_undo__puts_back__as_a_new_change(world: World) -> None:
    world.put(on(rule(10)))
    world.put(on(rule(50)))
    undone = services.undo(world.changes()[-1], actor=world.lead, reason="Too fast.")
    assert world.state().settings["rules"][0]["percent"] == 10
    assert (undone.kind, undone.undoes, undone.version) == ("undo", world.changes()[2], 4)
    redone = services.undo(undone, actor=world.lead)
    assert world.state().settings["rules"][0]["percent"] == 50
    assert redone.undoes == undone


def test_undo__keeps_what_others_changed_elsewhere(world: World) -> None:
    world.put(on(rule(10)))
    world.put(on(rule(10), deny=["u1"]))
    first = world.changes()[1]
    services.undo(first, actor=world.actor)
    settings = world.state().settings
    assert (settings["on"], settings["rules"], settings["deny"]) == (False, [], ["u1"])


def test_undo__changed_again_since__is_refused_with_the_difference(world: World) -> None:
    world.put(on(rule(10)))
    world.put(on(rule(50)))
    with pytest.raises(Conflict, match="rules") as refused:
        services.undo(world.changes()[1], actor=world.actor)
    assert refused.value.details["differences"] == [
        {"path": "rules.0.percent", "before": 10, "after": 50}
    ]


def test_undo__of_a_kill__enables_and_needs_that_right(world: World) -> None:
    services.kill(world.flag, actor=world.actor)
    kill = world.changes()[-1]
    manager = make.actor(make.person(world.workspace, "product_manager"))
    with pytest.raises(NotAllowed):
        services.undo(kill, actor=manager)
    services.undo(kill, actor=world.actor)
    world.flag.refresh_from_db()
    assert world.flag.enabled
    with pytest.raises(Conflict):
        services.undo(kill, actor=world.actor)


def test_undo__of_fields_and_of_making(world: World) -> None:
    services.change_flag(
        world.flag, actor=world.actor, description="The planner.", owner=world.person
    )
    services.undo(world.changes()[-1], actor=world.actor)
    world.flag.refresh_from_db()
    assert (world.flag.description, world.flag.owner) == ("", None)
    with pytest.raises(Invalid):
        services.undo(world.changes()[0], actor=world.actor)


def test_undo__of_a_kill_before_the_last_one__is_refused(world: World) -> None:
    services.kill(world.flag, actor=world.actor, reason="Errors.")
    services.enable(world.flag, actor=world.actor, reason="Mended.")
    services.kill(world.flag, actor=world.actor, reason="Worse errors.")
    _, first, _, second = world.changes()
    with pytest.raises(Conflict, match="changed again since: enabled"):
        services.undo(first, actor=world.actor)
    world.flag.refresh_from_db()
    assert not world.flag.enabled
    services.undo(second, actor=world.actor)
    world.flag.refresh_from_db()
    assert world.flag.enabled


def test_undo__there_and_back_and_there_again__only_the_newest(world: World) -> None:
    for percent in (10, 50, 10, 50):
        world.put(on(rule(percent)))
    with pytest.raises(Conflict, match="changed again since: rules") as refused:
        services.undo(world.changes()[2], actor=world.actor)
    assert refused.value.details["differences"] == [
        {"path": "rules.0.percent", "before": 10, "after": 50}
    ]
    world.put(on(rule(50)), "production")
    services.undo(world.changes()[4], actor=world.actor)
    assert world.state().settings["rules"][0]["percent"] == 10


def test_undo__of_fields_described_again_in_the_same_words__is_refused(world: World) -> None:
    for words in ("One.", "Two.", "One."):
        services.change_flag(world.flag, actor=world.actor, description=words)
    with pytest.raises(Conflict, match="description"):
        services.undo(world.changes()[1], actor=world.actor)
    world.flag.refresh_from_db()
    assert world.flag.description == "One."


# --- Archived -----------------------------------------------------------------------------------


def test_archive__and_restore__comes_back_killed(world: World) -> None:
    world.put(on())
    flag = services.archive(world.flag, actor=world.actor, reason="It is in for good.")
    assert flag.is_archived
    with pytest.raises(Conflict):
        world.make("new-planner")  # old code may still ask for it
    flag = services.restore(flag, actor=world.actor)
    assert (flag.is_archived, flag.enabled) == (False, False)


def test_archive__others_require_it__is_refused(world: World) -> None:
    needed = world.flag
    world.put(on(requires=[{"flag": needed.flag_name}]), flag=world.make("child"))
    with pytest.raises(Conflict, match="child"):
        services.archive(world.flag, actor=world.actor, reason="Away.")


# --- Freezes ------------------------------------------------------------------------------------


def test_freeze__holds_back_what_raises__not_what_lowers(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put(on(rule(50)))
    monkeypatch.setattr(gates, "FREEZES", [lambda flag, environment: "Frozen until Monday."])
    with pytest.raises(GateNotMet, match="Monday"):
        world.put(on(rule(60)))
    assert world.put(on(rule(10))).settings["rules"][0]["percent"] == 10
    with pytest.raises(NotAllowed):
        operator = make.actor(make.person(world.workspace, "primary_operator"))
        world.put(on(rule(60)), actor=operator, override=True)
    world.put(on(rule(60)), override=True, reason="The customer waits.")
    event = AuditEvent.objects.filter(action="flag.change").latest("id")
    assert (event.details or {})["overrode"] == "Frozen until Monday."
    assert not world.put({**world.state().settings, "on": False}).settings["on"]


# --- Told ---------------------------------------------------------------------------------------


def deliver() -> None:
    for message in OutboxMessage.objects.filter(topic=telling.TOPIC).order_by("id"):
        assert telling.tell(message).kind == "accepted"


def test_told__stakeholders_and_the_items_hear_of_each_change_once(world: World) -> None:
    release = work.item(world.workspace, "Release 1.4")
    flag = world.make("told", item=release)
    world.put(on(rule(10)), flag=flag, reason="Try it on a few.", item=release.key)
    services.kill(flag, actor=world.actor, reason="Errors everywhere.")
    deliver()
    deliver()  # a second delivery says nothing twice
    subjects = list(
        Notification.objects.filter(kind="flag.changed")
        .order_by("id")
        .values_list("subject", flat=True)
    )
    name = str(world.person)
    assert subjects == [
        f"told made by {name}",
        f"told changed in Staging by {name}",
        f"told switched off everywhere by {name}",
    ]
    assert InboxItem.objects.filter(user=world.person).count() == 3
    texts = [each.text for each in Comment.objects.filter(item=release).order_by("id")]
    assert len(texts) == 3
    assert "Errors everywhere." in texts[-1]
    assert "on: false → true" in texts[1]


def test_history__stays_as_it_was(world: World) -> None:
    from django.db import DatabaseError, connection, transaction

    assert world.flag.pk
    for statement in (
        "UPDATE feature_flags_flagchange SET reason = 'x'",
        "DELETE FROM feature_flags_flagchange",
        "TRUNCATE feature_flags_flagchange CASCADE",
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            connection.cursor().execute(statement)
    assert FlagChange.objects.count() == 1
