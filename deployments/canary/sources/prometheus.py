"""A Prometheus server, asked by instant queries. `$flag`, `$environment` and `$window` (in
seconds: "60s") stand for what they say; a query answers one number, or nothing.

Queries of counts (`requests`, `errors`, `slow`) are judged like any counts; where a server only
knows rates, `error_rate` and `p95_ms` are held against their limits as they are.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from math import isfinite
from string import Template
from typing import Any

from controlplane.lib import http, sealed
from controlplane.lib.errors import Invalid, Unavailable
from deployments.canary.numbers import MOST, SERVER_SECONDS
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
PATH = "/api/v1/query"
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
    try:
        http.check_url(url + PATH)
    except http.Refused as error:
        raise refuse("asking.url", error.message) from None
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


def _ask_all(
    rollout: Rollout, names: Sequence[str], start: datetime, end: datetime
) -> dict[str, float | None]:
    """One after the other, within one time for all of them: somebody waits."""
    deadline = time.monotonic() + SERVER_SECONDS.value
    found: dict[str, float | None] = {}
    for name in names:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Unavailable("Prometheus took too long to answer all queries.")
        found[name] = _ask(rollout, name, start, end, timeout=min(TIMEOUT_S, left))
    return found


def _ask(
    rollout: Rollout, name: str, start: datetime, end: datetime, *, timeout: float
) -> float | None:
    """None: not asked for, or no series answers."""
    query = rollout.asking["queries"].get(name)
    if query is None:
        return None
    spelled = Template(query).safe_substitute(
        flag=_quoted(rollout.flag.flag_name),
        environment=_quoted(rollout.environment.slug),
        window=f"{max(1, round((end - start).total_seconds()))}s",
    )
    token = _token(rollout.asking)
    answer = http.request(
        "POST",  # a query may be longer than an address
        rollout.asking["url"] + PATH,
        data={"query": spelled, "time": f"{end.timestamp():.3f}"},
        headers={"Authorization": f"Bearer {token}"} if token else {},
        timeout=timeout,
        max_bytes=_MAX_BYTES,
    )
    if answer.status != 200:
        raise Unavailable(f"Prometheus answered {answer.status} to the query of {name}.")
    return _number(name, answer)


def _quoted(value: str) -> str:
    """Inside the quotes of a label's value."""
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _number(name: str, answer: http.Response) -> float | None:
    try:
        data = answer.json()["data"]
        rows, kind = data["result"], data["resultType"]
        if kind == "scalar":
            value = float(rows[1])
        elif not rows:
            return None
        else:
            if len(rows) > 1:
                raise Unavailable(f"The query of {name} answers {len(rows)} series; sum them.")
            value = float(rows[0]["value"][1])
    except (Invalid, ValueError, KeyError, IndexError, TypeError) as error:
        raise Unavailable(f"Prometheus answered the query of {name} with no number.") from error
    if isfinite(value) and value > MOST:
        raise Unavailable(f"Prometheus answered the query of {name} with more than can be.")
    return value if isfinite(value) and value >= 0 else None


def read(rollout: Rollout, start: datetime, end: datetime) -> Reading:
    start = max(start, rollout.started_at or start)  # not what the minute holds of before
    found = _ask_all(rollout, NAMES, start, end)
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
    found = _ask_all(rollout, BASE, start, end)
    n = round(found["baseline_requests"] or 0)
    rate = found["baseline_error_rate"]
    if rate is None and n and found["baseline_errors"] is not None:
        rate = found["baseline_errors"] / n
    return Baseline(requests=n, error_rate=rate, p95_ms=found["baseline_p95_ms"])


SOURCE = Source(_checked, baseline, read)
