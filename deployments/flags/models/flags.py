"""A flag, how it stands in each environment, and the segments its rules name.

`feature_flags` and its columns `flag_name` and `enabled` are an interface: operators switch flags
off by SQL in an emergency. Triggers (migration 0002) keep the rest in step, whoever writes.
"""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from controlplane.access.models import User, Workspace, slug_form
from controlplane.catalog.models import Environment
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work.models import Item
from deployments.flags import querysets

# What stands in a URL as it is: providers put the key into the path without encoding it.
NAME = r"^[A-Za-z0-9._~-]{1,200}$"
name_form = RegexValidator(
    NAME[:-1] + r"\Z", "Letters, digits and . _ ~ - only, at most 200 of them."
)


def settings_off() -> dict[str, Any]:
    """How every flag begins: deployed everywhere, off."""
    return {"on": False, "allow": [], "deny": [], "rules": [], "variants": [], "requires": []}


def value_off() -> Any:
    return False


def value_on() -> Any:
    return True


class Flag(models.Model):
    """One switch of a workspace. `enabled` is its master: false is off, everywhere, at once."""

    class Kind(models.TextChoices):
        RELEASE = "release", "Release"
        OPS = "ops", "Operations"
        MISSION_TYPE = "mission_type", "Mission type"
        EXPERIMENT = "experiment", "Experiment"

    class ValueType(models.TextChoices):
        BOOLEAN = "boolean", "On or off"
        STRING = "string", "Text"
        INTEGER = "integer", "Whole number"
        FLOAT = "float", "Number"
        OBJECT = "object", "Object"

    class Tier(models.IntegerChoices):
        ONE = 1, "1: minor"
        TWO = 2, "2: feature"
        THREE = 3, "3: major"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="flags")
    flag_name = models.CharField(max_length=200, validators=[name_form])
    enabled = models.BooleanField(default=True)
    description = models.CharField(max_length=500, blank=True)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.RELEASE)
    value_type = models.CharField(
        max_length=8, choices=ValueType.choices, default=ValueType.BOOLEAN
    )
    off_value = models.JSONField(default=value_off, blank=True)
    on_value = models.JSONField(default=value_on, blank=True)
    owner = models.ForeignKey(
        User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    tier = models.PositiveSmallIntegerField(choices=Tier.choices, default=Tier.ONE)
    permanent = models.BooleanField(default=False)
    remove_by = models.DateField(null=True, blank=True)
    impression_data = models.BooleanField(default=False)
    # The release it belongs to: told there of each change.
    item = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.SET_NULL, related_name="flags"
    )
    # The item that asks for its removal, once it is stale.
    cleanup = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    stale_since = models.DateTimeField(null=True, blank=True, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.CharField(max_length=80, blank=True, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    changed_by = models.CharField(max_length=80, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.FlagQuerySet.as_manager()

    class Meta:
        db_table = "feature_flags"
        verbose_name = "feature flag"
        ordering = ["flag_name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "flag_name"],
                name="flag_name_unique",
                violation_error_message="There is a flag of this name already.",
            ),
            models.CheckConstraint(condition=Q(flag_name__regex=NAME), name="flag_name_form"),
            models.CheckConstraint(
                condition=Q(tier__gte=1, tier__lte=3), name="flag_tier_one_to_three"
            ),
        ]
        # The literal statement of an emergency names no workspace.
        indexes = [models.Index(fields=["flag_name"], name="flag_by_name")]

    def __str__(self) -> str:
        return self.flag_name

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None


class FlagEnvironment(models.Model):
    """What flags of one environment have in common: a revision that rises with each change that
    an SDK could see, and whether changes there are asked for first. Made with its environment."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    environment = models.OneToOneField(
        Environment, on_delete=models.CASCADE, related_name="flag_environment"
    )
    revision = models.BigIntegerField(default=1, editable=False)
    needs_approval = models.BooleanField(default=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.FlagRowQuerySet.as_manager()

    class Meta:
        verbose_name = "flag environment"
        ordering = ["environment__order", "id"]

    def __str__(self) -> str:
        return f"Flags in {self.environment}"


class FlagState(models.Model):
    """How a flag stands in one environment. `settings` is one document, replaced as a whole and
    checked by `settings_form`; `version` tells whether somebody else was first."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    flag = models.ForeignKey(Flag, on_delete=models.CASCADE, related_name="states")
    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="+")
    settings = models.JSONField(default=settings_off)
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    changed_by = models.CharField(max_length=80, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.FlagRowQuerySet.as_manager()

    class Meta:
        verbose_name = "flag state"
        ordering = ["flag_id", "environment__order", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["flag", "environment"], name="flag_state_once_an_environment"
            )
        ]
        indexes = [models.Index(fields=["environment", "flag"], name="flag_state_environment")]

    def __str__(self) -> str:
        return f"{self.flag} in {self.environment}"


class Segment(models.Model):
    """Conditions under one name, for rules of many flags: "tenants in the EU"."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    slug = models.CharField(max_length=50, validators=[slug_form])
    name = models.CharField(max_length=120)
    description = models.CharField(max_length=500, blank=True)
    constraints = models.JSONField(default=list)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    changed_by = models.CharField(max_length=80, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.FlagRowQuerySet.as_manager()

    class Meta:
        verbose_name = "segment"
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "slug"],
                name="flag_segment_slug_unique",
                violation_error_message="There is a segment of this slug already.",
            )
        ]

    def __str__(self) -> str:
        return self.name
