"""What runs by itself. Each part keeps its own jobs; being imported here, they are known to every
process."""

from telemetry.audits import jobs as _audits  # noqa: F401
from telemetry.collectors import jobs as _collectors  # noqa: F401
from telemetry.kpis import jobs as _kpis  # noqa: F401
from telemetry.partitions import jobs as _partitions  # noqa: F401
from telemetry.rollups import jobs as _rollups  # noqa: F401
from telemetry.snapshots import jobs as _snapshots  # noqa: F401
