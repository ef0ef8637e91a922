"""Agents and service accounts, their keys and tokens, and the issuers a workspace trusts."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from controlplane.access.models.people import User, Workspace
from controlplane.access.querysets import (
    AgentQuerySet,
    ApiKeyQuerySet,
    RevokedTokenQuerySet,
    TrustedIssuerQuerySet,
)
from controlplane.lib import clock
from controlplane.lib.ids import uuid7


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
    # Who answered for it before, and until when: {"user": id, "until": moment}, oldest first. The
    # database keeps it, so that nobody hands an agent on to sign what it made for them.
    owners_before: Any = models.JSONField(default=list, editable=False)
    is_active = models.BooleanField(default=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    last_seen_at = models.DateTimeField(null=True, blank=True, editable=False)
    token_epoch = models.PositiveIntegerField(default=0, editable=False)
    objects = AgentQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint("workspace", Lower("name"), name="agent_name_unique"),
            # A service account has scopes only: with both, the wider of the two would count.
            models.CheckConstraint(
                condition=Q(kind="agent") | Q(role=""), name="agent_service_without_role"
            ),
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
    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
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

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="issuers")
    issuer = models.URLField(max_length=300)
    jwks_url = models.URLField(max_length=300)
    audience = models.CharField(max_length=200)
    role = models.CharField(max_length=40, blank=True)  # most that its tokens may claim
    is_active = models.BooleanField(default=True, editable=False)
    jwks = models.JSONField(default=dict, editable=False)
    fetched_at = models.DateTimeField(null=True, editable=False)
    tried_at = models.DateTimeField(null=True, editable=False)  # holds back the next attempt
    last_error = models.CharField(max_length=300, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    objects = TrustedIssuerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["issuer", "audience"], name="issuer_audience_unique")
        ]

    def __str__(self) -> str:
        return self.issuer


class RevokedToken(models.Model):
    """A token ended before its time. Rows go when the token would have expired anyway."""

    jti = models.CharField(max_length=64, primary_key=True)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField(db_index=True)
    revoked_at = models.DateTimeField(default=clock.now)
    revoked_by = models.CharField(max_length=200)
    reason = models.CharField(max_length=300, blank=True)
    objects = RevokedTokenQuerySet.as_manager()

    class Meta:
        ordering = ["-revoked_at"]

    def __str__(self) -> str:
        return self.jti
