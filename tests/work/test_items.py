"""Items made, changed and claimed; by whom; and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from controlplane.audit.models import AuditEvent
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from controlplane.notify.models import InboxItem
from controlplane.work import services
from controlplane.work.models import Comment, Item, ItemEvent, Project
from tests import make
from tests.kit import work
from tests.kit.racing import race

pytestmark = pytest.mark.django_db


def test_new_workspace__has_one_operations_project() -> None:
    there = make.workspace()

    [project] = Project.objects.filter(workspace=there)

    assert (project.is_operations, project.prefix, project.ids) == (True, "bd", "hash")


def test_item__gets_a_short_key_its_maker_and_a_line_of_history() -> None:
    there = make.workspace()
    actor = work.worker(there)

    item = work.item(there, "Deploy 1.2", actor=actor, labels=["ops", "deployment", "ops"])

    assert item.key.startswith("bd-")
    assert len(item.key) == 6
    assert item.labels == ["deployment", "ops"]
    assert item.created_by == actor.label
    kinds = list(ItemEvent.objects.about(item).order_by("id").values_list("kind", flat=True))
    assert kinds == ["created", "label_added", "label_added"]
    [event] = AuditEvent.objects.filter(action="work.create", subject_ref=f"work.item:{item.pk}")
    assert event.actor_ref == actor.ref


def test_item__made_for_somebody_by_a_tool__keeps_the_real_account_in_the_audit_log() -> None:
    there = make.workspace()
    actor = work.worker(there)

    item = work.item(there, actor=actor, name="kim")

    assert item.created_by == "kim"
    [event] = AuditEvent.objects.filter(action="work.create", subject_ref=f"work.item:{item.pk}")
    assert event.actor_ref == actor.ref
    assert services.comment(item, "seen", actor=actor, name="kim").actor_ref == actor.ref


def test_keys__of_a_project_that_counts() -> None:
    there = make.workspace()
    actor = work.worker(there)
    project = services.create_project(there, actor=actor, name="Ops", prefix="BD", ids="sequence")

    keys = [work.item(project, actor=actor).key for _ in range(3)]

    assert keys == ["BD-1", "BD-2", "BD-3"]
    assert services.resolve(project, "bd-2").key == "BD-2"
    assert services.resolve(project, "3").key == "BD-3"


def test_hashes__grow_when_they_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    there = make.workspace()
    actor = work.worker(there)
    drawn = iter(["aaa", "aaa", "aaab", "cccc"])
    monkeypatch.setattr("controlplane.work.services.naming._hash", lambda length: next(drawn))

    first, second = work.item(there, actor=actor), work.item(there, actor=actor)

    assert (first.key, second.key) == ("bd-aaa", "bd-aaab")
    assert work.project(there).hash_length == 4


def test_children__are_numbered_and_no_number_comes_twice() -> None:
    there = make.workspace()
    actor = work.worker(there)
    parent = work.item(there, "Maintenance", actor=actor, labels=["maintenance"])
    first = work.item(there, "one", actor=actor, parent=parent)
    services.delete_items([first], actor=actor)

    second = work.item(there, "two", actor=actor, parent=parent)
    plain = work.item(there, "three", actor=actor, parent=parent, inherit_labels=False)

    assert first.key == f"{parent.key}.1"
    assert second.key == f"{parent.key}.2"
    assert second.labels == ["maintenance"]
    assert plain.labels == []
    assert Item.objects.get(pk=second.pk).parent == parent


BAD: list[tuple[dict[str, Any], str]] = [
    ({"title": "  \n "}, "title"),
    ({"title": "x" * 501}, "title"),
    ({"title": "a\x00b"}, "title"),
    ({"title": "\ud800"}, "title"),
    ({"priority": 5}, "priority"),
    ({"priority": "high"}, "priority"),
    ({"priority": True}, "priority"),
    ({"item_type": "incidents"}, "issue_type"),
    ({"status": "closed"}, "status"),
    ({"status": "nowhere"}, "status"),
    ({"labels": ["x" * 256]}, "labels"),
    ({"labels": [f"l{n}" for n in range(101)]}, "labels"),
    ({"metadata": [1]}, "metadata"),
    ({"metadata": {"a": "\x00"}}, "metadata"),
    ({"estimated_minutes": -1}, "estimated_minutes"),
    ({"due_at": "tomorrow"}, "due_at"),
    ({"description": "x" * 1_000_001}, "description"),
    ({"in_backlog": True}, "stage"),
    ({"in_backlog": True, "stage": "define", "kpi": "throughput"}, "readiness_artifact"),
    ({"impact": 6}, "impact"),
    ({"nonsense": 1}, "nonsense"),
    ({"key": "ops-1"}, "id"),
    ({"key": "bd-ü"}, "id"),
]


def test_bad_input__is_refused_beside_its_field() -> None:
    there = make.workspace()
    actor = work.worker(there)
    for given, field in BAD:
        with pytest.raises(Invalid) as refused:
            services.create_item(work.project(there), actor=actor, **{"title": "Fine", **given})
        assert field in refused.value.details, given
    assert not Item.objects.filter(workspace=there).exists()


def test_longest_title__is_taken() -> None:
    assert len(work.item(make.workspace(), "x" * 500).title) == 500


def test_key_of_ones_own__is_taken_once_in_any_case() -> None:
    there = make.workspace()
    work.item(there, key="bd-Release")

    with pytest.raises(Conflict):
        work.item(there, key="BD-RELEASE")


def test_child_of_a_closed_parent__is_refused() -> None:
    there = make.workspace()
    actor = work.worker(there)
    parent = work.item(there, actor=actor)
    services.close_item(parent, actor=actor, reason="done")

    with pytest.raises(Conflict, match="closed"):
        work.item(there, actor=actor, parent=parent)


def test_update__is_one_step_with_old_and_new() -> None:
    there = make.workspace()
    actor = work.worker(there)
    item = work.item(there, actor=actor)

    changed = services.update_item(
        item, actor=actor, status="in_progress", assignee="kim@example.org", add_labels=["hot"]
    )

    assert (changed.status, changed.assignee, changed.labels) == (
        "in_progress",
        "kim@example.org",
        ["hot"],
    )
    assert changed.started_at is not None
    assert changed.revision == item.revision + 1
    again = services.update_item(changed, actor=actor, assignee="kim@example.org")
    assert again.revision == changed.revision


def test_update__with_an_old_revision_is_refused() -> None:
    there = make.workspace()
    actor = work.worker(there)
    item = work.item(there, actor=actor)
    services.update_item(item, actor=actor, title="Other")

    with pytest.raises(Conflict, match="changed since"):
        services.update_item(item, actor=actor, title="Mine", revision=item.revision)


def test_assigned__is_told_unless_it_was_oneself() -> None:
    there = make.workspace()
    robin = make.person(there, "operations_command")
    kim = make.person(there, "primary_operator")
    item = work.item(there, actor=make.actor(robin))

    services.update_item(item, actor=make.actor(robin), assignee=kim.email.upper())
    services.update_item(item, actor=make.actor(robin), assignee=robin.email)

    assert InboxItem.objects.filter(user=kim).count() == 1
    assert not InboxItem.objects.filter(user=robin).exists()


def test_assigned_with_the_making__is_told_where_it_is() -> None:
    there = make.workspace()
    robin, kim = make.person(there, "operations_command"), make.person(there, "viewer")

    item = work.item(there, actor=make.actor(robin), assignee=kim.email)
    work.item(there, actor=make.actor(robin), assignee=robin.email)

    [told] = InboxItem.objects.select_related("notification")
    assert told.user == kim
    assert told.notification.link.endswith(f"/admin/work/item/{item.uid}/change/")


def test_watchers__hear_of_comments_and_closing() -> None:
    there = make.workspace()
    robin, kim = make.person(there, "operations_command"), make.person(there, "viewer")
    item = work.item(there, actor=make.actor(robin))
    services.watch(item, kim, actor=make.actor(kim))

    services.comment(item, "half way", actor=make.actor(robin))
    services.close_item(item, actor=make.actor(robin), reason="done")
    services.watch(item, kim, actor=make.actor(kim), on=False)
    services.reopen_item(item, actor=make.actor(robin))

    assert InboxItem.objects.filter(user=kim).count() == 2
    with pytest.raises(Invalid):
        services.watch(item, kim, actor=make.actor(robin))


# --- Claiming ---------------------------------------------------------------------------------


def test_claim__has_one_winner_who_may_ask_again() -> None:
    there = make.workspace()
    actor = work.worker(there)
    item = work.item(there, actor=actor)

    won = services.claim(item, actor=actor, name="ada")

    assert (won.status, won.assignee) == ("in_progress", "ada")
    assert services.claim(item, actor=actor, name="ada").assignee == "ada"
    with pytest.raises(Conflict, match="already claimed by ada"):
        services.claim(item, actor=actor, name="bob")
    services.close_item(item, actor=actor, reason="done")
    with pytest.raises(Conflict):
        services.claim(item, actor=actor, name="bob")


def test_claim__in_the_name_of_another_member__is_told_to_them() -> None:
    there = make.workspace()
    kim = make.person(there, "operations_command", email="kim@example.org")
    item = work.item(there)
    services.claim(item, actor=work.worker(there), name="Kim@example.org")
    assert Item.objects.get(pk=item.pk).assignee_user == kim
    assert InboxItem.objects.get().user == kim
    mine = work.item(there)
    services.claim(mine, actor=make.actor(kim))
    stranger = make.person(make.workspace(), "operations_command", email="far@example.org")
    services.claim(work.item(there), actor=work.worker(there), name="far@example.org")
    assert InboxItem.objects.count() == 1
    assert not InboxItem.objects.filter(user=stranger).exists()


@pytest.mark.django_db(transaction=True)
def test_claim__by_a_crowd__is_won_once() -> None:
    there = make.workspace()
    actor = work.worker(there)
    item = work.item(there, actor=actor)

    told = race(6, lambda n: services.claim(item, actor=actor, name=f"worker {n}"))

    winners = [result for result in told if isinstance(result, Item)]
    assert len(winners) == 1
    assert all(isinstance(result, Conflict) for result in told if result not in winners)
    assert ItemEvent.objects.about(item).filter(kind="claimed").count() == 1


@pytest.mark.django_db(transaction=True)
def test_claim_next__gives_each_worker_another_item() -> None:
    there = make.workspace()
    actor = work.worker(there)
    project = work.project(there)
    for number in range(6):
        work.item(project, f"item {number}", actor=actor)

    taken = race(6, lambda n: services.claim_next(project, actor=actor, name=f"worker {n}"))

    assert len({item.pk for item in taken}) == 6
    assert services.claim_next(project, actor=actor, name="late") is None


# --- What was said stays ----------------------------------------------------------------------


@pytest.mark.parametrize("table", ["work_comment", "work_itemevent"])
def test_history__is_append_only(table: str) -> None:
    item = work.item(make.workspace())
    services.comment(item, "as it was", actor=work.worker(item.workspace))
    column = "text" if table == "work_comment" else "comment"

    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE {table} SET {column} = 'otherwise'")

    assert Comment.objects.about(item).get().text == "as it was"


# --- Strangers --------------------------------------------------------------------------------


def test_viewer__reads_and_follows_and_changes_nothing() -> None:
    there = make.workspace()
    viewer = work.worker(there, "viewer")
    item = work.item(there)

    for attempt in (
        lambda: work.item(there, actor=viewer),
        lambda: services.update_item(item, actor=viewer, title="Mine"),
        lambda: services.claim(item, actor=viewer),
        lambda: services.comment(item, "hello", actor=viewer),
        lambda: services.close_item(item, actor=viewer, reason="no"),
        lambda: services.delete_items([item], actor=viewer),
    ):
        with pytest.raises(NotAllowed):
            attempt()
    assert item in Item.objects.visible_to(viewer)


def test_stranger__of_another_workspace_sees_and_changes_nothing() -> None:
    item = work.item(make.workspace())
    stranger = work.worker(make.workspace(), "workspace_admin")

    assert item not in Item.objects.visible_to(stranger)
    for attempt in (
        lambda: work.item(item.project, actor=stranger),
        lambda: services.update_item(item, actor=stranger, title="Mine"),
        lambda: services.claim(item, actor=stranger),
        lambda: services.comment(item, "hello", actor=stranger),
        lambda: services.close_item(item, actor=stranger, reason="no"),
    ):
        with pytest.raises(NotAllowed):
            attempt()
