"""Who may change which shift, beside the table of roles."""

from __future__ import annotations

from typing import Any

from controlplane.access import policy
from controlplane.lib.actors import Actor


@policy.rule("oncall.override", "oncall.feed")
def people_only(actor: Actor, obj: Any) -> str | None:
    """An agent may be given any role by mistake, and is never called at night."""
    return None if actor.kind == "person" and actor.user_id is not None else "only people"
