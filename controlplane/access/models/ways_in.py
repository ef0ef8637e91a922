"""How somebody gets in and is kept out: sessions, failed attempts, locks, break-glass."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from controlplane.access.models.agents import Agent
from controlplane.access.models.people import User, Workspace
from controlplane.access.querysets import (
    AccountLockQuerySet,
    BreakGlassQuerySet,
    UserSessionQuerySet,
)
from controlplane.lib import clock
from controlplane.lib.ids import uuid7


class UserSession(models.Model):
    """A signed-in browser, so that a person can see and end it."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    # SHA-256 of the cookie's key: this list must not be a list of ways in.
    session_hash = models.CharField(max_length=64, unique=True)
    started_at = models.DateTimeField(default=clock.now)
    last_seen_at = models.DateTimeField(default=clock.now)
    second_factor_at = models.DateTimeField(null=True)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=200, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.CharField(max_length=200, blank=True)
    objects = UserSessionQuerySet.as_manager()

    class Meta:
        ordering = ["-last_seen_at"]
        indexes = [
            # "My sessions" and "end them all".
            models.Index(fields=["user"], condition=Q(ended_at=None), name="session_live")
        ]

    def __str__(self) -> str:
        return f"{self.user} since {self.started_at:%Y-%m-%d %H:%M} UTC"


class RecoveryCode(models.Model):
    """A code for the day the phone is lost: shown once, good once. Only its SHA-256 stays, which
    is enough since the code itself is 80 random bits."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    code_sha256 = models.BinaryField(max_length=32)
    created_at = models.DateTimeField(default=clock.now)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "code_sha256"], name="recovery_code_unique")
        ]

    def __str__(self) -> str:
        return f"recovery code of {self.user}"


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
    """A locked account, with one undo. The pause after too many failed sign-ins is no lock: it
    is counted in `AttemptCounter` and passes, and neither ends sessions nor blocks keys."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    user = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.CASCADE, related_name="locks"
    )
    agent = models.ForeignKey(
        Agent, null=True, blank=True, on_delete=models.CASCADE, related_name="locks"
    )
    # Where the locker's authority comes from: only there, or by a superuser, it is undone.
    # None: the portal itself or a superuser.
    workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    reason = models.CharField(max_length=300)
    locked_by = models.CharField(max_length=200)
    locked_at = models.DateTimeField(default=clock.now)
    until = models.DateTimeField(null=True, blank=True)  # None: until somebody unlocks
    unlocked_at = models.DateTimeField(null=True, blank=True)
    unlocked_by = models.CharField(max_length=200, blank=True)
    objects = AccountLockQuerySet.as_manager()

    class Meta:
        ordering = ["-locked_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(unlocked_at=None, user__isnull=False),
                name="lock_user_once",
            ),
            models.UniqueConstraint(
                fields=["agent"],
                condition=Q(unlocked_at=None, agent__isnull=False),
                name="lock_agent_once",
            ),
            models.CheckConstraint(
                condition=Q(agent=None, user__isnull=False) | Q(agent__isnull=False, user=None),
                name="lock_one_account",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.agent}: {self.reason}"


class BreakGlass(models.Model):
    """A superuser's way into a workspace they hold no role in: a reason, an end, an audit row."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="break_glasses")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="break_glasses")
    reason = models.CharField(max_length=300)
    started_at = models.DateTimeField(default=clock.now)
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    objects = BreakGlassQuerySet.as_manager()

    class Meta:
        verbose_name = "break-glass"
        verbose_name_plural = "uses of break-glass"
        ordering = ["-started_at"]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="breakglass_has_reason"),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("started_at")), name="breakglass_ends_later"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.workspace} until {self.ends_at:%Y-%m-%d %H:%M} UTC"
