"""The item: fields as Beads names them, readiness kept beside them."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import ExpressionWrapper, F, Q
from django.db.models.functions import Left, Upper

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work import querysets, vocabulary
from controlplane.work.models.projects import Project

# PostgreSQL takes no text vector above one megabyte; the beginning of a long text finds it too.
_SEARCHED = 100_000


class Item(models.Model):
    """A piece of work. Its state is Beads': open words, any to any, so there is no table of
    steps; `revision` is what compare-and-set looks at."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    # Looked up by indexes that begin with them. Each index less is a tenth of what it takes to
    # let go ten thousand dependents.
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, related_name="work_items", db_index=False
    )
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="items", db_index=False
    )
    key = models.CharField(max_length=120, editable=False)  # bd-a1f, bd-a1f.2, BD-4521
    title = models.CharField(max_length=500)
    description = models.TextField(blank=True)
    design = models.TextField(blank=True)
    acceptance_criteria = models.TextField(blank=True)
    notes = models.TextField(blank=True)
    spec_id = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=50, default="open", editable=False)
    category = models.CharField(max_length=6, default="active", editable=False)
    priority = models.PositiveSmallIntegerField(
        default=vocabulary.DEFAULT_PRIORITY,
        validators=[MaxValueValidator(4)],
    )
    item_type = models.CharField(max_length=50, default="task")
    # Names as people and tools give them; the account they belong to, where there is one.
    assignee = models.CharField(max_length=200, blank=True)
    assignee_user = models.ForeignKey(
        User,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        editable=False,
        db_index=False,
    )
    owner = models.CharField(max_length=200, blank=True)
    created_by = models.CharField(max_length=200, blank=True, editable=False)
    labels = ArrayField(models.CharField(max_length=255), default=list, blank=True)
    external_ref = models.CharField(max_length=300, blank=True)
    source_system = models.CharField(max_length=100, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    # Fields of Beads' without a column here: kept as they came, given back on export.
    extra = models.JSONField(default=dict, blank=True, editable=False)
    estimated_minutes = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now, editable=False)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)
    closed_at = models.DateTimeField(null=True, blank=True, editable=False)
    due_at = models.DateTimeField(null=True, blank=True)
    defer_until = models.DateTimeField(null=True, blank=True)
    close_reason = models.TextField(blank=True, editable=False)
    closed_by_session = models.CharField(max_length=200, blank=True, editable=False)
    close_forced = models.BooleanField(default=False, editable=False)
    ephemeral = models.BooleanField(default=False)
    # What it stands for elsewhere in the portal: "deployments.deployment:12".
    subject = models.CharField(max_length=160, blank=True, editable=False)
    # By what it is located before it is made again: a release, an alert. One of the workspace's
    # unfinished items has it, which `services.ensure` sees to; sandboxes have theirs apart.
    ensure_key = models.CharField(max_length=200, blank=True, editable=False)

    # The operations backlog.
    in_backlog = models.BooleanField("operations backlog", default=False)
    stage = models.CharField(
        max_length=20, choices=list(vocabulary.STAGES.items()), blank=True, default=""
    )
    kpi = models.CharField("KPI", max_length=80, blank=True)
    readiness_artifact = models.CharField(max_length=300, blank=True)
    backlog_category = models.CharField(max_length=80, blank=True)
    impact = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    effort = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(5)]
    )
    evidence_url = models.CharField(max_length=500, blank=True)

    # Readiness, kept true by `services.graph` in the transaction of every change.
    active = models.GeneratedField(
        expression=ExpressionWrapper(
            ~Q(category="done") & ~Q(status="pinned"), output_field=models.BooleanField()
        ),
        output_field=models.BooleanField(),
        db_persist=True,
    )
    parent = models.ForeignKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="children",
        editable=False,
        db_index=False,
    )
    open_blockers = models.PositiveIntegerField(default=0, editable=False)
    blocked = models.BooleanField(default=False, editable=False)
    last_child = models.PositiveIntegerField(default=0, editable=False)
    revision = models.PositiveBigIntegerField(default=1, editable=False)
    search = models.GeneratedField(
        expression=SearchVector("title", "key", weight="A", config="english")
        + SearchVector(Left("description", _SEARCHED), weight="B", config="english")
        + SearchVector(Left("acceptance_criteria", _SEARCHED), weight="C", config="english")
        + SearchVector(
            Left("notes", _SEARCHED), Left("design", _SEARCHED), weight="D", config="english"
        ),
        output_field=SearchVectorField(),
        db_persist=True,
    )
    objects = querysets.ItemQuerySet.as_manager()

    class Meta:
        ordering = ["priority", "-created_at", "id"]
        constraints = [
            # As `iexact` asks: by upper case.
            models.UniqueConstraint("project", Upper("key"), name="work_item_key_unique"),
            models.UniqueConstraint(
                fields=["project", "ensure_key"],
                condition=~Q(ensure_key="") & ~Q(category="done"),
                name="work_item_ensured_once",
            ),
            models.UniqueConstraint(
                fields=["workspace", "subject"], condition=~Q(subject=""), name="work_subject"
            ),
            models.CheckConstraint(condition=Q(priority__lte=4), name="work_item_priority"),
            models.CheckConstraint(
                condition=Q(status="closed", closed_at__isnull=False)
                | (~Q(status="closed") & Q(closed_at=None)),
                name="work_item_closed_at",
            ),
            models.CheckConstraint(
                condition=Q(category__in=vocabulary.CATEGORIES), name="work_item_category"
            ),
            models.CheckConstraint(condition=~Q(parent=F("id")), name="work_item_not_own_parent"),
            models.CheckConstraint(
                condition=Q(in_backlog=False)
                | (~Q(stage="") & ~Q(kpi="") & ~Q(readiness_artifact="")),
                name="work_backlog_linked",
                violation_error_message=(
                    "An item of the operations backlog names its stage, the KPI it moves and the"
                    " readiness artifact it changes."
                ),
            ),
            models.CheckConstraint(
                condition=Q(impact=None) | Q(impact__range=(1, 5)), name="work_impact_one_to_five"
            ),
            models.CheckConstraint(
                condition=Q(effort=None) | Q(effort__range=(1, 5)), name="work_effort_one_to_five"
            ),
        ]
        indexes = [
            # The queues. `open` and not blocked is a small part of a grown graph.
            models.Index(
                "project",
                "priority",
                F("created_at").desc(),
                "id",
                name="work_ready",
                condition=Q(status="open", blocked=False),
            ),
            models.Index(
                "project",
                "created_at",
                "id",
                name="work_ready_oldest",
                condition=Q(status="open", blocked=False),
            ),
            models.Index(
                "workspace",
                "priority",
                F("created_at").desc(),
                "id",
                name="work_ready_workspace",
                condition=Q(status="open", blocked=False),
            ),
            # Entered at once: a list of what is to be entered later is read by every look-up, up
            # to four megabytes of it. An item has few labels.
            GinIndex(
                fields=["labels"],
                name="work_ready_labels",
                condition=Q(status="open", blocked=False),
                fastupdate=False,
            ),
            models.Index(
                "project", "priority", F("created_at").desc(), "id", name="work_project_order"
            ),
            # A column of the board: how many stand in it, and which come first.
            models.Index(
                "project",
                "status",
                "priority",
                F("created_at").desc(),
                "id",
                name="work_project_status",
            ),
            models.Index(
                "project",
                F("closed_at").desc(),
                F("id").desc(),
                name="work_project_closed",
                condition=Q(status="closed"),
            ),
            models.Index(
                "project",
                "priority",
                F("created_at").desc(),
                name="work_blocked",
                condition=Q(blocked=True),
            ),
            models.Index(fields=["workspace", "-updated_at"], name="work_recent"),
            # Most items have neither: those stay out.
            models.Index(fields=["parent"], name="work_parent", condition=Q(parent__isnull=False)),
            models.Index(
                fields=["assignee_user"],
                name="work_account",
                condition=Q(assignee_user__isnull=False),
            ),
            # Names are found however they are written.
            models.Index(
                "workspace", Upper("assignee"), name="work_assignee", condition=~Q(category="done")
            ),
            # In the queue's order: somebody may have thousands of them.
            models.Index(
                "project",
                Upper("assignee"),
                "priority",
                F("created_at").desc(),
                "id",
                name="work_ready_whose",
                condition=Q(status="open", blocked=False),
            ),
            models.Index(
                fields=["workspace", "stage"], name="work_backlog", condition=Q(in_backlog=True)
            ),
            models.Index(
                fields=["workspace", "ensure_key"],
                name="work_ensured",
                condition=~Q(ensure_key=""),
            ),
            models.Index(
                fields=["workspace", "due_at"],
                name="work_due",
                condition=Q(due_at__isnull=False) & ~Q(category="done"),
            ),
            GinIndex(fields=["labels"], name="work_labels", fastupdate=False),
            GinIndex(fields=["search"], name="work_search"),
        ]

    # What has a name here and is kept in a column of another.
    KEPT_IN: ClassVar[dict[str, str]] = {"await_type": "extra", "await_id": "extra"}

    def __str__(self) -> str:
        return f"{self.key} {self.title}"

    @property
    def await_type(self) -> str:
        """What a gate waits for: see `vocabulary.AWAITED`."""
        return self._extra_text("await_type")

    @await_type.setter
    def await_type(self, value: str) -> None:
        self._keep_extra("await_type", value)

    @property
    def await_id(self) -> str:
        return self._extra_text("await_id")

    @await_id.setter
    def await_id(self, value: str) -> None:
        self._keep_extra("await_id", value)

    def _extra_text(self, name: str) -> str:
        """An imported line may have had a number."""
        value = self.extra.get(name)
        return str(value) if isinstance(value, str | int) else ""

    def _keep_extra(self, name: str, value: str) -> None:
        kept = {key: old for key, old in self.extra.items() if key != name}
        self.extra = kept | ({name: value} if value else {})

    @property
    def is_closed(self) -> bool:
        return self.status == "closed"

    @property
    def is_operations(self) -> bool:
        """Something the playbook runs on, hence closed with a reason."""
        return (
            self.item_type in vocabulary.OPERATIONS_TYPES
            or bool(self.subject)
            or not vocabulary.OPERATIONS_LABELS.isdisjoint(self.labels)
        )

    @property
    def score(self) -> float | None:
        """What it brings for what it costs: the backlog's order."""
        if self.impact is None or self.effort is None:
            return None
        return self.impact / self.effort
