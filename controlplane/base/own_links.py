"""Documents that people's programs fetch without signing in: calendars, feeds.

A row says whose link it is and what it opens; its address is its uid with a mark that only we can
make. The link is the key, so it opens nothing any more once it is revoked or its person left the
workspace, and every link that opens nothing gets the same answer.

Models have `uid`, `workspace`, `person`, `read_at`, `revoked_at` and a queryset with `in_force`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, TypeVar

from django.db import IntegrityError, models, transaction
from django.db.models import Q

from controlplane.access import policy
from controlplane.access.models import Grant, Workspace
from controlplane.audit.services import record
from controlplane.lib import clock, marked
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid, NotFound

READ_AGAIN = timedelta(hours=1)
M = TypeVar("M", bound=models.Model)


@transaction.atomic
def subscribe(
    model: type[M],
    workspace: Workspace,
    *,
    actor: Actor,
    action: str,
    said: Mapping[str, Any],
    **about: Any,
) -> M:
    """One's own link to this. Asked again, the one that is there."""
    policy.require(actor, action, workspace)
    if actor.user_id is None:
        raise Invalid("A link belongs to a person.")
    rows: Any = model._default_manager
    wanted: dict[str, Any] = {"workspace": workspace, "person_id": actor.user_id, **about}
    found: M | None = rows.in_force().filter(**wanted).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            made: M = rows.create(**wanted)
    except IntegrityError as error:
        raise Conflict("It was made just now. Look again.") from error
    record(actor, action, made, after=said)
    return made


@transaction.atomic
def revoke(row: M, *, actor: Actor, action: str, manage: str, reason: str = "") -> M:
    """It opens nothing from now on. One's own, or anybody's by who may `manage`."""
    mine = getattr(row, "person_id", None) == actor.user_id
    policy.require(actor, action if mine else manage, row)
    rows: Any = type(row)._default_manager
    if rows.in_force().filter(pk=row.pk).update(revoked_at=clock.now()):
        was, now = {"is_active": True}, {"is_active": False}
        record(actor, action, row, before=was, after=now, reason=reason)
    row.refresh_from_db()
    return row


def token_of(row: Any, purpose: str) -> str:
    return marked.token_of(purpose, row.uid)


def by_token(model: type[M], purpose: str, token: str, *related: str) -> M:
    """The row a link leads to, while it is in force and its person still works there."""
    uid = marked.uid_of(purpose, token)
    rows: Any = model._default_manager
    found = None
    if uid is not None:
        rows = rows.in_force().select_related("workspace", "person", *related)
        found = rows.filter(uid=uid).first()
    if found is None or not _works(found):
        raise NotFound("There is nothing here.")
    return found  # type: ignore[no-any-return]


def note_read(row: models.Model) -> None:
    """When a program last came by, to within the hour: a reader every minute writes no row."""
    now = clock.now()
    old = Q(read_at=None) | Q(read_at__lt=now - READ_AGAIN)
    type(row)._default_manager.filter(old, pk=row.pk).update(read_at=now)


def _works(row: Any) -> bool:
    held = Grant.objects.held().of_active_people()
    return held.filter(
        membership__workspace_id=row.workspace_id, membership__user_id=row.person_id
    ).exists()
