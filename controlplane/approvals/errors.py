"""Refusals of this package that have a code of their own."""

from __future__ import annotations

from controlplane.lib.error_help import Help
from controlplane.lib.errors import register_code

PACKET_CHANGED = "PACKET_CHANGED"
register_code(
    PACKET_CHANGED,
    409,
    Help(
        "What you signed is not what stands now: it changed after you opened it.",
        "Read the difference under `details.diff`, open the current revision named under "
        "`details.current`, and decide on that. Nothing was signed.",
        "If there is no current revision, whoever asked has to ask again.",
    ),
)
