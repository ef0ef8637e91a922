"""What the samples show: rows as they occur, hostile strings, and names of 500 characters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.console.kit.previews import File
from controlplane.console.kit.tables import Column
from controlplane.console.kit.timelines import Entry
from controlplane.lib import clock
from controlplane.lib.actors import job
from controlplane.lib.redaction import MARK

HOSTILE = "\"><script>alert('x')</script> {{ 7*7 }} {% load %} &amp; javascript:alert(1)"
LONG = "Tool router refuses executor calls in every region at once, " * 9
UNBROKEN = "x" * 500


def rough() -> dict[str, Any]:
    return {"hostile": HOSTILE, "long": LONG[:500]}


def people() -> dict[str, Any]:
    return {
        **rough(),
        "agent": {"kind": "agent", "label": "renewal-scout"},
        "service": {"kind": "service", "label": "billing-sync"},
        "job": job("audit.seal"),
    }


def incidents() -> dict[str, Any]:
    now = clock.now()
    columns = [
        Column("severity", "Severity", "severity"),
        Column("title", "Incident", sort_url="?o=title"),
        Column("status", "State", "state"),
        Column("who", "Commander", "person"),
        Column("due", "Next update", "countdown", sort_url="?o=-due", sorted="ascending"),
        Column("opened", "Opened", "when", narrow=False),
        Column("affected", "Affected", "number", unit="users"),
        Column("burn", "Budget", "percent", narrow=False),
    ]
    titles = ["Tool router rate limit: executor calls failing", "OAuth refresh fails", HOSTILE]
    rows = [
        {
            "severity": f"SEV-{n}",
            "title": title,
            "_url": f"/admin/go/INC-{n}",
            "_tone": "bad" if n == 1 else "",
            "_muted": n == 5,
            "status": ["detected", "acknowledged", "mitigating", "monitoring", "closed"][n - 1],
            "who": [None, "Lena Ortiz", {"kind": "agent", "label": "triage-bot"}, LONG, "Bo"][
                n - 1
            ],
            "due": now + timedelta(minutes=(-3, 11, 45, 300, 900)[n - 1]),
            "opened": now - timedelta(minutes=39 * n * n),
            "affected": (12_480, 310, 7, 0, None)[n - 1],
            "burn": (91.25, 40, 3.5, 0.02, None)[n - 1],
        }
        for n, title in enumerate([*titles, LONG[:500], UNBROKEN], start=1)
    ]
    return {"columns": columns, "rows": rows}


def timeline() -> dict[str, Any]:
    now = clock.now()
    minute = timedelta(minutes=1)
    agent = {"kind": "agent", "label": "triage-bot"}
    return {
        "entries": [
            Entry(
                now - 2 * minute,
                "Ana Ruiz",
                body="Rolled the router back, see DEP-31.\n\n- [x] errors below 1 %\n- [ ] tell "
                "partners\n\n<script>alert(1)</script>",
                source="console",
                request_id="8f21",
            ),
            Entry(
                now - 9 * minute,
                "Ana Ruiz",
                "acknowledged INC-12",
                why="On it. Looks like INC-7 again.",
                source="console",
                request_id="77c0",
                tone="info",
                icon="check",
            ),
            Entry(
                now - 9 * minute,
                "Ana Ruiz",
                "took command",
                source="console",
                request_id="77c0",
                before={"commander": None, "status": "detected"},
                after={"commander": "Ana Ruiz", "status": "acknowledged"},
            ),
            Entry(now - 12 * minute, agent, "was refused to mute ALR-44: denied", source="api",
                  why="an agent may not mute what pages", tone="warn", icon="shield"),
            Entry(now - 14 * minute, job("oncall.page"), "paged Ana Ruiz", source="job"),
            Entry(now - 15 * minute, agent, "declared INC-12 SEV-1", source="api", tone="bad",
                  icon="siren"),
            Entry(now - timedelta(days=1, hours=2), HOSTILE, HOSTILE, why=LONG[:500], source="api"),
        ]
    }  # fmt: skip


def texts() -> dict[str, Any]:
    same = [f"check node-{n}" for n in range(1, 15)]
    before = ["#!/bin/sh", "set -e", *same, "drain --wait 30", "restart router", "echo done"]
    after = ["#!/bin/sh", "set -eu", *same, "drain --wait 60", "restart router --canary", "verify"]
    return {
        "before": "\n".join([*before, "echo '<script>'", ""]),
        "after": "\n".join([*after, "echo done", "echo '<b>'", ""]),
    }


def values() -> dict[str, Any]:
    return {
        "before": {
            "name": "checkout-v2",
            "enabled": True,
            "rules": [{"attribute": "country", "values": ["DE", "FR"], "weight": 10}],
            "webhook": {"url": "https://hooks.example.org/a", "secret": MARK},
            "note": HOSTILE,
        },
        "after": {
            "name": "checkout-v2",
            "enabled": False,
            "rules": [
                {"attribute": "country", "values": ["DE", "FR", "ES"], "weight": 25},
                {"attribute": "plan", "values": ["gold"], "weight": 100},
            ],
            "webhook": {"url": "https://hooks.example.org/b", "secret": MARK},
            "owner": "Ana Ruiz",
        },
    }


def payload() -> dict[str, Any]:
    value = {
        "alert": "HighErrorRate",
        "labels": {"severity": "critical", "service": "router", "token": MARK},
        "values": [0.021, 4, -1.5e-7, True, None],
        "note": HOSTILE,
        "nested": {"a": {"b": {"c": {"d": []}}}},
    }
    text = (
        '{\n  "alert": "HighErrorRate",\n  "value": 0.021,\n  "firing": true,\n'
        f'  "token": "{MARK}",\n  "note": "</code><script>alert(1)</script>",\n'
        f'  "long": "{UNBROKEN}"\n}}\n'
    )
    return {"value": value, "text": text}


_MARKDOWN = """# What happened

The router refused calls from **09:12** to 09:51, see INC-12 and https://status.example.org/i/12.

1. page
2. roll back with `deploy undo`

- [x] partners told
- [ ] review by Friday

| step | took |
|---|--:|
| page | 2 min |
| roll back | 11 min |

> Nobody was hurt.

```sh
deploy undo --to 41
```

<script>alert('no')</script> [no](javascript:alert(1)) ![a chart](https://example.org/c.png)
"""


def markdown() -> dict[str, Any]:
    return {"text": _MARKDOWN}


def files() -> dict[str, Any]:
    return {
        "csv": File("drills.csv", "text/csv", content="step,took\nrestore,41\nverify,<b>9</b>\n",
                    url="/admin/"),
        "notes": File("notes.md", "text/markdown", content="## Notes\n\nSee **INC-12**."),
        "page": File("page.html", "text/html", content=f"<h1>{HOSTILE}</h1>\n"),
        "archive": File("dump.tar.gz", "application/gzip", size=48_200_000, url="/admin/"),
    }  # fmt: skip
