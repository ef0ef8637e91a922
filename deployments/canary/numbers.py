"""The numbers of looking at a canary; those of its judge stand in `limits`."""

from __future__ import annotations

from datetime import datetime, timedelta

from controlplane.lib import defaults

BASELINE_MINUTES = defaults.define(
    "canary.baseline_minutes",
    30,
    unit="minutes",
    why="as long as the first hold: the two are compared",
)
LAG = defaults.define(
    "canary.lag_s",
    30.0,
    unit="s",
    why="senders collect before they send: a minute is read when it has arrived",
)
SETTLE = defaults.define(
    "canary.settle_s",
    90.0,
    unit="s",
    why="applications ask for rules now and then: until all did, a step has the share of the last",
)
OUTSIDE_SECONDS = defaults.define(
    "canary.outside_s",
    40.0,
    unit="s",
    why="servers outside are asked within a minute's look; who comes later is asked in the next",
)
SERVER_SECONDS = defaults.define(
    "canary.server_s",
    8.0,
    unit="s",
    why="all queries of one rollout: who tries them waits for the answer",
)
# No source counts so much in a minute: what says so is broken, or means something else.
MOST = 10**12


def settled(began: datetime) -> datetime:
    """From when on a step has the share that is its own."""
    return began + timedelta(seconds=SETTLE.value)
