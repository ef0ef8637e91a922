"""What a tool session costs, beside the playbook's line of about 20,000 tokens."""

from __future__ import annotations

from controlplane.lib.defaults import define
from telemetry.measures.elsewhere.sessions import by
from telemetry.measures.table.words import area

REFERENCE = define(
    "telemetry.session_tokens",
    20_000,
    unit="tokens",
    why="the playbook's reference for one session; beyond it somebody should look why",
)
_add = area("integrations")

_add(
    "session.tokens_max",
    "Tokens of the largest session",
    "tokens",
    "computed",
    compute=by("max", REFERENCE.value),
    better="lower",
    target=float(REFERENCE.value),
    groups=("agent",),
    about="Of tool sessions last heard of in the window: tool calls and heartbeats together.",
)
_add(
    "session.tokens_mean",
    "Tokens per session",
    "tokens",
    "computed",
    compute=by("mean", REFERENCE.value),
    better="lower",
    target=float(REFERENCE.value),
    groups=("agent",),
    about="The mean over tool sessions last heard of in the window.",
)
_add(
    "session.over_tokens",
    "Sessions over the line",
    "%",
    "computed",
    compute=by("over", REFERENCE.value),
    better="lower",
    target=5.0,
    min_sample=20,
    groups=("agent",),
    about="Sessions that used more tokens than the reference, of all.",
)
_add(
    "session.count",
    "Tool sessions",
    "sessions",
    "computed",
    compute=by("count", REFERENCE.value),
    groups=("agent",),
    about="Last heard of in the window.",
)
