"""What a payload says of its sender may not contradict what the credentials prove."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from controlplane.access.tokens import IDENTITY_ACTION, claims_match
from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotAllowed

# The field of a payload -> the claim it repeats.
_SENDER = {"sender_agent_id": "agent_id", "sender_session_id": "session_id"}


def require_own(actor: Actor, payload: Any) -> None:
    """For messages: they name their sender in fields of their own, beside those of every payload.
    Whoever is no agent can't speak as one, whatever their credentials leave unsaid."""
    claims_match(actor, payload)
    if not isinstance(payload, Mapping):
        return
    for field, claim in _SENDER.items():
        stated = payload.get(field)
        if stated is None or stated == "":
            continue
        proven = actor.claims.get(claim)
        if actor.kind == "agent" and proven is None and claim == "session_id":
            continue  # a key proves no session: it has to be one that the agent has registered
        if actor.kind != "agent" or str(stated) != proven:
            raise _mismatch(actor, field, str(stated)[:200])


def _mismatch(actor: Actor, field: str, stated: str) -> NotAllowed:
    reason = f"{field} in the payload contradicts the credentials"
    return NotAllowed(
        reason,
        code="CLAIM_MISMATCH",
        details={"field": field},
        denial={
            "actor": actor,
            "action": IDENTITY_ACTION,
            "subject": actor.ref,
            "rule": "claim_mismatch",
            "reason": reason,
            "workspace_id": next(iter(actor.roles), None),
            "details": {"field": field, "stated": stated},
        },
    )
