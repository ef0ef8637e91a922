"""How much of one body is read. Five megabytes can hold millions of empty things."""

from __future__ import annotations

from controlplane.lib.defaults import define
from controlplane.lib.errors import ControlPlaneError, Invalid, TooLarge

MAX_VALUES = define(
    "telemetry.otlp_max_values",
    400_000,
    unit="values",
    why="fields and attributes of one OTLP body; a batch of 8,192 spans holds about half of it",
)
MAX_RECORDS = define(
    "telemetry.otlp_max_records",
    20_000,
    unit="records",
    why="logs or spans of one OTLP body; a collector's largest usual batch is 8,192",
)
DEPTH = 32  # of one attribute; what lies deeper is left out
TOO_DEEP = "(nested too deeply)"


class Malformed(Invalid):
    """The body does not have OTLP's form, and nothing of it can be told apart."""


class Budget:
    """Spent while a body is read."""

    def __init__(self) -> None:
        self.values = MAX_VALUES.value

    def spend(self, count: int = 1) -> None:
        self.values -= count
        if self.values < 0:
            raise self.exceeded()

    @staticmethod
    def exceeded() -> ControlPlaneError:
        return TooLarge(
            f"A body holds at most {MAX_VALUES.value:,} values: send smaller batches.",
            details={"max_values": MAX_VALUES.value},
        )


def check_records(count: int) -> None:
    if count > MAX_RECORDS.value:
        raise TooLarge(
            f"A body holds at most {MAX_RECORDS.value:,} records: send smaller batches.",
            details={"max_records": MAX_RECORDS.value},
        )
