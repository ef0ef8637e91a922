"""Tables of base, by what they serve: `kernel` (refs, signals, retention) and `api`."""

from controlplane.base.models.api import IdempotencyRecord, ThrottleRule
from controlplane.base.models.kernel import PARKED, RefCounter, RetentionRun, Signal

__all__ = ["PARKED", "IdempotencyRecord", "RefCounter", "RetentionRun", "Signal", "ThrottleRule"]
