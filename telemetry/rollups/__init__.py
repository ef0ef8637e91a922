"""Sums of events per minute, hour and day, and of missions per day.

    rollups.roll()      # one pass: what is due now (the engine calls it every few seconds)
    rollups.settle()    # everything that waits, due or not (tests, simulations, benches)

Whoever stores or erases events leaves a `Dirty` mark for the minute in the same transaction. A
pass takes marks, computes their minutes anew from the events and marks the hours, and these the
days. One roller at a time; a pass is one transaction with the marks it took, so a killed one
leaves everything as it was.

What readers of rollups should know:

- All sums are of weights. `amount_sum` and `duration_sum` are sums of value times weight.
- The newest hour is at most a minute old, the newest day at most 15 minutes.
- A tool call that failed may be told of twice: `composio_tool_call` with status error and
  `composio_tool_call_error` with the same workspace, correlation id and action. Then the second
  keeps its `total` (rate limits are counted by its code) and has no `errors`: so the errors of
  both events add up to the calls that failed, each once. The calls tried are the `total` of
  `composio_tool_call` plus the `errors` of `composio_tool_call_error`.
- Groups beyond `telemetry.most_groups` of an event, and unknown events beyond
  `telemetry.most_unknown_events` of a bucket, are one group named `(other)`.
"""

from __future__ import annotations

from telemetry.rollups.backlog import oldest_mark, waiting
from telemetry.rollups.passes import Counts, roll, settle, work
from telemetry.rollups.statements import OTHER

__all__ = ["OTHER", "Counts", "oldest_mark", "roll", "settle", "waiting", "work"]
