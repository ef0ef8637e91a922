"""What the public reads: a page of a workspace, the documents it was last written as, and who is
told by mail."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from controlplane.access.models import Workspace
from controlplane.access.models.people import known_time_zone
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from incidents import querysets


class StatusPage(models.Model):
    """What stands on it is computed from components, incidents and maintenance; people write what
    it is called and who may read it."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.OneToOneField(
        Workspace, on_delete=models.PROTECT, related_name="+", editable=False
    )
    slug = models.SlugField(max_length=40, unique=True)
    title = models.CharField(max_length=80)
    intro = models.CharField(max_length=500, blank=True)
    time_zone = models.CharField(max_length=64, default="UTC", validators=[known_time_zone])
    is_open = models.BooleanField(default=False)  # anybody may read it
    is_first = models.BooleanField(default=False)  # stands under /status/ itself
    told_until = models.DateTimeField(default=clock.now, editable=False)  # by mail
    created_by = models.CharField(max_length=80, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.StatusPageQuerySet.as_manager()

    class Meta:
        verbose_name = "status page"
        ordering = ["slug"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_first"], condition=Q(is_first=True), name="status_one_first"
            ),
        ]

    def __str__(self) -> str:
        return self.title


class StatusDocument(models.Model):
    """The page as it was last written, in every form. What is asked for is read from here, and
    from a copy of it while the database is away."""

    page = models.OneToOneField(
        StatusPage, on_delete=models.CASCADE, related_name="document", primary_key=True
    )
    digest = models.CharField(max_length=64)
    parts = models.BinaryField()  # {path: [type, text]} as JSON, packed with zlib
    changed_at = models.DateTimeField()
    written_at = models.DateTimeField()
    objects = models.Manager["StatusDocument"]()

    def __str__(self) -> str:
        return f"{self.page} at {self.changed_at:%Y-%m-%d %H:%M}"


class StatusSubscriber(models.Model):
    """Somebody outside who asked to be told by mail, and said yes a second time from there."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    page = models.ForeignKey(StatusPage, on_delete=models.CASCADE, related_name="subscribers")
    email = models.EmailField(max_length=254)
    asked_at = models.DateTimeField(default=clock.now, editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)
    objects = querysets.SubscriberQuerySet.as_manager()

    class Meta:
        verbose_name = "subscriber of a status page"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint("page", Lower("email"), name="status_subscriber_once"),
        ]

    def __str__(self) -> str:
        return self.email
