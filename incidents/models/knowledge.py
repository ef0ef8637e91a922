"""What support says again and again, and the door it is asked at: canned replies, articles with
their versions, the public form, and what whoever asked thought of the answer."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from controlplane.access.models import Workspace, slug_form
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from incidents import querysets
from incidents.models.support import Ticket
from incidents.support.articles_querysets import ArticleQuerySet

LONGEST = 40_000


class SupportDoor(models.Model):
    """The public form of a workspace, and its public articles. Closed: nobody finds it."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.OneToOneField(
        Workspace, on_delete=models.PROTECT, related_name="+", editable=False
    )
    slug = models.SlugField(max_length=40, unique=True)
    title = models.CharField(max_length=80)
    intro = models.CharField(max_length=500, blank=True)
    is_open = models.BooleanField(default=False)
    made_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "support page"
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.title


class TicketRating(models.Model):
    """What whoever asked thought of how it was answered."""

    workspace = models.ForeignKey(Workspace, on_delete=models.PROTECT, related_name="+")
    ticket = models.OneToOneField(Ticket, on_delete=models.CASCADE, related_name="rating")
    stars = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    remark = models.CharField(max_length=1_000, blank=True)
    at = models.DateTimeField(default=clock.now)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "rating of a ticket"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(stars__gte=1, stars__lte=5), name="ticketrating_of_five"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stars} of 5"


class CannedReply(models.Model):
    """An answer that is given often, with places for what differs."""

    class Audience(models.TextChoices):
        REQUESTER = "requester", "Whoever asked"
        DESK = "desk", "The desk alone"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, related_name="+", editable=False
    )
    title = models.CharField(max_length=120)
    body = models.TextField(max_length=8_000)  # {name} has written …
    audience = models.CharField(max_length=9, choices=Audience.choices, default=Audience.REQUESTER)
    category = models.CharField(
        max_length=14, choices=Ticket.Category.choices, blank=True
    )  # "": every
    shortcut = models.CharField(max_length=40, validators=[slug_form])
    used = models.PositiveIntegerField(default=0, editable=False)
    used_at = models.DateTimeField(null=True, editable=False)
    is_active = models.BooleanField(default=True, editable=False)
    made_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = "canned reply"
        verbose_name_plural = "canned replies"
        ordering = ["title", "id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "shortcut"], name="cannedreply_once"),
            models.CheckConstraint(condition=~Q(body=""), name="cannedreply_says"),
        ]

    def __str__(self) -> str:
        return self.title


class Article(models.Model):
    """A question with its answer, written down once. Each saving is a version."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"
        ARCHIVED = "archived", "Archived"

    class Audience(models.TextChoices):
        INTERNAL = "internal", "People of the workspace"
        PUBLIC = "public", "Everybody"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.PROTECT, related_name="+", editable=False
    )
    slug = models.SlugField(max_length=80, editable=False)
    title = models.CharField(max_length=160)
    text = models.TextField(max_length=LONGEST)
    status = models.CharField(
        max_length=9, choices=Status.choices, default=Status.DRAFT, editable=False
    )
    audience = models.CharField(max_length=8, choices=Audience.choices, default=Audience.INTERNAL)
    category = models.CharField(
        max_length=14, choices=Ticket.Category.choices, default=Ticket.Category.QUESTION
    )
    runbooks = ArrayField(models.CharField(max_length=60), default=list, blank=True)  # slugs
    helped = models.PositiveIntegerField(default=0, editable=False)
    helped_not = models.PositiveIntegerField(default=0, editable=False)
    published_at = models.DateTimeField(null=True, editable=False)
    made_by = models.CharField(max_length=80, editable=False)  # an opaque ref
    created_at = models.DateTimeField(default=clock.now, editable=False)
    changed_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    search = models.GeneratedField(
        expression=SearchVector("title", weight="A", config="english")
        + SearchVector("text", weight="B", config="english"),
        output_field=SearchVectorField(),
        db_persist=True,
    )
    objects = ArticleQuerySet.as_manager()

    class Meta:
        ordering = ["title", "id"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "slug"], name="article_once"),
            models.CheckConstraint(
                condition=~Q(status="published") | Q(published_at__isnull=False),
                name="article_published_at_a_time",
            ),
        ]
        indexes = [GinIndex(fields=["search"], name="article_search")]

    def __str__(self) -> str:
        return self.title


class ArticleVersion(models.Model):
    """What an article said once. It stays as it is."""

    article = models.ForeignKey(Article, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=160)
    text = models.TextField(max_length=LONGEST)
    reason = models.CharField(max_length=300, blank=True)
    by = models.CharField(max_length=80)  # an opaque ref
    at = models.DateTimeField(default=clock.now)
    objects = models.Manager["ArticleVersion"]()

    class Meta:
        ordering = ["article", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["article", "number"], name="articleversion_once"),
        ]

    def __str__(self) -> str:
        return f"{self.number}. {self.title}"
