"""A project: one graph with its own prefix and words."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work import querysets

_PREFIX = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,38}[A-Za-z0-9]|[A-Za-z]")


def prefix_form(text: str) -> None:
    if not _PREFIX.fullmatch(text):
        raise ValidationError(
            "A prefix starts with a letter, holds letters, digits, dot, dash and underscore, and"
            " has at most 40 characters."
        )


class Project(models.Model):
    """One of a workspace's graphs. Edges may cross projects of one workspace."""

    class Ids(models.TextChoices):
        HASH = "hash", "Short hash (bd-a1f)"
        SEQUENCE = "sequence", "Running number (BD-4521)"

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="projects")
    name = models.CharField(max_length=80)
    prefix = models.CharField(max_length=40, default="bd", validators=[prefix_form])
    description = models.CharField(max_length=500, blank=True)
    ids = models.CharField(max_length=8, choices=Ids.choices, default=Ids.HASH)
    # The playbook's backlog: what the portal itself opens items in. One of each workspace.
    is_operations = models.BooleanField(default=False, editable=False)
    # Named by a path on somebody's machine (`bd --db PATH`). Never part of the workspace's queue.
    is_sandbox = models.BooleanField(default=False, editable=False)
    sandbox_key = models.CharField(max_length=200, blank=True, editable=False)
    custom_types = models.JSONField(default=list, blank=True)
    # status -> category
    custom_statuses = models.JSONField(default=dict, blank=True)
    # `bd config set`: kept and given back; what has a meaning here stands in columns above.
    config = models.JSONField(default=dict, blank=True)
    # Beads' own rule: an epic blocks epics only.
    epics_block_epics_only = models.BooleanField(default=True)
    # Beads' clients close with `update --status closed`, which asks no guard. It is recorded as
    # forced; a project may forbid it.
    update_may_close = models.BooleanField(default=True)
    # Ids: how long hashes are by now, and the last running number.
    hash_length = models.PositiveSmallIntegerField(default=3, editable=False)
    last_number = models.PositiveBigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["-is_operations", "name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace"],
                condition=Q(is_operations=True),
                name="work_one_operations_project",
            ),
            models.UniqueConstraint(
                "workspace",
                Lower("name"),
                condition=Q(is_sandbox=False),
                name="work_project_name_unique",
            ),
            models.UniqueConstraint(
                fields=["workspace", "sandbox_key"],
                condition=Q(is_sandbox=True),
                name="work_sandbox_unique",
            ),
            models.CheckConstraint(
                condition=Q(is_sandbox=False, sandbox_key="")
                | (Q(is_sandbox=True, is_operations=False) & ~Q(sandbox_key="")),
                name="work_sandbox_has_key",
            ),
        ]

    def __str__(self) -> str:
        return self.name
