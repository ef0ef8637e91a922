"""A person's own ways to be reached: added, proven, put in order and removed by that person."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import F, Max

from controlplane.access import policy
from controlplane.access.models import User, Workspace
from controlplane.audit.services import record
from controlplane.lib import clock, defaults, sealed
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid, NotFound, RateLimited
from controlplane.notify import numbers, outbox
from controlplane.notify.channels.personal import Personal
from controlplane.notify.models import SEALED_METHOD, ContactMethod
from controlplane.notify.services.wishes import own

ACTION = "notify.set_methods"
CODE_FOR = "contact-method-code"
Kind = ContactMethod.Kind

MOST = defaults.define(
    "notify.methods_per_person", 10, unit="ways", why="Nobody carries more telephones than that."
)
CODE_MINUTES = defaults.define(
    "notify.code_minutes", 10, unit="minutes", why="A code lives while somebody waits for it."
)
CODE_TRIES = defaults.define(
    "notify.code_tries", 5, unit="tries", why="Six digits are not found in five guesses."
)
CODES_A_DAY = defaults.define(
    "notify.codes_a_day",
    5,
    unit="codes",
    why="For one way: codes cost money, and could be sent to somebody who never asked.",
)


def of(user: User) -> list[ContactMethod]:
    """Every way to reach this person, in their order. The account's own address is among them."""
    _account_mail(user)
    rows = ContactMethod.objects.filter(user=user).active().select_related("user")
    return list(rows.order_by("position", "pk"))


def usable(user: User, kind: str = "") -> list[ContactMethod]:
    """Those that were proven, in the person's order."""
    return [way for way in of(user) if way.is_verified and kind in ("", way.kind)]


def _account_mail(user: User) -> None:
    """The address of the account is a row like the others, made when it is first asked for."""
    if not ContactMethod.objects.filter(user=user, is_account=True).exists():
        ContactMethod.objects.bulk_create(
            [ContactMethod(user=user, kind=Kind.EMAIL, is_account=True, label="Account")],
            ignore_conflicts=True,
        )


@transaction.atomic
def add_method(
    user: User, *, actor: Actor, kind: str, target: str, label: str = ""
) -> ContactMethod:
    """A new way, with a code on its way there. It is used once the code came back."""
    own(actor, user)
    # One at a time for a person, or two requests would both be the last that is allowed.
    User.objects.select_for_update().get(pk=user.pk)
    present = of(user)
    if len(present) >= MOST.value:
        raise Conflict(f"You have {MOST.value} ways already. Remove one first.")
    shown, secret = _checked(kind, target.strip())
    last = ContactMethod.objects.filter(user=user).aggregate(last=Max("position"))["last"] or 0
    method = ContactMethod(
        user=user,
        kind=kind,
        target=shown,
        secret_sealed=sealed.seal(secret, SEALED_METHOD),
        label=_label(label),
        position=last + 1,
    )
    try:
        with transaction.atomic():
            method.save(force_insert=True)
    except IntegrityError as error:
        taken = {"target": "You have added it already."}
        raise Conflict("This way is among yours already.", details=taken) from error
    record(actor, ACTION, method, after=_shown(method))
    _send_code(method)
    return method


def _label(label: str) -> str:
    text = " ".join(label.split())
    if len(text) > 60:
        raise Invalid("The name is too long.", details={"label": "At most 60 characters."})
    return text


def _checked(kind: str, target: str) -> tuple[str, str]:
    """(what may stand in the clear, what may not)."""
    if kind not in Kind.values:
        raise Invalid("No such kind.", details={"kind": f"One of {', '.join(Kind.values)}."})
    if kind in (Kind.SMS, Kind.VOICE):
        return numbers.dialled(target), ""
    if kind == Kind.EMAIL:
        try:
            validate_email(target)
        except ValidationError as error:
            wrong = {"target": "Not an e-mail address."}
            raise Invalid("Not an e-mail address.", details=wrong) from error
        return target.lower(), ""
    Personal().check(target, "")
    mark = hashlib.sha256(target.encode()).hexdigest()[:6]
    return f"{urlsplit(target).hostname} #{mark}", target


@transaction.atomic
def send_code(method: ContactMethod, *, actor: Actor) -> ContactMethod:
    """Another code: the last one was lost, or has run out."""
    own(actor, method.user)
    row = _locked(method)
    if row.is_verified:
        raise Conflict("This way is proven already.")
    _send_code(row)
    record(actor, ACTION, row, reason="code sent")
    return row


def _send_code(row: ContactMethod) -> None:
    now = clock.now()
    if row.code_sent_at is not None and row.code_sent_at < now - timedelta(days=1):
        row.codes_sent = 0
    if row.codes_sent >= CODES_A_DAY.value:
        raise RateLimited(f"{CODES_A_DAY.value} codes went there already. Try again tomorrow.")
    row.code_sealed = sealed.seal(f"{secrets.randbelow(1_000_000):06d}", CODE_FOR)
    row.code_expires_at = now + timedelta(minutes=CODE_MINUTES.value)
    row.code_sent_at = now
    row.code_tries = 0
    row.codes_sent += 1
    row.version += 1
    row.save()
    outbox.enqueue(
        "notify.code",
        {"method": row.pk, "version": row.version},
        key=f"code:{row.uid}:{row.version}",
        subject=f"notify.contactmethod:{row.pk}",
    )


