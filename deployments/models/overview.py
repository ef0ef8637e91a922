"""What the pages over many deployments rest on: merges, links that programs fetch, launches."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controlplane.access.models import User, Workspace
from controlplane.approvals.models import Request
from controlplane.catalog.models import Environment
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from deployments import querysets


class Merge(models.Model):
    """A pull request that was merged into its repository's default branch. Staging is brought up
    to date with each of them; here is with which it was not."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    repository = models.CharField(max_length=200)
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=300)
    commit_sha = models.CharField(max_length=64)  # what the branch came to
    url = models.CharField(max_length=1000, blank=True)
    merged_at = models.DateTimeField()
    objects = querysets.EntryQuerySet.as_manager()

    class Meta:
        ordering = ["-merged_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "repository", "number"], name="deployment_merge_once"
            )
        ]
        indexes = [
            models.Index(fields=["workspace", "-merged_at"], name="deployment_merge_newest"),
            models.Index(fields=["workspace", "commit_sha"], name="deployment_merge_commit"),
        ]

    def __str__(self) -> str:
        return f"{self.repository}#{self.number}"


class Feed(models.Model):
    """A link that a program fetches without signing in: the release log, or the calendar, of a
    workspace or of one of its environments. It is its owner's, and ends with their work there."""

    class Kind(models.TextChoices):
        RELEASES = "releases", "Release log"
        CALENDAR = "calendar", "Calendar"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    environment = models.ForeignKey(
        Environment, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=clock.now, editable=False)
    read_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    objects = querysets.FeedQuerySet.as_manager()

    class Meta:
        verbose_name = "link to releases"
        verbose_name_plural = "links to releases"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "person", "kind", "environment"],
                condition=Q(revoked_at=None),
                nulls_distinct=False,
                name="deployment_feed_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.uid}"


class Launch(models.Model):
    """A go-live: what must hold before it, with evidence, and who signed that it does."""

    class Status(models.TextChoices):
        PREPARING = "preparing", "Preparing"
        SIGNING = "signing", "Waiting for signatures"
        SIGNED = "signed", "Signed off"
        CANCELLED = "cancelled", "Cancelled"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    ref = models.CharField(max_length=16, editable=False)  # LCH-2
    title = models.CharField(max_length=200)
    about = models.TextField(blank=True)
    launch_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.PREPARING, editable=False
    )
    approval = models.ForeignKey(
        Request, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    created_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    created_at = models.DateTimeField(default=clock.now, editable=False)
    signed_at = models.DateTimeField(null=True, blank=True, editable=False)
    # What came of it, as it was signed two weeks later: words, and the figures of that moment.
    review = models.JSONField(default=dict, blank=True, editable=False)
    reviewed_at = models.DateTimeField(null=True, blank=True, editable=False)
    reviewed_by = models.CharField(max_length=80, blank=True, editable=False)  # an opaque ref
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "launches"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "ref"], name="launch_ref_once"),
            models.CheckConstraint(
                condition=~Q(status="signed") | Q(signed_at__isnull=False, approval__isnull=False),
                name="launch_signed_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(reviewed_at=None, reviewed_by="", review={})
                | Q(reviewed_at__isnull=False) & ~Q(reviewed_by="") & ~Q(review={}),
                name="launch_reviewed_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ref} {self.title}"


class LaunchLine(models.Model):
    """One line of the checklist. It holds with evidence, or does not apply for a reason."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        DONE = "done", "Holds"
        NOT_APPLICABLE = "not_applicable", "Does not apply"

    launch = models.ForeignKey(Launch, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    slug = models.CharField(max_length=50)
    title = models.CharField(max_length=200)
    state = models.CharField(max_length=14, choices=State.choices, default=State.OPEN)
    note = models.CharField(max_length=500, blank=True)
    evidence = models.JSONField(default=list, blank=True)  # [{"label", "link"}]
    at = models.DateTimeField(null=True, blank=True)
    by = models.CharField(max_length=80, blank=True)  # an opaque ref
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.LaunchLineQuerySet.as_manager()

    class Meta:
        verbose_name = "line of a launch"
        ordering = ["launch", "position"]
        constraints = [
            models.UniqueConstraint(fields=["launch", "slug"], name="launch_line_once"),
            models.CheckConstraint(
                condition=~Q(state="done") | ~Q(evidence=[]), name="launch_line_shows_evidence"
            ),
            models.CheckConstraint(
                condition=~Q(state="not_applicable") | Q(note__gt=""), name="launch_line_says_why"
            ),
            models.CheckConstraint(
                condition=Q(state="open") | Q(at__isnull=False, by__gt=""),
                name="launch_line_said_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def workspace_id(self) -> int:
        return self.launch.workspace_id
