from __future__ import annotations

from typing import Self, TypeVar

from django.db import models

from controlplane.access import policy
from controlplane.lib.actors import Actor

M = TypeVar("M", bound=models.Model)


class InstallationQuerySet(models.QuerySet[M]):
    """Rows of the whole installation: whoever may see jobs sees them all, others none."""

    def visible_to(self, actor: Actor) -> Self:
        return self if policy.can(actor, "job.view") else self.none()