def code_of(method: ContactMethod) -> str:
    """What was sent, for whoever sends it."""
    return sealed.unseal(method.code_sealed, CODE_FOR)


def confirm_method(method: ContactMethod, *, actor: Actor, code: str) -> ContactMethod:
    """The code came back: the way is its owner's. A wrong one counts, whatever comes of it."""
    own(actor, method.user)
    if not _count_try(method):
        raise Conflict("That code has run out. Ask for another one.")
    with transaction.atomic():
        row = _locked(method)
        if row.is_verified:
            return row
        sent = code_of(row)
        given = "".join(code.split())
        if not sent or not hmac.compare_digest(sent.encode(), given.encode("utf-8", "replace")):
            raise Invalid("That is not the code.", details={"code": "Not the code we sent."})
        row.verified_at = clock.now()
        row.code_sealed, row.code_expires_at = "", None
        row.version += 1
        try:
            with transaction.atomic():
                row.save()
        except IntegrityError as error:
            raise Conflict("This number answers for another account already.") from error
        record(actor, ACTION, row, after={"verified": True})
        return row


def _count_try(method: ContactMethod) -> bool:
    """In a transaction of its own: the refusal that follows must not take the count back."""
    return bool(
        ContactMethod.objects.filter(
            pk=method.pk,
            is_active=True,
            code_expires_at__gt=clock.now(),
            code_tries__lt=CODE_TRIES.value,
        ).update(code_tries=F("code_tries") + 1)
    )


@transaction.atomic
def remove_method(
    method: ContactMethod,
    *,
    actor: Actor,
    reason: str = "",
    workspace: Workspace | None = None,
) -> ContactMethod:
    """By its owner; or by who may where that person works, given that workspace: a telephone
    that was lost, a number that belongs to somebody else now."""
    if actor.user_id != method.user_id and workspace is not None:
        policy.require(actor, "notify.remove_methods", workspace)
        if not method.user.memberships.filter(workspace=workspace, left_at=None).exists():
            raise NotFound("Nothing is here, or it is not yours to see.")
    else:
        own(actor, method.user)
    row = _locked(method)
    if row.is_account:
        raise Conflict("The account's own address stays. Change it with the account.")
    row.is_active = False
    # Nothing is sent there any more, so nothing that could be posted to is kept.
    row.secret_sealed = row.code_sealed = ""
    row.version += 1
    row.save()
    was, now = {"is_active": True}, {"is_active": False}
    record(actor, ACTION, row, before=was, after=now, reason=reason)
    return row


@transaction.atomic
def order_methods(user: User, *, actor: Actor, order: Sequence[UUID]) -> list[ContactMethod]:
    """Which way comes first. Those that are not named follow, as they stood."""
    own(actor, user)
    User.objects.select_for_update().get(pk=user.pk)
    present = {way.uid: way for way in of(user)}
    if len(set(order)) != len(order) or not set(order) <= set(present):
        raise Invalid("These are not your ways.", details={"order": "Each of yours once."})
    before = [str(way) for way in present.values()]
    sorted_ways = [present[uid] for uid in order]
    sorted_ways += [way for uid, way in present.items() if uid not in set(order)]
    for position, way in enumerate(sorted_ways):
        if way.position != position:
            way.position = position
            ContactMethod.objects.filter(pk=way.pk).update(position=position)
    after = [str(way) for way in sorted_ways]
    if before != after:
        record(actor, ACTION, user, before={"order": before}, after={"order": after})
    return sorted_ways


def forget(user_id: int) -> int:
    """A person's numbers and addresses go. The rows stay, empty, since deliveries name them."""
    rows = ContactMethod.objects.filter(user_id=user_id, is_account=False)
    emptied = 0
    for row in rows:
        # Of several ways of one kind each still needs a name of its own.
        row.target, row.label = f"erased {row.pk}", ""
        row.secret_sealed = row.code_sealed = row.last_error = ""
        row.is_active, row.verified_at = False, None
        row.save()
        emptied += 1
    return emptied


def _locked(method: ContactMethod) -> ContactMethod:
    rows = ContactMethod.objects.select_for_update(of=("self",)).select_related("user")
    row: ContactMethod | None = rows.filter(pk=method.pk, is_active=True).first()
    if row is None:
        raise Conflict("This way was removed.")
    return row


def _shown(method: ContactMethod) -> dict[str, Any]:
    """Never the number itself: the log is read by others, and kept longer."""
    return {"kind": method.kind, "target": method.masked, "label": method.label}
