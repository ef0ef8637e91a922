"""People, workspaces, agents and every way in. Rows here are written by services only."""

from __future__ import annotations

import uuid
import zoneinfo
from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from controlplane.lib import clock
from controlplane.lib.ids import uuid7

slug_form = RegexValidator(r"\A[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?\Z", "Use a-z, 0-9 and dashes.")


def known_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
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
    objects = UserManager()

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
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="memberships")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    # Kept after leaving, so that access reviews can show who was here.
    left_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "workspace"], name="membership_unique")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace}"


class GrantQuerySet(models.QuerySet["Grant"]):
    def held(self, at: datetime | None = None) -> GrantQuerySet:
        at = at or clock.now()
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=at),
            revoked_at=None,
            membership__left_at=None,
            membership__workspace__archived_at=None,
        )


class Grant(models.Model):
    """One role, held by one member. Revoked rows stay: they are the history of access."""

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


class Agent(models.Model):
    """An AI agent or a service account: a caller that belongs to exactly one workspace."""

    class Kind(models.TextChoices):
        AGENT = "agent", "Agent"
        SERVICE = "service", "Service account"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="agents")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.AGENT)
    role = models.CharField(max_length=40, blank=True)  # empty: scopes only
    description = models.CharField(max_length=300, blank=True)
    owner = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="owned_agents"
    )
    is_active = models.BooleanField(default=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_seen_at = models.DateTimeField(null=True, blank=True, editable=False)
    token_epoch = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint("workspace", Lower("name"), name="agent_name_unique"),
        ]

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """A key of an agent or of a person. The secret is shown once; only its SHA-256 stays."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="api_keys")
    agent = models.ForeignKey(
        Agent, null=True, blank=True, on_delete=models.CASCADE, related_name="keys"
    )
    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.CASCADE, related_name="keys"
    )
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=24, unique=True)
    secret_sha256 = models.BinaryField(max_length=32)
    scopes = models.JSONField(default=list)  # [] = whatever the role may do
    created_at = models.DateTimeField(default=clock.now)
    created_by = models.CharField(max_length=200)
    not_before = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_from = models.GenericIPAddressField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.CharField(max_length=200, blank=True)
    rotated_from = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="rotated_to"
    )

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(agent=None, user__isnull=False) | Q(agent__isnull=False, user=None),
                name="apikey_one_owner",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("not_before")), name="apikey_expires_after_start"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class TrustedIssuer(models.Model):
    """An outside token issuer that a workspace trusts. Its keys are kept so that its outage
    does not stop callers it has already vouched for."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="issuers")
    issuer = models.URLField(max_length=300)
    jwks_url = models.URLField(max_length=300)
    audience = models.CharField(max_length=200)
    role = models.CharField(max_length=40, blank=True)  # most that its tokens may claim
    is_active = models.BooleanField(default=True, editable=False)
    jwks = models.JSONField(default=dict, editable=False)
    fetched_at = models.DateTimeField(null=True, editable=False)
    last_error = models.CharField(max_length=300, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["issuer", "audience"], name="issuer_audience_unique")
        ]

    def __str__(self) -> str:
        return self.issuer


class RevokedToken(models.Model):
    """A token ended before its time. Rows go when the token would have expired anyway."""

    jti = models.CharField(max_length=64, primary_key=True)
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(default=clock.now)
    revoked_by = models.CharField(max_length=200)
    reason = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return self.jti


class UserSession(models.Model):
    """A signed-in browser, so that a person can see and end it."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    session_key = models.CharField(max_length=64, unique=True)
    started_at = models.DateTimeField(default=clock.now)
    last_seen_at = models.DateTimeField(default=clock.now)
    second_factor_at = models.DateTimeField(null=True)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-last_seen_at"]

    def __str__(self) -> str:
        return f"{self.user} since {self.started_at:%Y-%m-%d %H:%M}"


class AttemptCounter(models.Model):
    """Failed attempts per subject and window: login, key and code guesses, counted in the
    database because a lossy counter would let an attacker wait out a broker restart."""

    bucket = models.CharField(max_length=120)  # "login:address:203.0.113.7"
    window_start = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["bucket", "window_start"], name="attempt_bucket_unique")
        ]
        indexes = [models.Index(fields=["window_start"], name="attempt_window")]

    def __str__(self) -> str:
        return f"{self.bucket}: {self.count}"


class AccountLock(models.Model):
    """A locked account: by the rule on repeated failures or by a person, with one undo."""

    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.CASCADE, related_name="locks"
    )
    agent = models.ForeignKey(
        Agent, null=True, blank=True, on_delete=models.CASCADE, related_name="locks"
    )
    reason = models.CharField(max_length=300)
    locked_by = models.CharField(max_length=200)
    locked_at = models.DateTimeField(default=clock.now)
    until = models.DateTimeField(null=True, blank=True)  # None: until somebody unlocks
    unlocked_at = models.DateTimeField(null=True, blank=True)
    unlocked_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-locked_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(agent=None, user__isnull=False) | Q(agent__isnull=False, user=None),
                name="lock_one_account",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.agent}: {self.reason}"


class BreakGlass(models.Model):
    """A superuser's way into a workspace they hold no role in: a reason, an end, an audit row."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="break_glasses")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="break_glasses")
    reason = models.CharField(max_length=300)
    started_at = models.DateTimeField(default=clock.now)
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="breakglass_has_reason"),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("started_at")), name="breakglass_ends_later"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace} until {self.ends_at:%Y-%m-%d %H:%M}"


class AccessReview(models.Model):
    """A quarter's list of who holds what, each line confirmed or revoked, then signed."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        SIGNED = "signed", "Signed"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="reviews")
    period = models.CharField(max_length=7)  # "2026-Q4"
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField()
    signed_at = models.DateTimeField(null=True)
    signed_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    statement = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "period"], name="review_once_a_period"),
            models.CheckConstraint(
                condition=Q(status="open") | Q(signed_at__isnull=False), name="review_signed_has_time"
            ),
        ]

    def __str__(self) -> str:
        return f"Access review {self.period}, {self.workspace}"


class AccessReviewLine(models.Model):
    """One thing somebody holds, as it stood when the review was made."""

    class Decision(models.TextChoices):
        PENDING = "", "Open"
        CONFIRMED = "confirmed", "Confirmed"
        REVOKED = "revoked", "Revoked"

    review = models.ForeignKey(AccessReview, on_delete=models.CASCADE, related_name="lines")
    grant = models.ForeignKey(Grant, null=True, on_delete=models.SET_NULL, related_name="+")
    api_key = models.ForeignKey(ApiKey, null=True, on_delete=models.SET_NULL, related_name="+")
    holder = models.CharField(max_length=200)
    holds = models.CharField(max_length=200)
    last_used_at = models.DateTimeField(null=True)
    decision = models.CharField(
        max_length=10, choices=Decision.choices, default=Decision.PENDING, blank=True
    )
    decided_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["holder", "holds", "id"]

    def __str__(self) -> str:
        return f"{self.holder}: {self.holds}"

    @property
    def workspace_id(self) -> int:
        return self.review.workspace_id
