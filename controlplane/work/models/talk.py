"""What is said about items, what happened to them, what shows it, who follows it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work import querysets
from controlplane.work.models.items import Item


class Comment(models.Model):
    """Said once, never changed. Clients know it by its number."""

    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="comments")
    author = models.CharField(max_length=200)
    # Who really wrote it; a tool may sign with the name of whom it works for.
    actor_ref = models.CharField(max_length=80, blank=True)
    text = models.TextField()
    source = models.CharField(max_length=20, blank=True)
    # The id it came with, where it was imported.
    origin = models.CharField(max_length=80, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    objects = querysets.AboutItemQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["item", "origin"], condition=~Q(origin=""), name="work_comment_once"
            )
        ]
        indexes = [models.Index(fields=["item", "created_at"], name="work_comments_of_item")]

    def __str__(self) -> str:
        return self.text[:80]


class ItemEvent(models.Model):
    """One thing that happened to an item: who, what, old, new. Never changed."""

    # Found by the indexes below.
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="events", db_index=False)
    kind = models.CharField(max_length=40)
    actor_name = models.CharField(max_length=200, blank=True)
    actor_ref = models.CharField(max_length=80, blank=True)
    old = models.TextField(blank=True)
    new = models.TextField(blank=True)
    comment = models.TextField(blank=True)
    forced = models.BooleanField(default=False)
    source = models.CharField(max_length=20, blank=True)
    request_id = models.CharField(max_length=128, blank=True)
    at = models.DateTimeField(default=clock.now)
    objects = querysets.AboutItemQuerySet.as_manager()

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["item", "-id"], name="work_events_of_item"),
            models.Index(fields=["workspace", "-id"], name="work_activity"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.item_id}"


class ItemLink(models.Model):
    """Evidence: a link to it, or the file itself."""

    class Kind(models.TextChoices):
        EVIDENCE = "evidence", "Evidence"
        RUNBOOK = "runbook", "Runbook"
        CI = "ci", "CI run"
        DOCUMENT = "document", "Document"
        OTHER = "other", "Other"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="links")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.EVIDENCE)
    title = models.CharField(max_length=200)
    url = models.CharField(max_length=1000, blank=True)
    file = models.FileField(upload_to="work/", max_length=200, blank=True)
    size = models.PositiveBigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    media_type = models.CharField(max_length=100, blank=True)
    added_by = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    objects = querysets.AboutItemQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=(~Q(url="") & Q(file="")) | (Q(url="") & ~Q(file="")),
                name="work_link_or_file",
            )
        ]

    def __str__(self) -> str:
        return self.title


class Watching(models.Model):
    """Somebody who wants to hear of an item."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="watchers")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "user"], name="work_watching_once")]

    def __str__(self) -> str:
        return f"{self.user_id} watches {self.item_id}"
