"""Repositories whose webhooks are believed."""

from __future__ import annotations

import re
import secrets
from typing import NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.audit.services import record
from controlplane.lib import clock, sealed
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid
from controlplane.work.models import GithubSource, Project
from controlplane.work.services.projects import require_open

SEALED_FOR = "work-github"
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}")


class WithSecret(NamedTuple):
    """A source and its secret: shown now, and never again."""

    source: GithubSource
    secret: str


@transaction.atomic
def add_source(project: Project, *, actor: Actor, repository: str) -> WithSecret:
    """Believe a repository's webhooks from now on. Items of this project are found first."""
    policy.require(actor, "work.hooks", project)
    require_open(project)
    if project.is_sandbox:
        raise Conflict("A sandbox hears nothing from outside.")
    repository = repository.strip()
    if not _REPOSITORY.fullmatch(repository):
        called = "A repository is called owner/name."
        raise Invalid(called, details={"repository": called})
    secret = secrets.token_urlsafe(32)
    source = GithubSource(
        workspace_id=project.workspace_id,
        project=project,
        repository=repository,
        secret=sealed.seal(secret, SEALED_FOR),
    )
    try:
        with transaction.atomic():
            source.save(force_insert=True)
    except IntegrityError:
        raise Conflict(
            f"{repository} is known already.", details={"repository": "Known already."}
        ) from None
    record(actor, "work.hooks", source, after={"repository": repository, "project": project.name})
    return WithSecret(source, secret)


@transaction.atomic
def rotate_secret(source: GithubSource, *, actor: Actor, reason: str = "") -> WithSecret:
    """A new secret. The old one proves nothing from this moment."""
    policy.require(actor, "work.hooks", source)
    row = _held(source)
    secret = secrets.token_urlsafe(32)
    row.secret = sealed.seal(secret, SEALED_FOR)
    row.version += 1
    row.save(update_fields=["secret", "version"])
    record(actor, "work.hooks", row, after={"secret": "rotated"}, reason=reason)
    return WithSecret(row, secret)


@transaction.atomic
def switch_source(
    source: GithubSource, *, actor: Actor, active: bool, reason: str = ""
) -> GithubSource:
    """Believe it no more, or again. What it said stays."""
    policy.require(actor, "work.hooks", source)
    row = _held(source)
    if row.is_active == active:
        return row
    row.is_active = active
    row.version += 1
    row.save(update_fields=["is_active", "version"])
    record(
        actor,
        "work.hooks",
        row,
        before={"active": not active},
        after={"active": active},
        reason=reason,
    )
    return row


def _held(source: GithubSource) -> GithubSource:
    row: GithubSource = GithubSource.objects.select_for_update(no_key=True).get(pk=source.pk)
    return row


def secret_of(source: GithubSource) -> bytes:
    return sealed.unseal(source.secret, SEALED_FOR).encode()


def note_refused(sources: list[GithubSource]) -> None:
    """A delivery in their name that their secret did not sign."""
    GithubSource.objects.filter(pk__in=[source.pk for source in sources]).update(
        refused=F("refused") + 1, last_refused_at=clock.now()
    )
