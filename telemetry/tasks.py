"""What runs by itself. Each part keeps its own jobs; being imported here, they are known to every
process."""

from telemetry.rollups import jobs as _rollups  # noqa: F401
