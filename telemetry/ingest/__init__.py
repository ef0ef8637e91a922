"""The way in for every event: wire form -> checked -> redacted -> stored, with a verdict each.

    receipt = ingest(actor, workspace, wire.decode(body, "application/json"))

No ORM rows and no serializers here: a batch of 500 must cost little more than copying it does.
Whoever reports from inside (collectors, the portal's own services) goes through the same door.
"""

from telemetry.ingest.accepting import ingest, report
from telemetry.ingest.receipts import Receipt, Verdict
from telemetry.ingest.wire import Incoming

__all__ = ["Incoming", "Receipt", "Verdict", "ingest", "report"]
