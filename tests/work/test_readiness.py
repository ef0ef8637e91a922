"""What is ready, and what holds the rest up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from controlplane.work import services
from controlplane.work.models import Dependency, Item
from controlplane.work.services import graph
from tests import make
from tests.kit import work
from tests.kit.graph import Graph
from tests.kit.racing import race

pytestmark = pytest.mark.django_db


def test_blocked__until_the_last_blocker_is_done() -> None:
    g = Graph("a", "b", "c")
    g.edge("a", "b")
    g.edge("a", "c", "conditional-blocks")
    assert g.ready() == {"b", "c"}
    assert g["a"].open_blockers == 2

    g.close("b")
    assert g.ready() == {"c"}
    g.close("c")
    assert g.ready() == {"a"}
    services.reopen_item(g["c"], actor=g.actor)
    assert g.ready() == {"c"}


def test_blocked_parent__holds_all_below_it_however_deep() -> None:
    g = Graph("blocker", "epic", "child", "grandchild", "leaf")
    g.edge("child", "epic", "parent-child")
    g.edge("grandchild", "child", "parent-child")
    g.edge("leaf", "grandchild", "parent-child")
    assert "leaf" in g.ready()

    g.edge("epic", "blocker")
    assert g.ready() == {"blocker"}
    g.close("blocker")
    assert g.ready() == {"epic", "child", "grandchild", "leaf"}


@pytest.mark.parametrize(
    ("gate", "after_one", "after_both"),
    [("all-children", False, True), ("any-children", True, True)],
)
def test_waits_for__the_children(gate: str, after_one: bool, after_both: bool) -> None:
    g = Graph("waiter", "epic", "one", "two")
    g.edge("waiter", "epic", "waits-for", gate=gate)
    assert "waiter" in g.ready()  # no children: nothing to wait for
    g.edge("one", "epic", "parent-child")
    g.edge("two", "epic", "parent-child")
    assert "waiter" not in g.ready()

    g.close("one")
    assert ("waiter" in g.ready()) is after_one
    g.close("two")
    assert ("waiter" in g.ready()) is after_both


@pytest.mark.parametrize("kind", ["related", "discovered-from", "duplicates", "made-up"])
def test_other_edges__hold_nothing_up(kind: str) -> None:
    g = Graph("a", "b")
    g.edge("a", "b", kind)
    assert g.ready() == {"a", "b"}


STATUSES = {
    "in_progress": True,
    "blocked": True,
    "hooked": True,
    "deferred": True,
    "pinned": False,
    "parked": True,
    "shipped": False,
    "closed": False,
}


def test_blocker__of_each_status() -> None:
    g = Graph("a", "b")
    services.set_statuses(g.project, {"parked": "frozen", "shipped": "done"}, actor=g.actor)
    g.edge("a", "b")
    for status, blocks in STATUSES.items():
        before = transaction.savepoint()
        services.update_item(g["b"], actor=g.actor, status=status)
        assert ("a" in g.ready()) is not blocks, status
        transaction.savepoint_rollback(before)


def test_changed_meaning_of_a_status__changes_readiness_at_once() -> None:
    g = Graph("a", "b")
    services.set_statuses(g.project, {"shipped": "wip"}, actor=g.actor)
    g.edge("a", "b")
    services.update_item(g["b"], actor=g.actor, status="shipped")
    assert "a" not in g.ready()

    services.set_statuses(g.project, {"shipped": "done"}, actor=g.actor)

    assert "a" in g.ready()
    assert graph.mismatches(g.workspace.pk) == []
    with pytest.raises(Conflict):
        services.set_statuses(g.project, {}, actor=g.actor)


def test_not_ready__deferred_ephemeral_of_a_tool_or_under_a_deferred_parent() -> None:
    g = Graph("later", "parent", "child", "back", gate="gate", epic="epic")
    ahead, past = clock.now() + timedelta(days=1), clock.now() - timedelta(days=1)
    services.update_item(g["later"], actor=g.actor, defer_until=ahead)
    services.update_item(g["parent"], actor=g.actor, defer_until=ahead)
    services.update_item(g["back"], actor=g.actor, defer_until=past)
    g.edge("child", "parent", "parent-child")
    work.item(g.project, "passing", actor=g.actor, ephemeral=True)

    assert g.ready() == {"back", "epic"}
    assert {item.title for item in g.project.items.ready(types=["gate"])} == {"gate"}
    assert g.project.items.ready(deferred=True, ephemeral=True).count() == 6


# --- Edges refused ------------------------------------------------------------------------------


def test_cycle__of_any_ordering_edges_is_refused() -> None:
    g = Graph("a", "b", "c")
    kinds = ["blocks", "conditional-blocks", "parent-child", "waits-for"]
    for first, second in product(kinds, kinds):
        before = transaction.savepoint()
        g.edge("a", "b", first)
        g.edge("b", "c", second)

        with pytest.raises(Conflict, match="cycle"):
            g.edge("c", "a", first)
        with pytest.raises(Conflict, match="cycle"):
            g.edge("b", "a", second)
        assert g.edge("c", "a", "related").kind == "related"
        transaction.savepoint_rollback(before)


def test_edge_to_itself__is_refused() -> None:
    g = Graph("a")
    with pytest.raises(Conflict, match="itself"):
        g.edge("a", "a")


def test_epics__block_epics_only_unless_the_project_says_otherwise() -> None:
    g = Graph("task", epic="epic", other="epic")
    with pytest.raises(Conflict, match="epics"):
        g.edge("task", "epic")
    with pytest.raises(Conflict, match="epics"):
        g.edge("epic", "task")
    g.edge("epic", "other")
    services.change_project(g.project, actor=g.actor, epics_block_epics_only=False)
    assert g.edge("task", "epic").kind == "blocks"


def test_one_type_for_each_pair__and_one_parent_for_each_item() -> None:
    g = Graph("a", "b", "c")
    g.edge("a", "b")
    g.edge("a", "b", "related")
    assert g["a"].open_blockers == 0
    g.edge("a", "b", "parent-child")
    g.edge("a", "c", "parent-child")

    assert g["a"].parent == g["c"]
    assert [edge.target for edge in Dependency.objects.filter(item=g["a"])] == [g["c"]]
    assert services.set_parent(g["a"], None, actor=g.actor).parent is None
    assert not Dependency.objects.filter(item=g["a"]).exists()


def test_edge_outside__is_kept_and_holds_nothing_up() -> None:
    g = Graph("a")
    services.add_dependency(g["a"], "external:billing:refunds", actor=g.actor)
    assert g.ready() == {"a"}
    assert services.remove_dependency(g["a"], "external:billing:refunds", actor=g.actor)
    assert services.remove_dependency(g["a"], "external:billing:refunds", actor=g.actor) is None


def test_edge__into_another_workspace_is_refused() -> None:
    g, other = Graph("a"), Graph("b")
    both = make.person(g.workspace, "operations_command")
    with pytest.raises(Invalid, match="another workspace"):
        services.add_dependency(g["a"], other["b"], actor=make.actor(both))
    with pytest.raises(NotAllowed):
        services.add_dependency(g["a"], g["a"], actor=other.actor)


def test_edge__across_projects_holds_up_and_not_out_of_a_sandbox() -> None:
    g = Graph("a")
    second = services.create_project(g.workspace, actor=g.actor, name="Second", prefix="two")
    sandbox = services.open_sandbox(g.workspace, "/tmp/x.db", actor=g.actor)
    blocker = work.item(second, "b", actor=g.actor)
    services.add_dependency(g["a"], blocker, actor=g.actor)
    assert g.ready() == set()
    with pytest.raises(Conflict, match="sandbox"):
        services.add_dependency(work.item(sandbox, actor=g.actor), blocker, actor=g.actor)
    assert services.open_sandbox(g.workspace, "/tmp/x.db", actor=g.actor) == sandbox


# --- Locate or create ---------------------------------------------------------------------------


def test_ensure__finds_the_unfinished_one_in_whatever_state() -> None:
    g = Graph("blocker")
    first = services.ensure(g.project, "release 1.2", actor=g.actor, title="Deploy 1.2")
    services.update_item(first.item, actor=g.actor, status="in_progress")
    services.add_dependency(first.item, g["blocker"], actor=g.actor)

    again = services.ensure(g.project, "release 1.2", actor=g.actor, title="Deploy 1.2")
    services.close_item(first.item, actor=g.actor, reason="live", force=True)
    later = services.ensure(g.project, "release 1.2", actor=g.actor, title="Deploy 1.2 again")

    assert (first.created, again.created, later.created) == (True, False, True)
    assert again.item == first.item != later.item
    # Taken up again beside its successor, it gives up the key.
    assert services.reopen_item(first.item, actor=g.actor).ensure_key == ""


@pytest.mark.django_db(transaction=True)
def test_ensure__asked_by_a_crowd_makes_one() -> None:
    g = Graph()
    told = race(6, lambda n: services.ensure(g.project, "r1", actor=g.actor, title=f"Deploy {n}"))
    assert len({answer.item.pk for answer in told}) == 1
    assert sum(answer.created for answer in told) == 1


def test_item_that_stands_for_something__is_the_only_one() -> None:
    g = Graph()
    first, again = (
        services.open_item(g.project, subject="x.y:1", actor=g.actor, title=title)
        for title in ("Deploy", "Deploy once more")
    )
    assert first == again
    with pytest.raises(IntegrityError, match="work_subject"), transaction.atomic():
        work.item(g.project, actor=g.actor, subject="x.y:1")


@pytest.mark.servers
def test_closing_and_reopening__settle_a_family_in_a_handful_of_statements() -> None:
    """Whom it held up, what is under those, and what waits for its parent's children."""
    g = Graph("blocker", "free", "parent", "held", "under", "deep")
    g.edge("blocker", "parent", "parent-child")
    g.edge("free", "parent", "waits-for")
    g.edge("held", "blocker")
    g.edge("under", "held", "parent-child")
    g.edge("under", "blocker")
    g.edge("deep", "under", "parent-child")
    assert g.ready() == {"blocker", "parent"}

    flips: list[tuple[Callable[[], object], set[str]]] = [
        (lambda: g.close("blocker"), {"parent", "held", "under", "deep", "free"}),
        (lambda: services.reopen_item(g["blocker"], actor=g.actor), {"blocker", "parent"}),
    ]
    for flip, left in flips:
        with CaptureQueriesContext(connection) as asked:
            flip()
        assert g.ready() == left
        assert graph.mismatches(g.workspace.pk) == []
        # Beside the savepoint and the test's own look: the lock, the row, what is open before and
        # under it, the row again, what follows, the history, the audit log.
        assert len(asked) - 3 <= 7


def test_mismatch__is_found_and_repaired() -> None:
    g = Graph("a", "b")
    g.edge("a", "b")
    Item.objects.filter(pk=g["a"].pk).update(blocked=False, open_blockers=0)

    assert graph.mismatches(g.workspace.pk) == [g["a"].pk]
    assert graph.rebuild(g.workspace.pk) == 1
    assert graph.mismatches(g.workspace.pk) == []
    assert g["a"].open_blockers == 1
