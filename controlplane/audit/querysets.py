"""Named reads of the log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q

from controlplane.audit import scope
from controlplane.audit.refs import subject_ref
from controlplane.lib.actors import Actor

if TYPE_CHECKING:
    from controlplane.audit.models import AuditEvent, AuditReview, AuditSeal  # noqa: F401


class EventQuerySet(models.QuerySet["AuditEvent"]):
    def visible_to(self, actor: Actor) -> EventQuerySet:
        """Rows of workspaces where this actor may read the log. See `access.audit_scope`."""
        if actor.sees_all:
            return self.all()
        readable = scope.readable(actor)
        return self.none() if readable is None else self.filter(readable)

    def about(self, subject: Any) -> EventQuerySet:
        """The trail of one object, newest first."""
        return self.filter(subject_ref=subject_ref(subject))

    def about_any(self, subjects: Iterable[Any]) -> EventQuerySet:
        """The trails of several objects that are one thing to the reader, newest first."""
        return self.filter(subject_ref__in=[subject_ref(subject) for subject in subjects])

    def by(self, actor: Actor | str) -> EventQuerySet:
        return self.filter(actor_ref=actor if isinstance(actor, str) else actor.ref)

    def of_request(self, request_id: str) -> EventQuerySet:
        """All that one request did, by its id. Exact, by index, over the whole log."""
        return self.filter(request_id=request_id).exclude(request_id="")

    def mentioning(self, text: str) -> EventQuerySet:
        """Free text over what people type. Callers bound the time: no index serves this."""
        return self.filter(
            Q(request_id=text)
            | Q(correlation_id=text)
            | Q(actor_label__icontains=text)
            | Q(subject_label__icontains=text)
            | Q(subject_ref__icontains=text)
            | Q(action__icontains=text)
            | Q(reason__icontains=text)
        )


class SealQuerySet(models.QuerySet["AuditSeal"]):
    def visible_to(self, actor: Actor) -> SealQuerySet:
        """Seals hold only hashes of all workspaces: whoever reads any of the log sees them."""
        if actor.sees_all or scope.readable(actor) is not None:
            return self.all()
        return self.none()


class ReviewQuerySet(models.QuerySet["AuditReview"]):
    def visible_to(self, actor: Actor) -> ReviewQuerySet:
        if actor.sees_all:
            return self.all()
        return self.filter(workspace_id__in=actor.workspace_ids)

    def open(self) -> ReviewQuerySet:
        return self.filter(signed_at=None)
