"""What may still be computed: a day that was sealed for good keeps the rollups it has."""

from __future__ import annotations

from datetime import date, datetime

from django.db.backends.utils import CursorWrapper


class Known:
    """The days as they stand in this transaction."""

    def __init__(self, cursor: CursorWrapper) -> None:
        cursor.execute(
            "SELECT day, sealed_at IS NOT NULL OR state IN ('detached', 'dropped'),"
            " trimmed_at IS NOT NULL FROM telemetry_partition"
            " WHERE sealed_at IS NOT NULL OR trimmed_at IS NOT NULL OR state <> 'open'"
        )
        rows = cursor.fetchall()
        self._final: set[date] = {day for day, final, _ in rows if final}
        self._trimmed: set[date] = {day for day, _, trimmed in rows if trimmed}

    def open(self, bucket: datetime) -> bool:
        """Whether its events are all there, so that it can be computed from them."""
        return self.open_day(bucket.date())

    def open_day(self, day: date) -> bool:
        return day not in self._final

    def trimmed(self, bucket: datetime) -> bool:
        """Whether its day's minutes were thrown away."""
        return bucket.date() in self._trimmed
