"""Graphs: every edge points onwards unless it is marked, whatever is thrown in."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.console.charts import render
from controlplane.console.charts.data import Edge, Graph, Node
from controlplane.console.charts.layering import crossings, lay_out, spread
from tests.kit.chart_markup import described, parsed, words

COUNT = 14
PAIRS = st.lists(st.tuples(st.integers(0, COUNT - 1), st.integers(0, COUNT - 1)), max_size=40)


@given(PAIRS)
def test_layout__edges_point_onwards_unless_marked(edges: list[tuple[int, int]]) -> None:
    layout = lay_out(COUNT, edges)
    for index, (a, b) in enumerate(edges):
        above, below = layout.place[a][0], layout.place[b][0]
        if index in layout.back:
            assert above >= below
        else:
            assert above < below
        layers = [above, *(layer for layer, _ in layout.route.get(index, [])), below]
        if a != b:
            assert all(abs(y - x) == 1 for x, y in pairwise(layers)), "a dummy in every layer"


@given(PAIRS)
def test_layout__nodes_of_a_layer_do_not_overlap(edges: list[tuple[int, int]]) -> None:
    layout = lay_out(COUNT, edges, (10.0, 4.0))
    rows: dict[int, list[float]] = {}
    for layer, across in layout.place:
        rows.setdefault(layer, []).append(across)
    for row in rows.values():
        assert all(b - a >= 10 - 1e-6 for a, b in pairwise(sorted(row)))
        assert all(5 - 1e-6 <= x <= layout.width - 5 + 1e-6 for x in row)


@given(st.sets(st.tuples(st.integers(0, COUNT - 1), st.integers(0, COUNT - 1)), max_size=30))
def test_layout__without_cycles_nothing_leads_back(edges: set[tuple[int, int]]) -> None:
    assert not lay_out(COUNT, [(a, b) for a, b in sorted(edges) if a < b]).back


def test_layout__layers_are_longest_paths() -> None:
    layout = lay_out(4, [(0, 1), (1, 2), (0, 2), (2, 3), (0, 3)])
    assert [layer for layer, _ in layout.place] == [0, 1, 2, 3]


def test_layout__crossings_are_undone() -> None:
    edges = [(0, 5), (1, 4), (2, 3)]
    assert crossings([[0, 1, 2], [3, 4, 5]], {a: [b] for a, b in edges}) == 3
    layout = lay_out(6, edges)
    across = [place for _, place in layout.place]
    order = sorted(edges, key=lambda edge: across[edge[0]])
    assert [b for _, b in order] == sorted((3, 4, 5), key=lambda node: across[node])


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(1, 100)), max_size=30))
def test_spread__keeps_order_and_room(items: list[tuple[float, float]]) -> None:
    wanted, sizes = [w for w, _ in items], [s for _, s in items]
    found = spread(wanted, sizes)
    for (a, size_a), (b, size_b) in pairwise(zip(found, sizes, strict=True)):
        assert b - a >= (size_a + size_b) / 2 - 1e-3


@pytest.mark.parametrize("reach", [3, 60, 499])
def test_five_hundred_nodes__in_half_a_second(reach: int) -> None:
    nodes = [Node(f"n{i}", f"Node {i}", "done") for i in range(500)]
    edges = [
        Edge(f"n{i}", f"n{min(499, i + 1 + (i * 7919 + k * 104729) % reach)}")
        for i in range(499)
        for k in range(2)
    ]
    edges.append(Edge("n499", "n0"))
    chart = Graph(title="Large", nodes=nodes, edges=edges)
    # The processor's time, not the clock's: others may be busy on this machine.
    before = time.process_time()
    markup = render(chart)
    assert time.process_time() - before < 1.5
    parsed(markup)


def test_graph__cycles_loops_unknown_ends_and_twins() -> None:
    chart = Graph(
        title="Steps",
        nodes=[Node("a"), Node("b", state="failed"), Node("b", "twin"), Node("alone")],
        edges=[Edge("a", "b"), Edge("b", "a"), Edge("a", "a"), Edge("a", "gone")],
    )
    for direction in ("TB", "LR"):
        root = parsed(
            render(
                {
                    "kind": "graph",
                    "title": "Steps",
                    "nodes": chart.nodes,
                    "edges": chart.edges,
                    "direction": direction,
                }
            )
        )
        told = described(root)
        assert "3 nodes, 3 links" in told
        assert "2 links lead back" in told
        assert "1 links to unknown nodes left out" in told
        assert "leads back (cycle)" in words(root)


def test_graph__nodes_are_links_with_state() -> None:
    root = parsed(render(Graph(title="x", nodes=[Node("a", "Plan", "done", href="/m/1")])))
    [link] = list(root.iter("a"))
    assert link.attrib["href"] == "/m/1"
    assert link.attrib["aria-label"] == "Plan: done"


def test_drawing__words_on_an_edge_stand_above_every_line() -> None:
    """Written together with its edge, a word was struck through by the next one."""
    nodes = [Node("closed"), Node("open"), Node("half")]
    edges = [
        Edge("closed", "open", "3 failures"),
        Edge("open", "half", "pause over"),
        Edge("half", "closed"),
        Edge("half", "open", "trial failed"),
    ]
    root = parsed(render(Graph(title="Breaker", nodes=nodes, edges=edges)))
    drawn = next(node for node in root.iter("svg") if node.find("title") is not None)
    order = [node.attrib.get("class", "") for node in drawn]
    labels = [place for place, name in enumerate(order) if name == "chart-edge-label"]
    assert len(labels) == 3
    lines = [place for place, name in enumerate(order) if name.split()[:1] == ["chart-edge"]]
    assert min(labels) > max(lines)
    assert not list(drawn.iterfind("g//text[@class='chart-edge-label']"))
