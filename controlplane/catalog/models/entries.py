"""What there is to run: environments, services and what they are made of."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from controlplane.access.models import Workspace, slug_form
from controlplane.catalog import querysets
from controlplane.lib import clock
from controlplane.lib.ids import uuid7


class Environment(models.Model):
    """One of the playbook's three: what it is for, how often it changes, whose data it holds."""

    class DataClass(models.TextChoices):
        SEEDED = "seeded", "Seeded test data"
        SANITISED = "sanitised", "Sanitised snapshot of production"
        REAL = "real", "Real user data"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="environments")
    slug = models.CharField(max_length=50, validators=[slug_form])
    name = models.CharField(max_length=60)
    order = models.PositiveSmallIntegerField(default=0)
    purpose = models.CharField(max_length=200)
    update_frequency = models.CharField(max_length=200)
    data_class = models.CharField(max_length=10, choices=DataClass.choices)
    # The rules that deployments ask.
    needs_approval = models.BooleanField(default=False)
    releases_per_week = models.PositiveSmallIntegerField(null=True, blank=True)
    data_refresh_days = models.PositiveSmallIntegerField(null=True, blank=True)
    debug_allowed = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.EntryQuerySet.as_manager()

    class Meta:
        ordering = ["order", "slug"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="environment_slug_unique"),
            models.CheckConstraint(
                condition=~Q(data_class="real") | Q(needs_approval=True, debug_allowed=False),
                name="environment_real_data_guarded",
                violation_error_message=(
                    "Where real user data is, releases need approval and debugging stays off."
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Service(models.Model):
    """Something that runs and is looked after by a role."""

    class Kind(models.TextChoices):
        FRONTEND = "frontend", "Front end"
        AGENT = "agent", "Agent service"
        DATABASE = "database", "Database"
        STORAGE = "storage", "Storage"
        PORTAL = "portal", "This portal"
        OTHER = "other", "Other"

    class Tier(models.IntegerChoices):
        ONE = 1, "1: users feel it at once"
        TWO = 2, "2: users feel it soon"
        THREE = 3, "3: users do not feel it"

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        RETIRED = "retired", "Retired"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="services")
    ref = models.CharField(max_length=16, editable=False)  # SRV-3
    slug = models.CharField(max_length=50, validators=[slug_form])
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.OTHER)
    description = models.CharField(max_length=500, blank=True)
    host = models.CharField(max_length=200, blank=True)  # where it runs, in words
    runtime = models.CharField(max_length=120, blank=True)  # for people; constrains nothing
    owner_role = models.CharField(max_length=40, blank=True)
    tier = models.PositiveSmallIntegerField(choices=Tier.choices, default=Tier.TWO)
    uptime_target = models.DecimalField(
        max_digits=6,
        decimal_places=3,
        default=Decimal("99.9"),
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.ACTIVE, editable=False
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ServiceQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint("workspace", Lower("slug"), name="service_slug_unique"),
            models.UniqueConstraint(fields=["workspace", "ref"], name="service_ref_unique"),
            models.CheckConstraint(
                condition=Q(tier__gte=1, tier__lte=3), name="service_tier_one_to_three"
            ),
            models.CheckConstraint(
                condition=Q(uptime_target__gte=0, uptime_target__lte=100),
                name="service_target_is_percent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.name}"


class Component(models.Model):
    """A part that is deployed, or shown on the status page, on its own."""

    class Kind(models.TextChoices):
        FRONTEND = "frontend", "Front end"
        AGENT = "agent", "Agent service"
        DATABASE = "database", "Database"
        SCHEMA = "schema", "Database schema"
        PORTAL = "portal", "This portal"
        OTHER = "other", "Other"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="components")
    service = models.ForeignKey(
        Service, null=True, blank=True, on_delete=models.PROTECT, related_name="components"
    )
    slug = models.CharField(max_length=50, validators=[slug_form])
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.OTHER)
    description = models.CharField(max_length=500, blank=True)
    is_public = models.BooleanField(default=False)
    order = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.EntryQuerySet.as_manager()

    class Meta:
        ordering = ["order", "name", "id"]
        constraints = [
            models.UniqueConstraint("workspace", Lower("slug"), name="component_slug_unique"),
        ]

    def __str__(self) -> str:
        return self.name
