"""People, workspaces, and who holds which role where."""

from __future__ import annotations

import zoneinfo
from functools import cache
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from controlplane.access.querysets import (
    GrantQuerySet,
    MembershipQuerySet,
    UserQuerySet,
    WorkspaceQuerySet,
)
from controlplane.lib import clock
from controlplane.lib.ids import uuid7

slug_form = RegexValidator(r"\A[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?\Z", "Use a-z, 0-9 and dashes.")


@cache
def _time_zones() -> frozenset[str]:
    """Found by walking six hundred files: once, not for every account that is saved."""
    return frozenset(zoneinfo.available_timezones())


def known_time_zone(name: str) -> None:
    if name not in _time_zones():
        raise ValidationError("Unknown time zone.")


class Workspace(models.Model):
    """One trust domain. Every domain row belongs to one."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    slug = models.CharField(max_length=50, unique=True, validators=[slug_form])
    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[known_time_zone])
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name

    @property
    def workspace_id(self) -> int:
        """A workspace is its own scope, so that `can()` treats it like any other row."""
        return self.pk


class UserManager(BaseUserManager["User"]):
    """Look-ups only: people are made by `access.services.create_user`."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username or "")


class User(AbstractBaseUser):
    """A person. Roles are held per workspace (`Grant`), never here."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=120)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[known_time_zone])
    is_active = models.BooleanField(default=True, editable=False)
    # Acts in a workspace without a grant only by an audited break-glass.
    is_superuser = models.BooleanField(default=False, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    password_changed_at = models.DateTimeField(null=True, editable=False)
    # Raised to end every session and personal token of this person at once.
    session_epoch = models.PositiveIntegerField(default=0, editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects = UserManager.from_queryset(UserQuerySet)()

    class Meta:
        ordering = ["email"]
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_ci_unique")]

    def __str__(self) -> str:
        return self.email

    # The admin asks these of any user. What somebody may do is `policy.can`, asked by the
    # admin base class; entering the console at all is `ConsoleSite.has_permission`.
    @property
    def is_staff(self) -> bool:
        return self.is_active

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return False

    def has_perms(self, perm_list: Any, obj: Any = None) -> bool:
        return False

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active


class Membership(models.Model):
    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    # Kept after leaving, so that access reviews can show who was here.
    left_at = models.DateTimeField(null=True, blank=True, editable=False)
    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "workspace"], name="membership_unique")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace}"


class Grant(models.Model):
    """One role, held by one member. Revoked rows stay: they are the history of access."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    membership = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="grants")
    role = models.CharField(max_length=40)
    granted_by = models.CharField(max_length=200)  # actor ref and label: outlives the account
    granted_at = models.DateTimeField(default=clock.now)
    reason = models.CharField(max_length=300, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=200, blank=True)
    objects = GrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["membership", "role"],
                condition=Q(revoked_at=None),
                name="grant_held_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.role} for {self.membership}"

    @property
    def workspace_id(self) -> int:
        return self.membership.workspace_id
