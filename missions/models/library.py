"""The library: what was made in one mission and helps others."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Left, Lower

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from missions import querysets_learning as querysets
from missions.models.missions import Mission
from missions.models.plays import Play

_SEARCHED = 100_000


class Asset(models.Model):
    """One thing that can be used again: what it is called and where it stands. What it says is its
    versions, of which the published ones never change."""

    class Category(models.TextChoices):
        PLAYBOOK = "playbook", "Playbook"
        PROMPT = "prompt", "Prompt"
        TEMPLATE = "template", "Template"
        CHECKLIST = "checklist", "Checklist"
        SAFEGUARD = "safeguard", "Safeguard"
        REPORT = "report", "Report"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"
        RETIRED = "retired", "Retired"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    title = models.CharField(max_length=200)
    summary = models.CharField(max_length=1_000, blank=True)
    category = models.CharField(max_length=9, choices=Category.choices, default=Category.PLAYBOOK)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.DRAFT, editable=False
    )
    source_mission = models.ForeignKey(
        Mission, null=True, blank=True, on_delete=models.PROTECT, related_name="assets"
    )
    number = models.PositiveIntegerField(default=0, editable=False)  # of what is published
    # What search looks through beside title and summary: the tags, and what is published.
    tag_text = models.CharField(max_length=900, blank=True, editable=False)
    text = models.TextField(blank=True, editable=False)
    reason = models.CharField(max_length=500, blank=True, editable=False)  # why it is retired
    created_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    created_at = models.DateTimeField(default=clock.now, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)  # first
    version = models.PositiveIntegerField(default=1, editable=False)
    search = models.GeneratedField(
        expression=SearchVector("title", weight="A", config="english")
        + SearchVector("summary", "tag_text", weight="B", config="english")
        + SearchVector(Left("text", _SEARCHED), weight="D", config="english"),
        output_field=SearchVectorField(),
        db_persist=True,
    )
    objects = querysets.AssetQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                "workspace",
                Lower("title"),
                name="asset_title_once",
                violation_error_message="There is an asset of this title already.",
            ),
            models.CheckConstraint(condition=~Q(title__regex=r"^\s*$"), name="asset_has_title"),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "published", "retired"]),
                name="asset_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(status="published") | Q(number__gte=1, published_at__isnull=False),
                name="asset_published_has_version",
            ),
            models.CheckConstraint(
                condition=~Q(status="retired") | Q(reason__gt=""), name="asset_retired_says_why"
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "status", "-id"], name="assets_newest"),
            GinIndex(fields=["tags"], name="asset_tags"),
            GinIndex(fields=["search"], name="asset_search"),
        ]

    def __str__(self) -> str:
        return self.title


class AssetVersion(models.Model):
    """What an asset says. The draft is written until it is published; then it stays."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    body = models.TextField(blank=True)
    playbook: Any = models.JSONField(default=dict, blank=True)  # the same for programs
    note = models.CharField(max_length=500, blank=True)  # what is new
    sha256 = models.CharField(max_length=64, blank=True, editable=False)
    authors = ArrayField(models.CharField(max_length=80), default=list, blank=True)  # opaque refs
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    published_at = models.DateTimeField(null=True, blank=True, editable=False)
    published_by = models.CharField(max_length=80, blank=True, editable=False)
    objects = querysets.AssetVersionQuerySet.as_manager()

    class Meta:
        verbose_name = "asset version"
        ordering = ["asset", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["asset", "number"], name="asset_version_once"),
            models.UniqueConstraint(
                fields=["asset"], condition=Q(published_at=None), name="asset_has_one_draft"
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="asset_version_from_one"),
            models.CheckConstraint(
                condition=Q(published_at=None, published_by="", sha256="")
                | Q(published_at__isnull=False, published_by__gt="", sha256__gt="", body__gt=""),
                name="asset_version_published_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.asset.title}, version {self.number}"

    @property
    def workspace_id(self) -> int:
        return self.asset.workspace_id


class AssetUse(models.Model):
    """A mission was planned from a version of an asset."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    asset = models.ForeignKey(Asset, on_delete=models.PROTECT, related_name="uses")
    used = models.ForeignKey(AssetVersion, on_delete=models.PROTECT, related_name="uses")
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="asset_uses")
    play = models.ForeignKey(
        Play, null=True, blank=True, on_delete=models.PROTECT, related_name="asset_uses"
    )
    note = models.CharField(max_length=500, blank=True)
    by = models.CharField(max_length=80, editable=False)  # an opaque ref
    at = models.DateTimeField(default=clock.now, editable=False)
    objects = querysets.AssetPartQuerySet.as_manager()

    class Meta:
        verbose_name = "asset use"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["asset", "mission"], name="asset_used_once_a_mission"),
        ]
        indexes = [models.Index(fields=["mission", "asset"], name="assets_of_mission")]

    def __str__(self) -> str:
        return f"{self.used} in {self.mission.ref}"

    @property
    def workspace_id(self) -> int:
        return self.asset.workspace_id
