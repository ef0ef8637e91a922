"""Named reads of privacy's rows. `visible_to` is the scope every door starts from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db.models import Exists, OuterRef, Q

from controlplane.access.models import Membership, Workspace
from controlplane.access.querysets import Scoped
from controlplane.lib import clock
from controlplane.lib.actors import Actor

if TYPE_CHECKING:
    from controlplane.privacy.models import (  # noqa: F401 - named as strings in the base classes
        Consent,
        DataRefresh,
        DeletionRequest,
        LegalHold,
        PrivacyPolicy,
    )


class PrivacyPolicyQuerySet(Scoped["PrivacyPolicy"]):
    def in_force(self) -> Self:
        """The newest version of each workspace."""
        newer = self.model._base_manager.filter(
            workspace=OuterRef("workspace"), version__gt=OuterRef("version")
        )
        return self.filter(~Exists(newer))

    def of_member(self, user_id: int) -> Self:
        """Those of the workspaces somebody is in."""
        here = Membership.objects.current().filter(workspace=OuterRef("workspace"), user=user_id)
        return self.filter(Exists(here))


class ConsentQuerySet(Scoped["Consent"]):
    path = "policy__workspace_id"

    def visible_to(self, actor: Actor) -> Self:
        """One's own, and those of whoever may look after people's data."""
        if actor.sees_all:
            return self
        return self.filter(
            Q(policy__workspace_id__in=actor.workspace_ids) | Q(user_id=actor.user_id)
        )


class DeletionQuerySet(Scoped["DeletionRequest"]):
    def visible_to(self, actor: Actor) -> Self:
        """Those asked where the actor is, and one's own wherever it was."""
        if actor.sees_all:
            return self
        return self.filter(Q(workspace_id__in=actor.workspace_ids) | Q(person_id=actor.user_id))

    def open(self) -> Self:
        return self.filter(status__in=("waiting", "held"))

    def ripe(self) -> Self:
        return self.filter(status="waiting", not_before__lte=clock.now())


class RefreshQuerySet(Scoped["DataRefresh"]):
    def visible_to(self, actor: Actor) -> Self:
        if actor.sees_all or actor.superuser:
            return self
        if not actor.workspace_ids:
            return self.none()
        return self.filter(Q(workspace_id__in=actor.workspace_ids) | Q(workspace=None))


class LegalHoldQuerySet(Scoped["LegalHold"]):
    def visible_to(self, actor: Actor) -> Self:
        """Of one's workspaces; those on the installation are superusers' own."""
        if actor.sees_all:
            return self
        mine = Q(workspace_id__in=actor.workspace_ids)
        return self.filter(mine | Q(workspace=None) if actor.superuser else mine)

    def standing(self) -> Self:
        return self.filter(lifted_at=None)

    def at(self, workspace: Workspace | None) -> Self:
        """On a workspace, or on the installation that it is part of."""
        return self.filter(Q(workspace=workspace) | Q(workspace=None))
