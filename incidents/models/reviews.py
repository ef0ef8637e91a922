"""What was learned of an incident: its review, and what is to be done after it."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Left

from controlplane.access.models import Workspace
from controlplane.approvals.models import Request
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work.models import Item
from incidents import querysets
from incidents.models.records import Incident
from telemetry.models import HealthSnapshot

WHYS = 5
_SEARCHED = 20_000  # characters; more would not fit into one word list


def _long() -> models.TextField[str, str]:
    return models.TextField(max_length=16_000, blank=True)


class IncidentReview(models.Model):
    """One for each incident that is looked back on. Its root cause stands with the incident."""

    class Status(models.TextChoices):
        WRITING = "writing", "Being written"
        PUBLISHED = "published", "Published"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    incident = models.OneToOneField(
        Incident, on_delete=models.PROTECT, related_name="review", editable=False
    )
    # What comes of it stands below this item.
    item = models.OneToOneField(Item, on_delete=models.PROTECT, related_name="+", editable=False)
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.WRITING, editable=False
    )
    meeting_at = models.DateTimeField(null=True, blank=True)
    attendees = ArrayField(models.CharField(max_length=160), default=list, blank=True)
    impact = _long()
    timeline = models.TextField(max_length=60_000, blank=True)
    trigger = _long()
    factors = _long()
    gaps = _long()  # why it was not found sooner
    whys = models.JSONField(default=list, blank=True)  # [{"why": …, "answer": …}]
    went_well = _long()
    to_improve = _long()
    lessons = _long()  # what others shall know: sent to the channels when it is published
    documents = _long()  # what was changed in runbooks and documentation, or why nothing
    no_actions = models.CharField(max_length=500, blank=True)  # why nothing is to be done
    documents_item = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    tree = models.TextField(blank=True, editable=False)  # of its item's dependencies, as it was
    tree_at = models.DateTimeField(null=True, editable=False)
    snapshot = models.ForeignKey(
        HealthSnapshot, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    approval = models.ForeignKey(
        Request, null=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    is_public = models.BooleanField(default=False)  # its public edition may leave the house
    shared_at = models.DateTimeField(null=True, editable=False)
    first_published_at = models.DateTimeField(null=True, editable=False)
    published_at = models.DateTimeField(null=True, editable=False)
    published_by = models.CharField(max_length=80, blank=True, editable=False)
    created_by = models.CharField(max_length=80, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    search = models.GeneratedField(
        expression=SearchVector(
            Left("trigger", _SEARCHED), Left("factors", _SEARCHED), weight="A", config="english"
        )
        + SearchVector(
            *(
                Left(KeyTextTransform(part, KeyTransform(place, "whys")), 2_000)
                for place in range(WHYS)
                for part in ("why", "answer")
            ),
            weight="B",
            config="english",
        )
        + SearchVector(
            *(
                Left(name, _SEARCHED)
                for name in ("impact", "gaps", "went_well", "to_improve", "lessons", "documents")
            ),
            weight="C",
            config="english",
        ),
        output_field=SearchVectorField(),
        db_persist=True,
    )
    objects = querysets.ReviewQuerySet.as_manager()

    class Meta:
        verbose_name = "incident review"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status="writing", published_at=None)
                | Q(status="published", published_at__isnull=False),
                name="incident_review_published_since",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-id"], name="incident_review_workspace"),
            GinIndex(fields=["search"], name="incident_review_search"),
        ]

    def __str__(self) -> str:
        return f"Review of {self.incident}"

    def is_after(self, moment: datetime | None) -> bool:
        """It was published since: an incident that was opened again is looked back on anew."""
        published = self.published_at or self.first_published_at
        return published is not None and (moment is None or published >= moment)


class ReviewAction(models.Model):
    """What is to be done, by whom, by when. How far it is stands on its work item."""

    class Kind(models.TextChoices):
        PREVENTION = "prevention", "Prevention"
        MONITORING = "monitoring", "Monitoring"
        RUNBOOK = "runbook", "Runbook"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    review = models.ForeignKey(IncidentReview, on_delete=models.PROTECT, related_name="actions")
    item = models.OneToOneField(Item, on_delete=models.PROTECT, related_name="+", editable=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    title = models.CharField(max_length=200)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    due_on = models.DateField(null=True, blank=True)
    runbook = models.CharField(max_length=60, blank=True)  # which is to be changed
    created_by = models.CharField(max_length=80, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    dropped_at = models.DateTimeField(null=True, editable=False)
    objects = querysets.ReviewActionQuerySet.as_manager()

    class Meta:
        ordering = ["review", "id"]
        constraints = [
            models.UniqueConstraint(
                F("review"), F("kind"), F("title"),
                condition=Q(dropped_at=None),
                name="review_action_once",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.title
