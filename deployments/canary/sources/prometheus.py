"""A Prometheus server, asked by instant queries. `$flag`, `$environment` and `$window` (in
seconds: "60s") stand for what they say; a query answers one number, or nothing.

Queries of counts (`requests`, `errors`, `slow`) are judged like any counts; where a server only
knows rates, `error_rate` and `p95_ms` are held against their limits as they are.
"""

from __future__ import annotations

import json
from datetime import datetime
from math import isfinite
from string import Template
from typing import Any
from urllib.parse import urlencode

from controlplane.lib import http, sealed
from controlplane.lib.errors import Unavailable
from deployments.canary.seen import Figures
from deployments.canary.sources.kinds import Baseline, Reading, Source
from deployments.models import Rollout
from deployments.services.reading import refuse, text, web_address

COUNTS = ("requests", "errors", "slow", "violations", "others", "others_errors", "others_slow")
RATES = ("error_rate", "p95_ms", "others_p95_ms")
NAMES = (*COUNTS, *RATES)
BASE = ("baseline_requests", "baseline_errors", "baseline_error_rate", "baseline_p95_ms")
PURPOSE = "canary-prometheus"
SEALED = "sealed:"
TIMEOUT_S = 5.0
_MAX_BYTES = 100_000


def _checked(asking: dict[str, Any]) -> dict[str, Any]:
    known = {"url", "token", "queries"}
    unknown = sorted(set(asking) - known)
    if unknown:
        raise refuse(f"asking.{unknown[0]}", "One of url, token, queries.")
    url = web_address("asking.url", asking.get("url", "")).rstrip("/")
    if not url:
        raise refuse("asking.url", "The server's address, without /api/v1.")
    queries = asking.get("queries")
    if not isinstance(queries, dict) or not queries:
        raise refuse("asking.queries", "An object of queries.")
    for name in queries:
        if name not in (*NAMES, *BASE):
            raise refuse(f"asking.queries.{name}", f"One of {', '.join((*NAMES, *BASE))}.")
    if not {"errors", "error_rate"} & set(queries):
        raise refuse("asking.queries.errors", "A query of failed requests, or of their rate.")
    if "errors" in queries and "requests" not in queries:
        raise refuse("asking.queries.requests", "Errors are counted out of requests.")
    return {
        "url": url,
        "queries": {
            name: text(f"asking.queries.{name}", query, 2_000, required=True)
            for name, query in queries.items()
        },
        "token": _sealed(asking.get("token", "")),
    }


def _sealed(token: Any) -> str:
    given = text("asking.token", token, 4_000)
    if given.startswith(SEALED):
        # Whoever has read it somewhere could have it sent to a server of their own.
        raise refuse("asking.token", "The token itself, not what is kept of it.")
    return SEALED + sealed.seal(given, PURPOSE) if given else ""


def with_kept_token(asking: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Where none is given anew, the one that is kept: for the server it was given for and no
    other."""
    url = asking.get("url")
    if not url or asking.get("token") or url != before.get("url"):
        return asking
    return {**asking, "token": before.get("token", "")}


def _token(asking: dict[str, Any]) -> str:
    return sealed.unseal(str(asking.get("token", "")).removeprefix(SEALED), PURPOSE)


def _ask(rollout: Rollout, name: str, start: datetime, end: datetime) -> float | None:
    """None: not asked for, or no series answers."""
    query = rollout.asking["queries"].get(name)
    if query is None:
        return None
    spelled = Template(query).safe_substitute(
        flag=_quoted(rollout.flag.flag_name),
        environment=_quoted(rollout.environment.slug),
        window=f"{max(1, round((end - start).total_seconds()))}s",
    )
    asked = urlencode({"query": spelled, "time": f"{end.timestamp():.3f}"})
    token = _token(rollout.asking)
    answer = http.request(
        "GET",
        f"{rollout.asking['url']}/api/v1/query?{asked}",
        headers={"Authorization": f"Bearer {token}"} if token else {},
        timeout=TIMEOUT_S,
        max_bytes=_MAX_BYTES,
    )
    if answer.status != 200:
        raise Unavailable(f"Prometheus answered {answer.status} to the query of {name}.")
    return _number(name, answer.body)


def _quoted(value: str) -> str:
    """Inside the quotes of a label's value."""
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _number(name: str, body: bytes) -> float | None:
    try:
        data = json.loads(body)["data"]
        rows, kind = data["result"], data["resultType"]
        if kind == "scalar":
            value = float(rows[1])
        elif not rows:
            return None
        else:
            if len(rows) > 1:
                raise Unavailable(f"The query of {name} answers {len(rows)} series; sum them.")
            value = float(rows[0]["value"][1])
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise Unavailable(f"Prometheus answered the query of {name} with no number.") from error
    return value if isfinite(value) and value >= 0 else None


def read(rollout: Rollout, start: datetime, end: datetime) -> Reading:
    start = max(start, rollout.started_at or start)  # not what the minute holds of before
    found = {name: _ask(rollout, name, start, end) for name in NAMES}
    counts = {name: round(found[name] or 0) for name in COUNTS}
    n, others = counts["requests"], counts["others"]
    base = rollout.baseline.figures.get("p95_ms") if rollout.baseline else None
    ratio = None
    if "slow" not in rollout.asking["queries"] and found["p95_ms"] is not None and base:
        ratio = found["p95_ms"] / base
    return Reading(
        figures=Figures(
            n=n,
            errors=min(n, counts["errors"]),
            slow=min(n, counts["slow"]),
            violations=counts["violations"],
            others=others,
            others_errors=min(others, counts["others_errors"]),
            others_slow=min(others, counts["others_slow"]),
            error_rate=found["error_rate"],
            latency_ratio=ratio,
        ),
        p95_ms=found["p95_ms"],
        others_p95_ms=found["others_p95_ms"],
    )


def baseline(rollout: Rollout, start: datetime, end: datetime) -> Baseline:
    found = {name: _ask(rollout, name, start, end) for name in BASE}
    n = round(found["baseline_requests"] or 0)
    rate = found["baseline_error_rate"]
    if rate is None and n and found["baseline_errors"] is not None:
        rate = found["baseline_errors"] / n
    return Baseline(requests=n, error_rate=rate, p95_ms=found["baseline_p95_ms"])


SOURCE = Source(_checked, baseline, read)
