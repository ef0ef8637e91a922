"""Reads of alert rules, named. A shipped rule has no workspace and is seen by everybody it holds
for; one about the installation, and how it stands, by those who may see the installation."""

from __future__ import annotations

from typing import Any, Self

from django.db.models import Case, Exists, IntegerField, Max, OuterRef, Q, Subquery, Value, When

from controlplane.access import policy
from controlplane.lib.actors import Actor
from telemetry.querysets import INSTALLATION, TelemetryQuerySet

_RANK = Case(
    *(
        When(status=status, then=Value(rank))
        for rank, status in enumerate(("firing", "error", "pending", "no_data", "ok"))
    ),
    output_field=IntegerField(),
)


class WorkspaceRows(TelemetryQuerySet):
    """Rows with a workspace; without one they are about the installation."""


class RuleQuerySet(TelemetryQuerySet):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        seen = Q(workspace_id__in=actor.workspace_ids) | Q(workspace=None, scope="workspace")
        if policy.can(actor, INSTALLATION):
            seen |= Q(scope="installation")
        return self.filter(seen)

    def shipped(self) -> Self:
        return self.filter(workspace=None)

    def on(self) -> Self:
        return self.filter(is_active=True)

    def in_force(self, workspace_id: int | None) -> Self:
        """The rules that hold in a workspace, its own before shipped ones of the same slug; for
        None those about the installation."""
        if workspace_id is None:
            return self.filter(workspace=None, scope="installation")
        own = self.model._default_manager.filter(workspace_id=workspace_id, slug=OuterRef("slug"))
        shared = Q(workspace=None, scope="workspace") & ~Exists(own)
        return self.filter(Q(workspace_id=workspace_id) | shared)

    def shown_in(self, workspace_id: int) -> Self:
        """What a workspace's list shows: its rules, and the installation's."""
        own = self.model._default_manager.filter(workspace_id=workspace_id, slug=OuterRef("slug"))
        return self.filter(Q(workspace_id=workspace_id) | Q(workspace=None) & ~Exists(own))

    def with_standing(self, actor: Actor, workspace_id: int | None) -> Self:
        """With the worst state there is of it, the series that is in it, and when it fired last:
        in one workspace, or in all that this actor may see."""
        states: Any = self.model._meta.get_field("states").related_model
        seen = states.objects.visible_to(actor).filter(rule=OuterRef("pk"))
        if workspace_id is not None:
            seen = seen.filter(Q(workspace_id=workspace_id) | Q(workspace=None))
        worst = seen.annotate(rank=_RANK).order_by("rank", "-since")
        fired = seen.order_by().values("rule").annotate(last=Max("fired_at")).values("last")
        return self.annotate(
            standing=Subquery(worst.values("status")[:1]),
            standing_series=Subquery(worst.values("series")[:1]),
            standing_value=Subquery(worst.values("value")[:1]),
            standing_rank=Subquery(worst.values("rank")[:1]),
            last_fired=Subquery(fired),
        )


class RuleStateQuerySet(TelemetryQuerySet):
    def firing(self) -> Self:
        return self.filter(status="firing", rule__is_active=True)

    def told(self) -> Self:
        """Without what is kept quiet for a while."""
        return self.filter(quiet_by="")

    def kept_quiet(self) -> Self:
        return self.exclude(quiet_by="")

    def of_rule(self, rule: Any, workspace_id: int | None) -> Self:
        return self.filter(rule=rule, workspace_id=workspace_id)
