"""Evidence: files kept for a stage, bundles made of them, and what nobody may let go of."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from controlplane.access.models import Workspace
from controlplane.jobs.leases import Leased, dead_index, ready_index
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from missions import querysets, stages
from missions.models.missions import Mission
from missions.models.visits import StageVisit


class Artifact(models.Model):
    """A file of a stage visit. Links stand in the visit itself.

    The row comes before the file: it names what is expected (size, hash) and where it will stand,
    so that whoever finds either of them alone after a crash knows what to do. `storage_key` is
    ours and says nothing of the name somebody gave; empty, the file is gone and the hash stays.

    Not partitioned: some thirty missions a week with a dozen files each are twenty thousand rows a
    year, of which a year stays; uniqueness of a path and of a hash goes across months.
    """

    class Kind(models.TextChoices):
        FILE = "file", "File"
        GENERATED = "generated", "Written by the portal"

    class Status(models.TextChoices):
        RECEIVING = "receiving", "Receiving"
        STORED = "stored", "Stored"
        VERIFIED = "verified", "Verified"
        FAILED = "failed", "Failed"
        ARCHIVED = "archived", "Archived"
        DELETED = "deleted", "Deleted"

    class Redaction(models.TextChoices):
        """Whether it may go to outside readers."""

        NOT_REQUIRED = "not_required", "Not required"
        PENDING = "pending", "Nobody looked yet"
        APPLIED = "applied", "Redacted when it goes out"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="artifacts")
    visit = models.ForeignKey(StageVisit, on_delete=models.PROTECT, related_name="artifacts")
    stage = models.CharField(max_length=15, choices=stages.CHOICES)
    kind = models.CharField(max_length=9, choices=Kind.choices, default=Kind.FILE)
    title = models.CharField(max_length=200)
    path = models.CharField(max_length=300)  # docs/readiness/<slug>/…, as exports write it
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.RECEIVING, editable=False
    )
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(max_length=100)  # by its content, not by what was said
    storage_key = models.CharField(max_length=200, blank=True)
    failure = models.CharField(max_length=300, blank=True)
    redaction = models.CharField(
        max_length=12, choices=Redaction.choices, default=Redaction.PENDING
    )
    redaction_by = models.CharField(max_length=80, blank=True)  # an opaque ref
    redaction_reason = models.CharField(max_length=500, blank=True)
    uploaded_by = models.CharField(max_length=80)  # an opaque ref
    created_at = models.DateTimeField(default=clock.now, editable=False)
    touched_at = models.DateTimeField(default=clock.now, editable=False)  # of the last try
    stored_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)  # last read back
    archived_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = models.CharField(max_length=80, blank=True)  # an opaque ref
    delete_reason = models.CharField(max_length=500, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ArtifactQuerySet.as_manager()

    class Meta:
        ordering = ["mission", "id"]
        constraints = [
            models.UniqueConstraint(
                "mission",
                Lower("path"),
                condition=~Q(status__in=["failed", "deleted"]),
                name="artifact_path_once",
            ),
            models.UniqueConstraint(
                fields=["visit", "sha256"],
                condition=Q(status__in=["receiving", "stored", "verified"]),
                name="artifact_once_a_visit",
            ),
            models.UniqueConstraint(
                fields=["storage_key"], condition=~Q(storage_key=""), name="artifact_file_once"
            ),
            models.CheckConstraint(
                condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="artifact_has_hash"
            ),
            models.CheckConstraint(condition=Q(stage__in=stages.SLUGS), name="artifact_stage"),
            models.CheckConstraint(
                condition=Q(path__startswith="docs/readiness/")
                & ~Q(path__regex=r"(^|/)\.{1,2}(/|$)|//|\\|/$"),
                name="artifact_path_in_tree",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["archived", "deleted", "failed"]) | ~Q(storage_key=""),
                name="artifact_has_file",
            ),
            models.CheckConstraint(
                condition=~Q(status="verified") | Q(verified_at__isnull=False),
                name="artifact_verified_at",
            ),
            models.CheckConstraint(
                condition=~Q(status="failed") | Q(failure__gt=""), name="artifact_failed_says_why"
            ),
            models.CheckConstraint(
                condition=Q(status="deleted", deleted_at__isnull=False) & ~Q(deleted_by="")
                | ~Q(status="deleted") & Q(deleted_at=None),
                name="artifact_deleted_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(status="archived") | Q(archived_at__isnull=False),
                name="artifact_archived_at",
            ),
            models.CheckConstraint(
                condition=Q(redaction="pending")
                | Q(redaction="applied")
                | Q(redaction="not_required", redaction_reason__gt="") & ~Q(redaction_by=""),
                name="artifact_redaction_says_why",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace"],
                include=["size"],
                condition=~Q(storage_key=""),
                name="artifact_bytes",
            ),
            models.Index(fields=["workspace", "-id"], name="artifact_newest"),
            models.Index(
                fields=["checked_at", "id"],
                condition=Q(status__in=["stored", "verified"]),
                name="artifact_to_check",
            ),
            models.Index(
                fields=["touched_at"], condition=Q(status="receiving"), name="artifact_begun"
            ),
            models.Index(fields=["uploaded_by"], name="artifact_of_whom"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def name(self) -> str:
        """Of the file, as it is saved by whoever downloads it."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def is_there(self) -> bool:
        """Its bytes can be read."""
        return self.status in querysets.HELD and bool(self.storage_key)

    @property
    def stands(self) -> bool:
        """It counts as evidence, as the queryset's `standing` says."""
        return self.status in {self.Status.VERIFIED, self.Status.ARCHIVED}


