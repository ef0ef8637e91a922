"""What the portal measures of itself, and of what its catalogue says, as events like any others.

Two hands collect:

- Jobs (`jobs.py`) ask what all processes share: the database, the broker, the catalogue. One
  worker does it, whichever takes the run.
- Each machine reports what only it can see (`machine.py`): its disk, memory and processor, the
  memory of its processes, the answers they gave, the connections they failed to get. Processes
  take turns, and what can't be stored while the database is away is kept in a file and told later,
  with the time it was measured at.

Gauges from elsewhere (an agent's runtime, a provider's quota) come in as `gauge_reported` events
through the API like everything else: name, value, unit, of.
"""

from telemetry.collectors.table import GAUGES, Figure, Gauge, collect, gauge

__all__ = ["GAUGES", "Figure", "Gauge", "collect", "gauge"]
