"""The dashboards, one file each for those with many panels. The order is that of the overview."""

from telemetry.dashboards.table import (  # noqa: F401, I001  (the order is the overview's)
    system,
    lifecycle,
    agents,
    integrations,
    boards,
    threads,
    board,
)
