"""Nodes and edges in layers: missions' steps, services and what they lean on, release pipelines.

Drawn at its own size in a box that scrolls: shrunk to a phone's width its words would be dust.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from controlplane.console.charts import frame
from controlplane.console.charts.data import Edge, Graph, Node, Tone
from controlplane.console.charts.frame import safe_href
from controlplane.console.charts.layering import Layout, lay_out
from controlplane.console.charts.svg import SafeString, clip, num, tag, tone_mark
from controlplane.console.charts.timeline import tone_of

WIDE, TALL = 184.0, 44.0
PAD = 14.0
LETTER = 6.5  # of a label, about
MOST_NODES, MOST_EDGES = 1000, 4000
PER_ROW = 5
Spot = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scene:
    chart: Graph
    nodes: list[Node]
    edges: list[tuple[int, int, Edge]]
    alone: list[int]
    layout: Layout
    spots: list[Spot]
    box: Spot

    @property
    def across(self) -> bool:
        return self.chart.direction == "LR"


def render(chart: Graph) -> SafeString:
    scene = _scene(chart)
    if not scene.nodes:
        return frame.empty(chart)
    told = _summary(scene)
    width, height = scene.box
    # Links must stay reachable, so the drawing is a group: role img would hide what is in it.
    picture = tag(
        "svg",
        tag("title", chart.title),
        tag("desc", told),
        *(_edge(scene, index) for index in range(len(scene.edges))),
        *(_node(node, spot) for node, spot in zip(scene.nodes, scene.spots, strict=True)),
        # Above all lines: drawn with its own edge, the next edge would strike it through.
        *filter(None, (_label(scene, index) for index in range(len(scene.edges)))),
        width=width,
        height=height,
        viewBox=f"0 0 {num(width)} {num(height)}",
        role="group",
        class_="chart-graph-plot",
    )
    body = tag(
        "div",
        picture,
        class_="chart-scroll chart-graph-box",
        tabindex="0",
        role="region",
        aria_label=f"Drawing of {clip(chart.title, 120)}",
    )
    return frame.figure(chart, _legend(scene), body, summary=told, table=_table(scene))


# --- Layout -----------------------------------------------------------------------------------


def _scene(chart: Graph) -> Scene:
    nodes: list[Node] = []
    index: dict[str, int] = {}
    for node in list(chart.nodes)[:MOST_NODES]:
        if node.id not in index:
            index[node.id] = len(nodes)
            nodes.append(node)
    edges = [
        (index[edge.source], index[edge.target], edge)
        for edge in list(chart.edges)[:MOST_EDGES]
        if edge.source in index and edge.target in index
    ]
    linked = sorted({end for a, b, _ in edges for end in (a, b)})
    alone = sorted(set(range(len(nodes))) - set(linked))
    number = {node: i for i, node in enumerate(linked)}
    across = chart.direction == "LR"
    layout = lay_out(
        len(linked),
        [(number[a], number[b]) for a, b, _ in edges],
        (TALL + 18, 22.0) if across else (WIDE + 22, 30.0),
    )
    spots: list[Spot] = [(0.0, 0.0)] * len(nodes)
    for linked_node, i in number.items():
        spots[linked_node] = _spot(layout.place[i], across)
    _place_alone(spots, alone, layout, across)
    box = (
        max((x for x, _ in spots), default=0.0) + WIDE / 2 + PAD,
        max((y for _, y in spots), default=0.0) + TALL / 2 + PAD,
    )
    routes = [_spot(place, across) for route in layout.route.values() for place in route]
    loops = 26.0 if layout.back else 0.0
    box = (
        max([box[0] + loops, *(x + PAD for x, _ in routes)]),
        max([box[1] + loops, *(y + PAD for _, y in routes)]),
    )
    return Scene(chart, nodes, edges, alone, layout, spots, box)


def _spot(place: tuple[int, float], across: bool) -> Spot:
    layer, offset = place
    if across:
        return PAD + WIDE / 2 + layer * (WIDE + 56), PAD + offset
    return PAD + offset, PAD + TALL / 2 + layer * (TALL + 44)


def _place_alone(spots: list[Spot], alone: list[int], layout: Layout, across: bool) -> None:
    """Nodes without edges in a block below: in one layer they would be a mile of nodes."""
    if not alone:
        return
    extent = layout.width if across else layout.layers * (TALL + 44)
    top = PAD + (extent + 10 if layout.layers else 0.0)
    for i, lone in enumerate(alone):
        spots[lone] = (
            PAD + WIDE / 2 + (i % PER_ROW) * (WIDE + 22),
            top + TALL / 2 + (i // PER_ROW) * (TALL + 18),
        )


# --- Drawing ----------------------------------------------------------------------------------


def _node(node: Node, spot: Spot) -> SafeString:
    x, y = spot[0] - WIDE / 2, spot[1] - TALL / 2
    tone = tone_of(node.state, node.tone)
    label = node.label or node.id
    words = f"{clip(label, 200)}: {clip(node.state, 40)}" if node.state else clip(label, 200)
    line = y + (18.5 if node.state else 27)
    parts = [
        tag("title", words),
        tag("rect", x=x, y=y, width=WIDE, height=TALL, rx=7, class_=f"chart-node t-{tone}"),
        tone_mark(tone, x + 15, line - 4.5),
        tag("text", clip(label, 20), x=x + 28, y=line, class_="chart-node-label"),
    ]
    if node.state:
        parts.append(
            tag("text", clip(node.state, 22), x=x + 28, y=y + 34.5, class_="chart-node-state")
        )
    if safe_href(node.href):
        return tag("a", *parts, href=node.href, aria_label=words)
    return tag("g", *parts)


def _edge(scene: Scene, index: int) -> SafeString:
    a, b, edge = scene.edges[index]
    back = index in scene.layout.back
    names = f"{_name(scene.nodes[a])} to {_name(scene.nodes[b])}"
    words = (
        names
        + (f": {clip(edge.label, 60)}" if edge.label else "")
        + (" (leads back)" if back else "")
    )
    if a == b:
        return _loop(scene.spots[a], words)
    middle = _lanes(scene, index, back)
    points, tip = _ends(scene, a, b, middle, back)
    parts = [
        tag("title", words),
        tag("path", d=_curve(points, scene.across)),
        tag("path", d=tip, class_="chart-arrow"),
    ]
    return tag("g", *parts, class_="chart-edge chart-back" if back else "chart-edge")


def _label(scene: Scene, index: int) -> SafeString | None:
    """What is written on an edge. Its halo, in the sheet, cuts whatever line runs below it."""
    a, b, edge = scene.edges[index]
    if not edge.label or a == b:
        return None
    back = index in scene.layout.back
    points, _ = _ends(scene, a, b, _lanes(scene, index, back), back)
    x, y = _halfway(points)
    text = clip(edge.label, 18)
    anchor = "middle"
    if any((c, d) == (b, a) for c, d, _ in scene.edges):  # the way back runs close beside it
        if scene.across:
            y -= 10
        elif len(text) * LETTER + 6 < x:
            x, anchor = x - 6, "end"
    return tag("text", text, x=x, y=y + 4, text_anchor=anchor, class_="chart-edge-label")


def _lanes(scene: Scene, index: int, back: bool) -> list[Spot]:
    """Straight past the nodes of each layer between: a curve would cut their corners."""
    sign = -1.0 if back else 1.0
    found: list[Spot] = []
    for place in scene.layout.route.get(index, []):
        x, y = _spot(place, scene.across)
        if scene.across:
            found += [(x - sign * WIDE / 2, y), (x + sign * WIDE / 2, y)]
        else:
            found += [(x, y - sign * TALL / 2), (x, y + sign * TALL / 2)]
    return found


def _ends(scene: Scene, a: int, b: int, middle: list[Spot], back: bool) -> tuple[list[Spot], str]:
    """From border to border, and the head of the arrow at the target's."""
    # Beside the way there, not upon it: between two neighbours both would be one line.
    aside = 0.0 if not back else 10.0 if scene.across else 26.0
    (ax, ay), (bx, by) = scene.spots[a], scene.spots[b]
    if scene.across:
        ay, by = ay + aside, by + aside
    else:
        ax, bx = ax + aside, bx + aside
    sign = -1.0 if back else 1.0
    if scene.across:
        start, end = (ax + sign * WIDE / 2, ay), (bx - sign * (WIDE / 2 + 7), by)
        tip = f"M{num(end[0] + sign * 7)} {num(by)}l{num(-sign * 8)} -4v8Z"
    else:
        start, end = (ax, ay + sign * TALL / 2), (bx, by - sign * (TALL / 2 + 7))
        tip = f"M{num(bx)} {num(end[1] + sign * 7)}l-4 {num(-sign * 8)}h8Z"
    return [start, *middle, end], tip


