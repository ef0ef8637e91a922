"""Saved views: a list with its filters, under a name, for oneself or for a workspace."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.lib.ids import uuid7


class SavedViewQuerySet(models.QuerySet[Any]):
    def visible_to(self, actor: Actor) -> Self:
        """Of the workspaces one is in: one's own, and the shared ones. What somebody kept in a
        workspace they have left stays there."""
        if actor.sees_all:
            return self
        if actor.user_id is None:
            return self.none()
        here = self.filter(workspace_id__in=actor.workspace_ids)
        return here.filter(Q(shared=True) | Q(owner_id=actor.user_id))

    def pinned(self, workspace_id: int | None) -> Self:
        """In the sidebar: one's own and the shared ones, of the workspace one stands in."""
        if workspace_id is not None:
            self = self.filter(workspace_id=workspace_id)
        return self.filter(pinned=True).order_by("page", Lower("name"))


class SavedView(models.Model):
    """`page` is a path of the console, `query` the query string that stands for the state."""

    uid = models.UUIDField(default=uuid7, unique=True, editable=False)
    workspace = models.ForeignKey("access.Workspace", on_delete=models.CASCADE, related_name="+")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views"
    )
    name = models.CharField(max_length=80)
    page = models.CharField(max_length=200)
    query = models.CharField(max_length=2000, blank=True)
    shared = models.BooleanField(default=False)
    pinned = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=clock.now)

    # What a page found out about it; never stored.
    live_count = ""
    may_change = may_share = False
    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering: ClassVar[list[str]] = ["name"]
        constraints = [
            models.UniqueConstraint(
                Lower("name"), F("page"), F("owner"), F("workspace"), name="savedview_name_once"
            ),
            models.CheckConstraint(condition=Q(page__startswith="/admin/"), name="savedview_page"),
        ]
        indexes = [models.Index(fields=["workspace", "page"], name="savedview_page_idx")]

    def __str__(self) -> str:
        return self.name

    @property
    def url(self) -> str:
        # A view of everything must say so, or the list would open with its own default.
        return f"{self.page}?{self.query or 'view=all'}"
