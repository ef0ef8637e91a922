"""Who acts. A plain value that every service takes, so that no service asks for a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["person", "agent", "service", "contact", "job", "anonymous"]


@dataclass(frozen=True, slots=True)
class Actor:
    kind: Kind
    ref: str  # "user:12", "agent:7", "job:sealer"
    label: str
    # workspace id -> roles held there now. Expired grants are not in it.
    roles: Mapping[int, frozenset[str]] = field(default_factory=dict)
    # None: no narrowing. A set: only these scopes ("catalog.view", "audit.*", "*").
    scopes: frozenset[str] | None = None
    user_id: int | None = None
    agent_id: int | None = None
    contact_id: int | None = None  # of the contact book: answers what it was called for, no more
    key_id: int | None = None
    session_id: str = ""
    superuser: bool = False
    break_glass: frozenset[int] = frozenset()  # workspaces opened by an audited break-glass
    second_factor_at: float | None = None  # epoch seconds of the last second factor
    # What a machine's credentials prove of it, as the outside says it (uids, not row ids):
    # agent_id, workspace_id, role, session_id; a token's jti too. Payloads may not contradict it.
    claims: Mapping[str, str] = field(default_factory=dict)

    @property
    def workspace_ids(self) -> frozenset[int]:
        """Workspaces this actor may look into. Jobs are not limited by it: see `sees_all`."""
        return frozenset(self.roles) | self.break_glass

    @property
    def sees_all(self) -> bool:
        return self.kind == "job"

    def roles_in(self, workspace_id: int | None) -> frozenset[str]:
        if workspace_id is None:
            return frozenset()
        return self.roles.get(workspace_id, frozenset())

    def __str__(self) -> str:
        return f"{self.ref} {self.label}".strip()


ANONYMOUS = Actor(kind="anonymous", ref="anonymous", label="anonymous")


def job(name: str) -> Actor:
    """The portal itself, acting in the job or command of this name."""
    return Actor(kind="job", ref=f"job:{name}", label=name)
