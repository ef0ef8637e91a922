"""One look around a deployment: what several gates ask of is read once."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from typing import Any

from controlplane.lib import clock
from controlplane.oncall import duty
from controlplane.work.models import CheckResult, Dependency, GithubSource, Item
from deployments.models import Deployment, Step

ON_CALL = "primary_operator"
DEPLOYED = "deployment_status"  # the kind of result in which GitHub says what became of it
# Of one commit; a repository with more says the same of each.
_MOST_RESULTS = 500


class Look:
    """`starting`: it goes at this moment, whenever it was planned for."""

    def __init__(
        self, deployment: Deployment, *, now: datetime | None = None, starting: bool = False
    ) -> None:
        self.deployment = deployment
        self.now = now or clock.now()
        self.starting = starting

    @property
    def kind(self) -> str:
        return self.deployment.kind

    @property
    def workspace_id(self) -> int:
        return self.deployment.workspace_id

    @property
    def guarded(self) -> bool:
        return self.deployment.is_guarded

    @cached_property
    def parts(self) -> list[tuple[str, str]]:
        """Kind and name of each component."""
        rows = self.deployment.parts.values_list("kind", "component__name")
        return list(rows.order_by("position"))

    def has(self, *kinds: str) -> bool:
        return any(kind in kinds for kind, _ in self.parts)

    @property
    def is_hotfix(self) -> bool:
        return self.kind == Deployment.Kind.HOTFIX

    @property
    def is_rollback(self) -> bool:
        return self.kind == Deployment.Kind.ROLLBACK

    @cached_property
    def item(self) -> Item | None:
        """The work item as it is now."""
        rows = Item.objects.defer("search").select_related("project")
        found: Item | None = rows.filter(pk=self.deployment.item_id).first()
        return found

    @cached_property
    def edges(self) -> list[Dependency]:
        if self.item is None:
            return []
        rows = Dependency.objects.filter(item=self.item).select_related("target")
        return list(rows.order_by("pk"))

    @cached_property
    def results(self) -> list[CheckResult]:
        """The newest word of each check about the commit."""
        sha = self.deployment.commit_sha
        if not sha:
            return []
        rows = CheckResult.objects.filter(workspace_id=self.workspace_id)
        rows = rows.filter(sha=sha) if len(sha) >= 40 else rows.filter(sha__startswith=sha)
        newest: dict[tuple[int, str, str], CheckResult] = {}
        for each in rows.order_by("-updated_at", "-pk")[:_MOST_RESULTS]:
            newest.setdefault((each.source_id, each.kind, each.name), each)
        return list(newest.values())

    @cached_property
    def hears_ci(self) -> bool:
        rows = GithubSource.objects.filter(workspace_id=self.workspace_id, is_active=True)
        return bool(rows.exists())

    @cached_property
    def steps(self) -> list[Step]:
        return list(self.deployment.steps.order_by("position"))

    @cached_property
    def on_duty(self) -> list[Any]:
        return duty.on_duty(ON_CALL, self.planned_at, workspace=self.workspace_id)

    @property
    def planned_at(self) -> datetime:
        """When it goes: now, or at its planned time if that is still to come."""
        planned = self.deployment.planned_at
        if self.starting or planned is None or planned <= self.now:
            return self.now
        return planned

    def url(self) -> str:
        from deployments.links import page_of

        return page_of(self.deployment)
