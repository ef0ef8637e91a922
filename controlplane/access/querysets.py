"""Named reads of people and access. `visible_to` is the scope every door starts from."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from django.db import models
from django.db.models import Q

from controlplane.lib import clock
from controlplane.lib.actors import Actor

if TYPE_CHECKING:
    from controlplane.access.models import (  # noqa: F401 - named as strings in the base classes
        AccessReview,
        AccessReviewLine,
        AccountLock,
        Agent,
        ApiKey,
        BreakGlass,
        Grant,
        Membership,
        RevokedToken,
        TrustedIssuer,
        User,
        UserSession,
        Workspace,
    )

M = TypeVar("M", bound=models.Model)


class Scoped(models.QuerySet[M]):
    """Rows of one workspace each. `path` leads from the row to its workspace's key."""

    path: ClassVar[str] = "workspace_id"

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(**{f"{self.path}__in": actor.workspace_ids})


class WorkspaceQuerySet(models.QuerySet["Workspace"]):
    def visible_to(self, actor: Actor) -> Self:
        """A superuser sees that workspaces exist, since break-glass has to name one; what is in
        them stays closed until it is opened."""
        if actor.sees_all or actor.superuser:
            return self
        return self.filter(pk__in=actor.workspace_ids)

    def open(self) -> Self:
        return self.filter(archived_at=None)


class UserQuerySet(models.QuerySet["User"]):
    def visible_to(self, actor: Actor) -> Self:
        """Colleagues: whoever is or was a member where the actor is. And oneself."""
        if actor.sees_all or actor.superuser:
            return self
        colleagues = Q(memberships__workspace_id__in=actor.workspace_ids)
        return self.filter(colleagues | Q(pk=actor.user_id)).distinct()

    def by_email(self, email: str) -> Self:
        return self.filter(email__iexact=email.strip())


class MembershipQuerySet(Scoped["Membership"]):
    def current(self) -> Self:
        return self.filter(left_at=None, workspace__archived_at=None)


class GrantQuerySet(Scoped["Grant"]):
    path = "membership__workspace_id"

    def held(self, at: datetime | None = None) -> Self:
        at = at or clock.now()
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=at),
            revoked_at=None,
            membership__left_at=None,
            membership__workspace__archived_at=None,
        )

    def of_active_people(self) -> Self:
        return self.filter(membership__user__is_active=True)


class AgentQuerySet(Scoped["Agent"]):
    pass


class ApiKeyQuerySet(Scoped["ApiKey"]):
    def in_force(self, at: datetime | None = None) -> Self:
        at = at or clock.now()
        return self.filter(revoked_at=None, not_before__lte=at, expires_at__gt=at)


class TrustedIssuerQuerySet(Scoped["TrustedIssuer"]):
    def trusted(self) -> Self:
        return self.filter(is_active=True, workspace__archived_at=None)


class RevokedTokenQuerySet(Scoped["RevokedToken"]):
    pass


class UserSessionQuerySet(models.QuerySet["UserSession"]):
    def visible_to(self, actor: Actor) -> Self:
        """One's own. Others' sessions are ended for a person as a whole, never read."""
        if actor.sees_all:
            return self
        return self.filter(user_id=actor.user_id)

    def live(self) -> Self:
        return self.filter(ended_at=None)


class AccountLockQuerySet(models.QuerySet["AccountLock"]):
    def visible_to(self, actor: Actor) -> Self:
        """Locks made here, and those the portal made on colleagues. That a colleague is locked
        by another workspace shows in the list of members, but not why."""
        if actor.sees_all or actor.superuser:
            return self
        colleague = Q(user__memberships__workspace_id__in=actor.workspace_ids)
        return self.filter(
            Q(workspace_id__in=actor.workspace_ids)
            | (Q(workspace_id=None) & colleague)
            | Q(user_id=actor.user_id, user__isnull=False)
        ).distinct()

    def in_force(self, at: datetime | None = None) -> Self:
        return self.filter(Q(until=None) | Q(until__gt=at or clock.now()), unlocked_at=None)


class BreakGlassQuerySet(models.QuerySet["BreakGlass"]):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(
            Q(workspace_id__in=actor.workspace_ids) | Q(user_id=actor.user_id, user__isnull=False)
        )

    def in_force(self, at: datetime | None = None) -> Self:
        return self.filter(ended_at=None, ends_at__gt=at or clock.now())


class AccessReviewQuerySet(Scoped["AccessReview"]):
    pass


class AccessReviewLineQuerySet(Scoped["AccessReviewLine"]):
    path = "review__workspace_id"

    def undecided(self) -> Self:
        return self.filter(decision="")
