"""How full the evidence of each workspace is, for telemetry to watch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from django.db.models import Sum

from missions.evidence.limits import WORKSPACE_BYTES
from missions.models import Artifact, Bundle
from telemetry.collectors import Figure, gauge

SLOW = 300


def used() -> Counter[int]:
    """Bytes by workspace."""
    found: Counter[int] = Counter()
    for rows in (Artifact.objects.with_file(), Bundle.objects.with_file()):
        for workspace_id, size in rows.order_by().values_list("workspace_id").annotate(Sum("size")):
            found[workspace_id] += int(size or 0)
    return found


@gauge("evidence_used_percent", unit="%", every=SLOW)
def evidence_used_percent() -> Iterable[Figure]:
    for workspace_id, size in used().items():
        yield Figure(
            round(100.0 * size / max(WORKSPACE_BYTES.value, 1), 3), workspace_id=workspace_id
        )


@gauge("evidence_bytes", unit="bytes", every=SLOW)
def evidence_bytes() -> Iterable[Figure]:
    for workspace_id, size in used().items():
        yield Figure(float(size), workspace_id=workspace_id)
