"""Named reads of people and access. `visible_to` is the scope every door starts from."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from django.db import models
from django.db.models import Count, Exists, Min, OuterRef, Q, Subquery, Window
from django.db.models.functions import RowNumber

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

    def matching(self, words: str) -> Self:
        return self.filter(Q(user__name__icontains=words) | Q(user__email__icontains=words))

    def holding(self, role: str) -> Self:
        """Who holds this role now. Empty asks for members without any."""
        from controlplane.access.models import Grant

        held = Grant.objects.held().filter(membership=OuterRef("pk"))
        return self.filter(Exists(held.filter(role=role)) if role else ~Exists(held))

    def with_presence(self) -> Self:
        """How each can be reached by whoever stole a password, and when each was last here."""
        from django_otp.plugins.otp_totp.models import TOTPDevice

        from controlplane.access.models import AccountLock, UserSession

        devices = TOTPDevice.objects.filter(user=OuterRef("user_id"), confirmed=True)
        locks = AccountLock.objects.in_force().filter(user=OuterRef("user_id"))
        sessions = UserSession.objects.filter(user=OuterRef("user_id"))
        latest = sessions.order_by("-last_seen_at").values("last_seen_at")[:1]
        return self.annotate(
            has_factor=Exists(devices), is_locked=Exists(locks), last_seen_at=Subquery(latest)
        )


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

    def first_holders(self, most: int) -> Self:
        """Of each role the first few holders by name, and how many hold it in all."""
        place = Window(RowNumber(), partition_by="role", order_by=["membership__user__name", "pk"])
        count = Window(Count("pk"), partition_by="role")
        return self.annotate(place=place, held_by=count).filter(place__lte=most)


class AgentQuerySet(Scoped["Agent"]):
    def first_holders(self, most: int) -> Self:
        """Of each role the first few active agents, and how many there are in all."""
        place = Window(RowNumber(), partition_by="role", order_by=["name", "pk"])
        count = Window(Count("pk"), partition_by="role")
        active = self.filter(is_active=True).exclude(role="")
        return active.annotate(place=place, held_by=count).filter(place__lte=most)

    def with_keys(self) -> Self:
        """How many keys of each work now, and when the first of them ends."""
        now = clock.now()
        lives = Q(keys__revoked_at=None, keys__not_before__lte=now, keys__expires_at__gt=now)
        return self.annotate(
            live_keys=Count("keys", filter=lives), first_end=Min("keys__expires_at", filter=lives)
        )

    def keyless(self) -> Self:
        """Active, but with nothing to call the API with."""
        return self.with_keys().filter(is_active=True, live_keys=0)

    def matching(self, words: str) -> Self:
        return self.filter(Q(name__icontains=words) | Q(description__icontains=words))

    def answered_for_by(self, since: datetime) -> list[int]:
        """Whoever answers for them, and whoever did at any time since then."""
        now = self.exclude(owner=None).values_list("owner_id", flat=True)
        return sorted(
            {*now.order_by()}
            | {
                each["user"]
                for before in self.values_list("owners_before", flat=True)
                for each in before
                if datetime.fromisoformat(each["until"]) >= since
            }
        )


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
        """What somebody has yet to say a word about: what ended meanwhile asks for none."""
        return self.filter(decision="").in_force()

    def in_force(self, at: datetime | None = None) -> Self:
        """Lines whose role or key is still held, whoever ended the others."""
        at = at or clock.now()
        lasting = Q(grant__expires_at=None) | Q(grant__expires_at__gt=at)
        role = Q(grant__isnull=False, grant__revoked_at=None, grant__membership__left_at=None)
        key = Q(api_key__isnull=False, api_key__revoked_at=None, api_key__expires_at__gt=at)
        return self.filter((role & lasting) | key)
