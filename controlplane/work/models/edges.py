"""Edges of the graph."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from controlplane.lib import clock
from controlplane.work import querysets, vocabulary
from controlplane.work.models.items import Item


class Dependency(models.Model):
    """`item` is the dependent, or the child; `target` the blocker, or the parent. One type for
    each pair. A target that is not here (`external:billing:api`) has only its name."""

    item = models.ForeignKey(Item, on_delete=models.CASCADE, related_name="edges_out")
    target = models.ForeignKey(
        Item, null=True, blank=True, on_delete=models.CASCADE, related_name="edges_in"
    )
    target_name = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=50, default=vocabulary.BLOCKS)
    # waits-for only: the children awaited are not done. Kept by `services.graph`.
    unmet = models.BooleanField(default=False, editable=False)
    metadata = models.TextField(default="{}", blank=True)
    thread_id = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    created_by = models.CharField(max_length=200, blank=True, editable=False)
    objects = querysets.DependencyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "dependencies"
        constraints = [
            models.UniqueConstraint(
                fields=["item", "target"],
                condition=Q(target__isnull=False),
                name="work_edge_unique",
            ),
            models.UniqueConstraint(
                fields=["item", "target_name"],
                condition=Q(target=None),
                name="work_outside_edge_unique",
            ),
            models.UniqueConstraint(
                fields=["item"], condition=Q(kind=vocabulary.PARENT), name="work_one_parent"
            ),
            models.CheckConstraint(condition=~Q(item=F("target")), name="work_edge_not_to_self"),
            models.CheckConstraint(
                condition=Q(target=None) ^ Q(target_name=""), name="work_edge_has_target"
            ),
            models.CheckConstraint(
                condition=Q(unmet=False) | Q(kind=vocabulary.WAITS), name="work_unmet_waits"
            ),
        ]
        indexes = [
            models.Index(fields=["target", "kind"], include=["item"], name="work_edges_in"),
            models.Index(fields=["item", "kind"], include=["target"], name="work_edges_out"),
        ]

    def __str__(self) -> str:
        return f"{self.item_id} {self.kind} {self.target_id or self.target_name}"
