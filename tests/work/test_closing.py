"""Closing work: over open work, with a reason, by force, again; and what reopening takes back."""

from __future__ import annotations

import pytest

from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from controlplane.work import services
from controlplane.work.models import ItemEvent
from controlplane.work.services import graph
from tests.kit import work
from tests.kit.graph import Graph

pytestmark = pytest.mark.django_db

# --- Closing ------------------------------------------------------------------------------------


def test_closing__over_open_work_is_refused_unless_forced_with_a_reason() -> None:
    g = Graph("a", "b", "parent", "child")
    g.edge("a", "b")
    g.edge("child", "parent", "parent-child")
    for name, why in (("a", "blocked by"), ("parent", "open children")):
        with pytest.raises(Exception, match=why):
            g.close(name)
        with pytest.raises(Invalid, match="reason"):
            services.close_item(g[name], actor=g.actor, reason=" ", force=True)

    forced = g.close("a", force=True)

    assert forced.close_forced
    [event] = ItemEvent.objects.about(forced).filter(kind="closed")
    assert event.forced


def test_closing__an_operations_item_takes_a_reason() -> None:
    g = Graph(incident="incident")
    labelled = work.item(g.project, "Deploy", actor=g.actor, labels=["deployment"])
    for item in (g["incident"], labelled):
        with pytest.raises(Exception, match="with a reason"):
            services.close_item(item, actor=g.actor, reason="")
        assert services.close_item(item, actor=g.actor, reason="live").is_closed


def test_closing_by_update__is_recorded_as_forced_or_forbidden_by_the_project() -> None:
    g = Graph("a", "b", "c")
    g.edge("a", "b")
    g.edge("c", "b")
    assert services.update_item(g["a"], actor=g.actor, status="closed").close_forced
    assert not services.update_item(g["b"], actor=g.actor, status="closed").close_forced
    services.change_project(g.project, actor=g.actor, update_may_close=False)
    with pytest.raises(Exception, match="use close"):
        services.update_item(g["c"], actor=g.actor, status="closed")


def test_force__takes_authority() -> None:
    g = Graph("a", "b")
    g.edge("a", "b")
    planner = work.worker(g.workspace, "product_partner")
    with pytest.raises(NotAllowed):
        services.close_item(g["a"], actor=planner, reason="because", force=True)
    with pytest.raises(NotAllowed):
        services.update_item(g["a"], actor=planner, status="closed")


def test_closing_several__in_whatever_order_they_are_named() -> None:
    g = Graph("first", "second", "parent", "held", "holder")
    g.edge("second", "first")
    g.edge("first", "parent", "parent-child")
    g.edge("held", "holder")

    names = ["parent", "second", "held", "first"]
    done = services.close_items([g[name] for name in names], actor=g.actor, reason="all done")

    assert [item.title for item in done.closed] == ["parent", "second", "first"]
    assert [item.title for item, _ in done.refused] == ["held"]
    assert not g["held"].is_closed


def test_closing_again__gives_the_new_reason_and_reopening_takes_all_back() -> None:
    g = Graph("a")
    g.close("a")
    again = services.close_item(g["a"], actor=g.actor, reason="really done")
    assert again.close_reason == "really done"

    opened = services.reopen_item(g["a"], actor=g.actor, reason="not quite")

    assert (opened.status, opened.closed_at, opened.close_reason) == ("open", None, "")
    assert services.reopen_item(opened, actor=g.actor).revision == opened.revision


def test_deleting__releases_who_waited_and_keeps_what_stands_for_something() -> None:
    g = Graph("a", "b", "child")
    g.edge("a", "b")
    g.edge("child", "a", "parent-child")
    assert g.ready() == {"b"}

    deleted = services.delete_items([g["b"]], actor=g.actor)

    assert deleted.edges == 1
    assert g.ready() == {"a", "child"}
    assert graph.mismatches(g.workspace.pk) == []
    stands = services.open_item(
        g.project, subject="deployments.deployment:1", actor=g.actor, title="Deploy"
    )
    with pytest.raises(Conflict, match="stands for"):
        services.delete_items([stands], actor=g.actor)
