"""The table of events, day by day: opened ahead, closed when its time is over.

    partitions.oldest_open()    # the first moment that still takes events (what ingest asks)
    partitions.look_again()     # ask the database anew: a COPY found its day closed
    partitions.ensure()         # open what is missing from the last known day to eight ahead
    partitions.close_old()      # seal, settle and detach the days beyond the retention

A day goes its way in steps that may each be interrupted and are taken up again: open, sealed (takes
no event), settled (`sealed_at`: all that waited is in the rollups), detached, dropped.
"""

from telemetry.partitions.closing import close_old
from telemetry.partitions.oldest import look_again, oldest_open
from telemetry.partitions.opening import days_ahead, ensure

__all__ = ["close_old", "days_ahead", "ensure", "look_again", "oldest_open"]
