"""A believable week of telemetry, made up from a seed.

    for event in simulate.events(seed, start, end, rate=600): ...   # fields of the wire
    for row in simulate.rows(rng, workspace, start, end, rate): ... # ready for COPY, for millions

The demo and the benches use it; no path of the product does. It holds nobody's data and nothing
that looks like a secret.
"""

from telemetry.simulate.fast import rows
from telemetry.simulate.sending import Totals, deliver, inside, over_http
from telemetry.simulate.stream import events
from telemetry.simulate.telling import Event

__all__ = ["Event", "Totals", "deliver", "events", "inside", "over_http", "rows"]
