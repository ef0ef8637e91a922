"""Live examples for the kit page: one of every kind, with the awkward data it must bear.

They are made by arithmetic from a fixed moment, so the page is the same at every visit.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

_END = datetime(2026, 3, 12, 15, 40, tzinfo=UTC)
_START = _END - timedelta(hours=24)


def _wave(index: int, size: float, pace: float, lift: float) -> float:
    """A curve that looks measured, without chance."""
    jitter = math.sin(index * 12.9898) * 43758.5453
    return max(
        0.0, lift + size * math.sin(index / pace) + (jitter - math.floor(jitter)) * size * 0.6
    )


def _every(minutes: int, size: float, pace: float, lift: float) -> list[tuple[datetime, float]]:
    count = 1440 // minutes
    return [
        (_START + timedelta(minutes=minutes * i), round(_wave(i, size, pace, lift), 3))
        for i in range(count + 1)
    ]


def _errors() -> list[tuple[datetime, float | None]]:
    points: list[tuple[datetime, float | None]] = [*_every(5, 0.35, 21, 0.8)]
    for index in range(190, 198):
        points[index] = (points[index][0], round(1.6 + 0.62 * (4 - abs(194 - index)), 2))
    for index in range(96, 108):
        points[index] = (points[index][0], None)
    return points


def _buckets() -> list[tuple[float, float, int]]:
    edges = [20 * 1.22**i for i in range(29)]
    weights = [
        round(900 * math.exp(-(((i - 10) / 4.2) ** 2)) + 14 * math.exp(-abs(i - 24)))
        for i in range(28)
    ]
    return [
        (round(a, 1), round(b, 1), n) for a, b, n in zip(edges, edges[1:], weights, strict=False)
    ]


def _at(hours: float) -> datetime:
    return _START + timedelta(hours=hours)


_LINE: dict[str, Any] = {
    "kind": "line",
    "title": "Error rate",
    "period": "last 24 h",
    "unit": "%",
    "series": [{"name": "Errors", "points": _errors()}],
    "thresholds": [{"value": 2, "label": "limit"}],
    "annotations": [
        {"at": _at(9.2), "label": "Deploy v2.3.0", "href": "#deploy"},
        {"at": _at(15.4), "label": "Deploy v2.3.1"},
        {"at": _at(15.8), "until": _at(17.1), "label": "INC-12"},
    ],
}
_SEVERAL: dict[str, Any] = {
    "kind": "line",
    "title": "Latency by operation",
    "period": "last 24 h",
    "unit": "ms",
    "tz": "Europe/Berlin",
    "series": [
        {"name": name, "points": _every(10, size, pace, lift)}
        for name, size, pace, lift in (
            ("tools.search", 60, 14, 180),
            ("tools.execute", 140, 23, 520),
            ("threads.read", 30, 9, 90),
            ("threads.post", 45, 31, 310),
        )
    ],
    "thresholds": [{"value": 800, "label": "objective", "kind": "target"}],
}
_AREA: dict[str, Any] = {
    "kind": "area",
    "title": "Messages per minute",
    "period": "last 24 h",
    "stacked": True,
    "series": [
        {"name": name, "points": _every(15, size, pace, lift)}
        for name, size, pace, lift in (
            ("people", 60, 15, 90),
            ("agents", 120, 18, 240),
            ("system", 20, 7, 40),
        )
    ],
}
_RIBBON: dict[str, Any] = {
    "kind": "line",
    "title": "Time to acknowledge",
    "period": "last 24 h",
    "unit": "s",
    "series": [{"name": "median", "points": _every(20, 90, 11, 260)}],
    "ribbons": [
        {
            "name": "p10 to p90",
            "points": [(at, v * 0.6, v * 1.7) for at, v in _every(20, 90, 11, 260)],
        }
    ],
    "thresholds": [{"value": 600, "label": "promise"}],
}
_GROUPED: dict[str, Any] = {
    "kind": "bar",
    "title": "Missions closed",
    "period": "last 6 weeks",
    "unit": "count",
    "categories": ["W 6", "W 7", "W 8", "W 9", "W 10", "W 11"],
    "series": [
        {"name": "delivered", "values": [14, 18, 17, 22, 19, 25]},
        {"name": "cancelled", "values": [2, 4, 1, 3, 5, 2]},
        {"name": "reopened", "values": [1, 0, 2, None, 1, 3]},
    ],
}
_STACKED = {**_GROUPED, "title": "Missions closed, stacked", "stacked": True}
_LYING: dict[str, Any] = {
    "kind": "bar",
    "title": "Calls by toolkit",
    "period": "last hour",
    "categories": [
        "calendar.events.list",
        "mail.messages.send",
        "crm.contacts.search_by_company_and_region",
        "files.upload",
        "billing.invoices.create",
    ],
    "series": [{"name": "calls", "values": [12840, 9310, 4402, 2210, 96]}],
    "horizontal": True,
}
_HISTOGRAM: dict[str, Any] = {
    "kind": "histogram",
    "title": "Response time",
    "period": "last hour",
    "unit": "ms",
    "log": True,
    "buckets": _buckets(),
    "marks": [("p50", 158), ("p95", 504), ("p99", 2310)],
    "thresholds": [{"value": 1000, "label": "objective"}],
}
_FUNNEL: dict[str, Any] = {
    "kind": "funnel",
    "title": "From proposal to done",
    "period": "this quarter",
    "steps": [
        ("Proposed", 412),
        ("Approved", 355),
        ("Started", 340),
        ("Reviewed", 204),
        ("Delivered", 188),
    ],
}


def _lane(name: str, *spans: tuple[float, float | None, str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "spans": [
            {"start": _at(a), "end": None if b is None else _at(b), "state": state, "label": label}
            for a, b, state, label in spans
        ],
    }


_TIMELINE: dict[str, Any] = {
    "kind": "timeline",
    "title": "Services",
    "period": "last 24 h",
    "start": _START,
    "end": _END,
    "lanes": [
        _lane("portal", (0, 24, "up", "")),
        _lane(
            "tool-router",
            (0, 11.5, "up", ""),
            (11.5, 13.2, "degraded", "slow answers"),
            (13.2, 15, "down", "INC-12"),
            (15, 24, "up", ""),
        ),
        _lane(
            "copilot-stream", (0, 6, "unknown", ""), (6, 21.4, "up", ""), (21.4, None, "down", "")
        ),
        _lane("storage", (0, 9, "up", ""), (9, 9.1, "down", ""), (9.1, 24, "up", "")),
    ],
    "annotations": [{"at": _at(11.4), "label": "Deploy v2.3.1"}],
}
_NODES = [
    ("plan", "Write the plan", "done"),
    ("schema", "Change the schema", "done"),
    ("api", "Extend the API", "running"),
    ("console", "Build the page", "waiting"),
    ("docs", "Document it", "done"),
    ("review", "Security review", "failed"),
    ("canary", "Canary, 5 %", "planned"),
    ("release", "Release to everyone", "planned"),
]
_EDGES: list[Any] = [
    ("plan", "schema"),
    ("plan", "docs"),
    ("schema", "api"),
    ("api", "console"),
    ("api", "review"),
    ("review", "api", "rework"),
    ("console", "canary"),
    ("review", "canary"),
    ("docs", "release"),
    ("canary", "release"),
]
_GRAPH: dict[str, Any] = {
    "kind": "graph",
    "title": "Steps of MSN-7",
    "nodes": [
        {"id": key, "label": label, "state": state, "href": f"#{key}"}
        for key, label, state in _NODES
    ],
    "edges": _EDGES,
}
_BULLET: dict[str, Any] = {
    "kind": "bullet",
    "title": "Targets",
    "period": "this month",
    "measures": [
        {"name": "Deployment success", "value": 97.4, "target": 95, "unit": "%"},
        {"name": "Time to restore", "value": 5100, "target": 3600, "unit": "s", "better": "lower"},
        {"name": "Approvals in time", "value": 88, "target": 90, "unit": "%"},
        {"name": "Undo readiness", "value": None, "target": 100, "unit": "%"},
    ],
}
_HEATMAP: dict[str, Any] = {
    "kind": "heatmap",
    "title": "Alerts by hour",
    "period": "last 4 weeks",
    "values": [
        [
            None
            if (day, hour) == (6, 3)
            else round(_wave(day * 24 + hour, 4, 3.8, 5) * (0.35 if day > 4 else 1))
            for hour in range(24)
        ]
        for day in range(7)
    ],
}
_MANY: dict[str, Any] = {
    "kind": "line",
    "title": "Queue depth, 10 000 points",
    "period": "last week",
    "size": "small",
    "series": [
        {
            "name": "messages",
            "points": [
                (
                    _END - timedelta(minutes=10000 - i),
                    9000.0 if i == 6100 else round(_wave(i, 300, 400, 700)),
                )
                for i in range(10000)
            ],
        }
    ],
}
SAMPLES: list[tuple[str, dict[str, Any]]] = [
    ("Line with a gap, a limit and deploys", _LINE),
    ("Several series with a target", _SEVERAL),
    ("Stacked area", _AREA),
    ("Line within a spread", _RIBBON),
    ("Grouped bars", _GROUPED),
    ("Stacked bars", _STACKED),
    ("Bars that lie", _LYING),
    ("Histogram with percentiles", _HISTOGRAM),
    ("Funnel", _FUNNEL),
    ("Timeline of states", _TIMELINE),
    ("Graph, top to bottom", _GRAPH),
    ("Graph, left to right", {**_GRAPH, "direction": "LR"}),
    ("Bars with targets", _BULLET),
    ("Heatmap", _HEATMAP),
    ("Many points, one peak", _MANY),
    (
        "One value",
        {**_LINE, "annotations": [], "series": [{"name": "Errors", "points": [(_END, 1.2)]}]},
    ),
    (
        "Nothing measured",
        {"kind": "line", "title": "Wakes per hour", "period": "last 24 h", "unit": "count"},
    ),
    (
        "Sparkline",
        {
            "kind": "sparkline",
            "title": "Wakes",
            "values": [round(_wave(i, 4, 3.0, 6), 1) for i in range(40)],
        },
    ),
]