class Bundle(Leased):
    """Everything that a mission kept as evidence, as one file, with the hash of each part.

    `status` is what people see; `state` and its lease belong to the work of making it, which a
    worker takes, loses and takes again.
    """

    class Audience(models.TextChoices):
        INTERNAL = "internal", "Everything"
        EXTERNAL = "external", "Redacted, for outside readers"

    class Status(models.TextChoices):
        BUILDING = "building", "Building"
        STORED = "stored", "Stored"
        FAILED = "failed", "Failed"
        SUPERSEDED = "superseded", "Superseded"
        ARCHIVED = "archived", "Archived"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="bundles")
    number = models.PositiveIntegerField()
    audience = models.CharField(max_length=8, choices=Audience.choices, default=Audience.INTERNAL)
    status = models.CharField(
        max_length=10, choices=Status.choices, default=Status.BUILDING, editable=False
    )
    storage_key = models.CharField(max_length=200, blank=True)
    size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)  # of the file
    manifest: Any = models.JSONField(default=dict, blank=True)
    manifest_hash = models.CharField(max_length=64, blank=True)  # of the list of hashes in it
    packaging_ms = models.PositiveIntegerField(null=True, blank=True)
    hash_ms = models.PositiveIntegerField(null=True, blank=True)
    failure = models.CharField(max_length=500, blank=True)
    asked_by = models.CharField(max_length=80)  # an opaque ref
    reason = models.CharField(max_length=500, blank=True)
    stored_at = models.DateTimeField(null=True, blank=True)
    verified_at = models.DateTimeField(null=True, blank=True)  # last read back and found whole
    superseded_at = models.DateTimeField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    # It holds what was taken away since: handed out to nobody.
    withheld_at = models.DateTimeField(null=True, blank=True, editable=False)
    withheld_why = models.CharField(max_length=300, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.BundleQuerySet.as_manager()

    class Meta:
        ordering = ["mission", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["mission", "number"], name="bundle_number_once"),
            models.UniqueConstraint(
                fields=["mission", "audience"],
                condition=Q(status="building"),
                name="bundle_made_once_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["mission", "audience"],
                condition=Q(status="stored"),
                name="bundle_one_stands",
            ),
            models.CheckConstraint(
                condition=Q(audience__in=["internal", "external"]), name="bundle_audience"
            ),
            models.CheckConstraint(
                condition=~Q(status="stored")
                | Q(stored_at__isnull=False, verified_at__isnull=False)
                & ~Q(storage_key="")
                & Q(sha256__regex=r"^[0-9a-f]{64}$", manifest_hash__regex=r"^[0-9a-f]{64}$"),
                name="bundle_stored_is_verified",
            ),
            models.CheckConstraint(
                condition=~Q(status="failed") | Q(failure__gt=""), name="bundle_failed_says_why"
            ),
            models.CheckConstraint(
                condition=Q(withheld_at=None)
                | Q(withheld_why__gt="") & ~Q(status__in=["building", "stored"]),
                name="bundle_withheld_does_not_stand",
            ),
        ]
        indexes = [
            ready_index("bundle_to_make"),
            dead_index("bundle_given_up"),
            models.Index(fields=["workspace", "-id"], name="bundle_newest"),
            models.Index(
                fields=["workspace"],
                include=["size"],
                condition=~Q(storage_key=""),
                name="bundle_bytes",
            ),
        ]

    def __str__(self) -> str:
        return f"Bundle {self.number} of {self.mission.ref}"

    @property
    def is_there(self) -> bool:
        there = bool(self.storage_key) and self.status in {"stored", "superseded"}
        return there and self.withheld_at is None

    @property
    def name(self) -> str:
        outside = "-redacted" if self.audience == self.Audience.EXTERNAL else ""
        return f"{self.mission.ref}-evidence-{self.number}{outside}.zip"


class EvidenceHold(models.Model):
    """A legal hold: while it stands, nothing of the mission's evidence is archived, deleted or
    forgotten, whoever asks."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    mission = models.ForeignKey(Mission, on_delete=models.PROTECT, related_name="legal_holds")
    reason = models.CharField(max_length=500)
    placed_by = models.CharField(max_length=80)  # an opaque ref
    placed_at = models.DateTimeField(default=clock.now)
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.CharField(max_length=80, blank=True)
    release_reason = models.CharField(max_length=500, blank=True)
    objects = querysets.HoldQuerySet.as_manager()

    class Meta:
        verbose_name = "legal hold"
        ordering = ["mission", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["mission"], condition=Q(released_at=None), name="mission_held_once"
            ),
            models.CheckConstraint(condition=Q(reason__gt=""), name="hold_says_why"),
            models.CheckConstraint(
                condition=Q(released_at=None, released_by="")
                | Q(released_at__isnull=False, release_reason__gt="") & ~Q(released_by=""),
                name="hold_released_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"Legal hold on {self.mission.ref}"

    @property
    def workspace_id(self) -> int:
        return self.mission.workspace_id

    @property
    def stands(self) -> bool:
        return self.released_at is None