def _curve(points: Sequence[Spot], across: bool) -> str:
    """Leaving and arriving along the stream: halfway between two points the edge changes lane."""
    d = f"M{num(points[0][0])} {num(points[0][1])}"
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if across:
            mid = num((x0 + x1) / 2)
            d += f"C{mid} {num(y0)} {mid} {num(y1)} {num(x1)} {num(y1)}"
        else:
            mid = num((y0 + y1) / 2)
            d += f"C{num(x0)} {mid} {num(x1)} {mid} {num(x1)} {num(y1)}"
    return d


def _halfway(points: Sequence[Spot]) -> Spot:
    (x0, y0), (x1, y1) = points[len(points) // 2 - 1], points[len(points) // 2]
    return (x0 + x1) / 2, (y0 + y1) / 2


def _loop(spot: Spot, words: str) -> SafeString:
    x, y = spot[0] + WIDE / 2, spot[1]
    d = f"M{num(x)} {num(y - 8)}c24 -10 24 26 7 16"
    tip = f"M{num(x)} {num(y + 7)}l8 -3v7Z"
    return tag(
        "g",
        tag("title", words),
        tag("path", d=d),
        tag("path", d=tip, class_="chart-arrow"),
        class_="chart-edge chart-back",
    )


# --- Words ------------------------------------------------------------------------------------


def _name(node: Node) -> str:
    return clip(node.label or node.id, 60)


def _states(scene: Scene) -> Counter[tuple[str, Tone]]:
    return Counter((clip(n.state, 30), tone_of(n.state, n.tone)) for n in scene.nodes if n.state)


def _legend(scene: Scene) -> SafeString | str:
    items = []
    for (state, tone), many in _states(scene).most_common(8):
        svg = tag("svg", tone_mark(tone, 7, 6), width=14, height=12, aria_hidden="true")
        items.append(tag("li", svg, tag("span", state), tag("span", str(many), class_="chart-num")))
    if scene.layout.back:
        line = tag("g", tag("path", d="M1 6H25"), class_="chart-edge chart-back")
        svg = tag("svg", line, width=26, height=12, aria_hidden="true")
        items.append(tag("li", svg, tag("span", "leads back (cycle)")))
    return tag("ul", *items, class_="chart-legend") if items else ""


def _summary(scene: Scene) -> str:
    nodes, edges = len(scene.nodes), len(scene.edges)
    facts = [
        f"{nodes} {'node' if nodes == 1 else 'nodes'}",
        f"{edges} {'link' if edges == 1 else 'links'}",
    ]
    if scene.layout.layers:
        many = scene.layout.layers
        facts.append(f"{many} {'layer' if many == 1 else 'layers'}")
    facts += [f"{many} {state}" for (state, _), many in _states(scene).most_common(5)]
    if scene.layout.back:
        a, b, _ = scene.edges[min(scene.layout.back)]
        many = len(scene.layout.back)
        words = "1 link leads" if many == 1 else f"{many} links lead"
        facts.append(f"{words} back ({_name(scene.nodes[a])} to {_name(scene.nodes[b])})")
    lost = len(scene.chart.edges) - edges
    if lost:
        facts.append(f"{lost} links to unknown nodes left out")
    return frame.sentence(scene.chart, *facts)


def _table(scene: Scene) -> frame.Table:
    targets: dict[int, list[str]] = {}
    for a, b, edge in scene.edges:
        label = f" ({clip(edge.label, 20)})" if edge.label else ""
        targets.setdefault(a, []).append(_name(scene.nodes[b]) + label)
    lines = []
    for i, node in enumerate(scene.nodes):
        leads = targets.get(i, [])
        more = f" and {len(leads) - 4} more" if len(leads) > 4 else ""
        lines.append(
            [node.label or node.id, node.state or "—", (", ".join(leads[:4]) + more) or "—"]
        )
    total = len(scene.chart.nodes)
    words = f"Drawn are {len(scene.nodes)} of {total} nodes." if total > len(scene.nodes) else ""
    return frame.Table(["Node", "State", "Leads to"], lines, words)
