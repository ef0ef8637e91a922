"""People, workspaces, agents and every way in. Rows here are written by services only."""

from controlplane.access.models.agents import Agent, ApiKey, RevokedToken, TrustedIssuer
from controlplane.access.models.people import (
    Grant,
    Membership,
    User,
    Workspace,
    known_time_zone,
    slug_form,
)
from controlplane.access.models.reviews import AccessReview, AccessReviewLine
from controlplane.access.models.ways_in import (
    AccountLock,
    AttemptCounter,
    BreakGlass,
    RecoveryCode,
    UserSession,
)

__all__ = [
    "AccessReview",
    "AccessReviewLine",
    "AccountLock",
    "Agent",
    "ApiKey",
    "AttemptCounter",
    "BreakGlass",
    "Grant",
    "Membership",
    "RecoveryCode",
    "RevokedToken",
    "TrustedIssuer",
    "User",
    "UserSession",
    "Workspace",
    "known_time_zone",
    "slug_form",
]
