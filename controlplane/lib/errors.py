"""Errors the product raises, and the one table of their codes.

Every refusal has a stable code. API answers put it in the envelope; the console shows the same
message beside the field. Foreign protocols translate these into their own answers at their door.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from controlplane.lib.error_help import HELP, Help

# code -> HTTP status. Domain apps add their own codes with `register_code`.
CODES: dict[str, int] = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHORIZED": 401,
    "FORBIDDEN": 403,
    "INSUFFICIENT_AUTHORITY": 403,
    "CLAIM_MISMATCH": 403,
    "WORKSPACE_MISMATCH": 403,
    "NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "NOT_ACCEPTABLE": 406,
    "CONFLICT": 409,
    "IDEMPOTENCY_CONFLICT": 409,
    "INVALID_TRANSITION": 409,
    "PRECONDITION_FAILED": 412,
    "TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "GATE_NOT_MET": 422,
    "PRECONDITION_REQUIRED": 428,
    "RATE_LIMITED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
}


def register_code(code: str, status: int, runbook: Help) -> None:
    """Add a domain's own code, with its runbook. Registering it with another status is a bug."""
    if CODES.setdefault(code, status) != status:
        raise ValueError(f"error code {code} already stands for HTTP {CODES[code]}")
    HELP[code] = runbook


class ControlPlaneError(Exception):
    """A refusal with a stable code, a sentence for people and details for machines."""

    code: ClassVar[str] = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = code or self.code
        self.details = dict(details or {})
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        return CODES[self.error_code]


class Invalid(ControlPlaneError):
    """The input does not have the form it must have. `details` maps fields to sentences."""

    code = "INVALID_ARGUMENT"


class Unauthorized(ControlPlaneError):
    code = "UNAUTHORIZED"


class NotAllowed(ControlPlaneError):
    """Refused by policy. `denial` holds what the audit log says of it.

    The service that raises this is inside a transaction that rolls back, so the denial is
    written by the door that answers (`audit.services.record_denial`), never here.
    """

    code = "FORBIDDEN"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        denial: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, code=code, details=details)
        self.denial = dict(denial) if denial is not None else None


class NotFound(ControlPlaneError):
    code = "NOT_FOUND"


class Conflict(ControlPlaneError):
    code = "CONFLICT"


class InvalidTransition(Conflict):
    code = "INVALID_TRANSITION"


class IdempotencyConflict(Conflict):
    code = "IDEMPOTENCY_CONFLICT"


class PreconditionFailed(ControlPlaneError):
    code = "PRECONDITION_FAILED"


class TooLarge(ControlPlaneError):
    code = "TOO_LARGE"


class GateNotMet(ControlPlaneError):
    """A gate's conditions are open. `details["conditions"]` lists them for people."""

    code = "GATE_NOT_MET"


class RateLimited(ControlPlaneError):
    code = "RATE_LIMITED"


class Unavailable(ControlPlaneError):
    code = "UNAVAILABLE"
