"""What CI says, through GitHub's webhooks."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Lower

from controlplane.access.models import Workspace
from controlplane.lib import clock
from controlplane.lib.ids import uuid7
from controlplane.work import querysets
from controlplane.work.models.items import Item
from controlplane.work.models.projects import Project


class GithubSource(models.Model):
    """A repository whose webhooks are believed, and the secret that proves them."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="github_sources")
    repository = models.CharField(max_length=200)  # owner/name
    secret = models.TextField(editable=False)  # sealed
    is_active = models.BooleanField(default=True, editable=False)
    last_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_refused_at = models.DateTimeField(null=True, blank=True, editable=False)
    refused = models.PositiveIntegerField(default=0, editable=False)  # signatures that were wrong
    created_at = models.DateTimeField(default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    objects = querysets.InWorkspaceQuerySet.as_manager()

    class Meta:
        verbose_name = "GitHub repository"
        verbose_name_plural = "GitHub repositories"
        constraints = [
            models.UniqueConstraint("workspace", Lower("repository"), name="work_github_unique")
        ]

    def __str__(self) -> str:
        return self.repository


class HookDelivery(models.Model):
    """One delivery, by the id its sender gave it: a repeated one does nothing."""

    source = models.ForeignKey(GithubSource, on_delete=models.CASCADE, related_name="deliveries")
    delivery = models.CharField(max_length=100)
    event = models.CharField(max_length=60)
    outcome = models.CharField(max_length=200, blank=True)
    received_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "delivery"], name="work_delivery_once")
        ]
        indexes = [models.Index(fields=["received_at"], name="work_delivery_age")]

    def __str__(self) -> str:
        return f"{self.event} {self.delivery}"


class CheckResult(models.Model):
    """The newest word of one check about one commit. Deployments' gates read these rows."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    source = models.ForeignKey(GithubSource, on_delete=models.CASCADE, related_name="results")
    kind = models.CharField(max_length=30)  # check_run, workflow_run, status, deployment_status
    outside_id = models.CharField(max_length=100)
    name = models.CharField(max_length=300)
    sha = models.CharField(max_length=64)
    branch = models.CharField(max_length=300, blank=True)
    status = models.CharField(max_length=30)  # queued, in_progress, completed
    conclusion = models.CharField(max_length=30, blank=True)  # success, failure, cancelled, …
    url = models.CharField(max_length=1000, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(default=clock.now)
    items = models.ManyToManyField(Item, related_name="check_results", blank=True)
    objects = querysets.InWorkspaceQuerySet.as_manager()
    GOOD = frozenset({"success", "neutral", "skipped"})

    class Meta:
        ordering = ["-updated_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "kind", "outside_id"], name="work_check_once")
        ]
        indexes = [models.Index(fields=["workspace", "sha"], name="work_checks_of_commit")]

    def __str__(self) -> str:
        return f"{self.name} {self.conclusion or self.status}"

    @property
    def passed(self) -> bool | None:
        """None while it runs."""
        if self.status != "completed":
            return None
        return self.conclusion in self.GOOD
