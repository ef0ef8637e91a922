"""Who asks for flags, and what is told about the asking: tokens, counts, instances, impact.

Rows here are written in batches, many requests at a time, and none of them is asked for when a
flag is evaluated.
"""

from __future__ import annotations

from django.db import models

from controlplane.access.models import Workspace
from controlplane.catalog.models import Environment
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from deployments.flags.querysets import FlagRowQuerySet
from deployments.flags.serving.querysets import (
    InstanceQuerySet,
    TokenQuerySet,
    UsageQuerySet,
)

NAME_LENGTH = 200  # of a flag, an application, an instance


class SdkToken(models.Model):
    """One environment's flags, for whoever sends this. The secret is shown once; only its SHA-256
    stays. Triggers raise the environment's revision with it: every process hears of the end of a
    token as it hears of a kill."""

    class Kind(models.TextChoices):
        CLIENT = "client", "Server SDK"
        FRONTEND = "frontend", "Browser or app"
        OFREP = "ofrep", "OpenFeature only"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.CLIENT)
    prefix = models.CharField(max_length=120)  # what may be shown: names it, opens nothing
    secret_sha256 = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.CharField(max_length=200, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_by = models.CharField(max_length=200, blank=True, editable=False)
    objects = TokenQuerySet.as_manager()

    class Meta:
        verbose_name = "SDK token"
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["environment"], name="flag_token_environment")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def ended(self) -> bool:
        if self.revoked_at is not None:
            return True
        return self.expires_at is not None and self.expires_at <= clock.now()


class SdkApp(models.Model):
    """An application that is counted by the name it gives itself. There are so many of an
    environment and no more (`services.apps`); a name unseen for a month makes room."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    environment = models.ForeignKey(
        Environment, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    name = models.CharField(max_length=NAME_LENGTH)
    browser = models.BooleanField(default=False)  # a browser said so
    first_seen = models.DateTimeField(default=clock.now)
    last_seen = models.DateTimeField(default=clock.now)
    objects = FlagRowQuerySet.as_manager()

    class Meta:
        verbose_name = "SDK application"
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "browser", "name"], name="flag_sdk_app_once"
            )
        ]
        indexes = [models.Index(fields=["last_seen"], name="flag_sdk_app_seen")]

    def __str__(self) -> str:
        return self.name


class FlagUsage(models.Model):
    """How often an application got which answer about a flag, in an hour. By the flag's name:
    what was asked stays true when the flag goes."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    environment = models.ForeignKey(
        Environment, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    flag_name = models.CharField(max_length=NAME_LENGTH)
    app = models.CharField(max_length=NAME_LENGTH)
    hour = models.DateTimeField()
    yes = models.BigIntegerField(default=0)
    no = models.BigIntegerField(default=0)
    variants = models.JSONField(default=dict)  # name -> how often
    objects = UsageQuerySet.as_manager()

    class Meta:
        verbose_name = "flag usage"
        verbose_name_plural = "flag usage"
        ordering = ["-hour", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "flag_name", "hour", "app"], name="flag_usage_once_an_hour"
            )
        ]
        indexes = [
            models.Index(fields=["workspace", "flag_name", "-hour"], name="flag_usage_flag"),
            models.Index(fields=["hour"], name="flag_usage_hour"),
        ]

    def __str__(self) -> str:
        return f"{self.flag_name} by {self.app}, {self.hour:%Y-%m-%d %H}:00"


class UnknownFlag(models.Model):
    """A name that was asked for and that no flag has: a misspelling, or code older or newer than
    the flags."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    environment = models.ForeignKey(
        Environment, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    flag_name = models.CharField(max_length=NAME_LENGTH)
    app = models.CharField(max_length=NAME_LENGTH)
    times = models.BigIntegerField(default=0)
    first_seen = models.DateTimeField(default=clock.now)
    last_seen = models.DateTimeField(default=clock.now)
    objects = FlagRowQuerySet.as_manager()

    class Meta:
        verbose_name = "unknown flag"
        ordering = ["-last_seen", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "flag_name", "app"], name="flag_unknown_once_an_app"
            )
        ]
        indexes = [models.Index(fields=["last_seen"], name="flag_unknown_seen")]

    def __str__(self) -> str:
        return f"{self.flag_name} asked by {self.app}"


class SdkInstance(models.Model):
    """A running copy of an application that reads flags by an SDK."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    environment = models.ForeignKey(
        Environment, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    app = models.CharField(max_length=NAME_LENGTH)
    instance = models.CharField(max_length=NAME_LENGTH)
    sdk = models.CharField(max_length=NAME_LENGTH, blank=True)  # "unleash-python-sdk:6.9.1"
    platform = models.CharField(max_length=NAME_LENGTH, blank=True)
    spec = models.CharField(max_length=20, blank=True)  # of the client specification
    strategies = models.JSONField(default=list)
    started_at = models.DateTimeField(null=True)
    first_seen = models.DateTimeField(default=clock.now)
    last_seen = models.DateTimeField(default=clock.now)
    objects = InstanceQuerySet.as_manager()

    class Meta:
        verbose_name = "SDK instance"
        ordering = ["app", "-last_seen", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "app", "instance"], name="flag_sdk_instance_once"
            )
        ]
        indexes = [models.Index(fields=["last_seen"], name="flag_sdk_instance_seen")]

    def __str__(self) -> str:
        return f"{self.app} ({self.instance})"


class ImpactSample(models.Model):
    """What an application measured of itself in a minute, split by the flags it named: errors,
    latencies, whatever a canary asks about. Counters and histograms add up, of a gauge the last
    value stays. `source` is the kind of token it came with: what came from a browser's, which
    anybody can send, is shown and decides nothing."""

    class Kind(models.TextChoices):
        COUNTER = "counter", "Counter"
        GAUGE = "gauge", "Gauge"
        HISTOGRAM = "histogram", "Histogram"

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    environment = models.ForeignKey(
        Environment, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    app = models.CharField(max_length=NAME_LENGTH)
    name = models.CharField(max_length=NAME_LENGTH)
    kind = models.CharField(max_length=9, choices=Kind.choices)
    labels = models.JSONField(default=dict)  # flag -> variant, "enabled" or "disabled"
    labels_key = models.CharField(max_length=32)  # the labels' hash: their place in the key
    source = models.CharField(
        max_length=8, choices=SdkToken.Kind.choices, default=SdkToken.Kind.CLIENT
    )
    minute = models.DateTimeField()
    value = models.FloatField(default=0.0)  # of a histogram: the sum
    count = models.BigIntegerField(default=0)
    buckets = models.JSONField(default=dict)  # upper bound -> how many up to it
    objects = FlagRowQuerySet.as_manager()

    class Meta:
        verbose_name = "impact sample"
        ordering = ["-minute", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "name", "minute", "app", "kind", "labels_key", "source"],
                name="flag_impact_once_a_minute",
            )
        ]
        indexes = [models.Index(fields=["minute"], name="flag_impact_minute")]

    def __str__(self) -> str:
        return f"{self.name} of {self.app}, {self.minute:%Y-%m-%d %H:%M}"
