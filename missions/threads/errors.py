"""Codes of threads that the product has nowhere else."""

from __future__ import annotations

from controlplane.lib.error_help import ADMIN, NOBODY, OPERATOR, Help
from controlplane.lib.errors import Invalid, NotAllowed, register_code

register_code(
    "UNSUPPORTED_SCHEMA_VERSION",
    400,
    Help(
        "The payload is of a version that this portal doesn't know.",
        "Send one of the versions that `details.supported` names.",
        NOBODY,
    ),
)
register_code(
    "WAKE_FAILED",
    502,
    Help(
        "Somebody was to be woken and could not be reached.",
        "Look at the tries on the thread's page: each says what came back.",
        OPERATOR,
    ),
)
register_code(
    "UNMANAGED_RUNTIME",
    409,
    Help(
        "The agent's runtime is not one that the portal may start or type into.",
        "Register a managed runtime, or let the agent read by itself.",
        ADMIN,
    ),
)
register_code(
    "HUMAN_INPUT_COLLISION",
    409,
    Help(
        "A person is typing where the agent would be woken.",
        "Wait: it is tried again when they stop. Operators may force it, with a reason.",
        OPERATOR,
    ),
)


class UnsupportedVersion(Invalid):
    code = "UNSUPPORTED_SCHEMA_VERSION"


class InsufficientAuthority(NotAllowed):
    code = "INSUFFICIENT_AUTHORITY"
