"""Reads, named. `visible_to` scopes each of them to the actor's workspaces."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.db.models import Q

from controlplane.lib.actors import Actor


class FlagRowQuerySet(models.QuerySet[Any]):
    """Rows with a `workspace` of their own."""

    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all:
            return self
        return self.filter(workspace_id__in=actor.workspace_ids)

    def of(self, workspace: Any) -> Self:
        return self.filter(workspace=workspace)


class FlagQuerySet(FlagRowQuerySet):
    def living(self) -> Self:
        """Those that are not archived."""
        return self.filter(archived_at=None)

    def archived(self) -> Self:
        return self.exclude(archived_at=None)

    def killed(self) -> Self:
        return self.living().filter(enabled=False)


class ChangeQuerySet(FlagRowQuerySet):
    def about(self, flag: Any, environment: Any = None) -> Self:
        """What happened to a flag; with an environment, what happened to it there: that includes
        what was done to the flag as a whole."""
        rows = self.filter(flag=flag)
        if environment is None:
            return rows
        return rows.filter(Q(environment=environment) | Q(environment=None))


class WaitingQuerySet(FlagRowQuerySet):
    def open(self) -> Self:
        """Those that may still come to something."""
        return self.filter(status__in=("waiting", "approved"))
