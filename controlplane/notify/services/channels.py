"""Channels: created, changed, switched and tested by people who may."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from controlplane.access import policy
from controlplane.access.models import User, Workspace
from controlplane.audit.services import record
from controlplane.lib import clock, sealed
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, Invalid
from controlplane.notify import channels, delivering, settling
from controlplane.notify.channels import GATEWAYS, KINDS, Message, Outcome
from controlplane.notify.models import SEALED_FOR, Channel, Urgency
from controlplane.notify.services import methods


@transaction.atomic
def create_channel(
    workspace: Workspace,
    *,
    actor: Actor,
    name: str,
    kind: str,
    target: str = "",
    secret: str = "",
    urgencies: list[str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Channel:
    policy.require(actor, "notify.manage_channels", workspace)
    options = _known(options)
    _check(kind, name, target, secret, urgencies, options)
    channel = Channel(
        workspace=workspace,
        name=name.strip(),
        kind=kind,
        target=target,
        secret_sealed=sealed.seal(secret, SEALED_FOR),
        urgencies=urgencies or [],
        options=options,
    )
    _save_new(channel)
    record(actor, "notify.manage_channels", channel, after=_shown(channel))
    return channel


def _save_new(channel: Channel) -> None:
    try:
        with transaction.atomic():
            channel.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(
            "A channel of this name exists already.", details={"name": "Taken."}
        ) from error


@transaction.atomic
def change_channel(
    channel: Channel,
    *,
    actor: Actor,
    version: int,
    name: str | None = None,
    target: str | None = None,
    secret: str | None = None,
    urgencies: list[str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Channel:
    """Change what is given; an empty or absent secret keeps the stored one."""
    policy.require(actor, "notify.manage_channels", channel)
    row: Channel = Channel.objects.select_for_update().get(pk=channel.pk)
    if row.version != version:
        raise Conflict("Somebody changed this channel meanwhile. Reload and look.")
    before = _shown(row)
    row.name = name.strip() if name is not None else row.name
    row.target = target if target is not None else row.target
    row.urgencies = urgencies if urgencies is not None else row.urgencies
    row.options = _known(options) if options is not None else row.options
    _check(row.kind, row.name, row.target, secret or row.secret, row.urgencies, row.options)
    if secret:
        row.secret_sealed = sealed.seal(secret, SEALED_FOR)
    row.version += 1
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise Conflict(
            "A channel of this name exists already.", details={"name": "Taken."}
        ) from error
    after = _shown(row) | ({"secret": "changed"} if secret else {})
    record(actor, "notify.manage_channels", row, before=before, after=after)
    return row


@transaction.atomic
def set_channel_active(
    channel: Channel, *, actor: Actor, active: bool, reason: str = ""
) -> Channel:
    policy.require(actor, "notify.manage_channels", channel)
    changed = Channel.objects.filter(pk=channel.pk, is_active=not active).update(
        is_active=active, version=F("version") + 1, failures_in_a_row=0
    )
    if changed:
        record(
            actor,
            "notify.manage_channels",
            channel,
            before={"is_active": not active},
            after={"is_active": active},
            reason=reason,
        )
    channel.refresh_from_db()
    return channel


def test_channel(channel: Channel, *, actor: Actor) -> Outcome:
    """Send a real message now and say what really came of it. Not queued: the person waits for
    the answer; no transaction is open while the receiver thinks."""
    policy.require(actor, "notify.manage_channels", channel)
    now = clock.now()
    message = Message(
        key=f"test:{channel.uid}:{now.timestamp():.0f}",
        subject=f"Test from the portal: {channel.name}",
        body=f"{actor.label} pressed the test button. Nothing is wrong.",
        urgency=Urgency.LOW,
        kind="channel.test",
        link="",
        workspace=channel.workspace.slug,
        about="",
        sent_at=now.isoformat(),
    )
    began = time.monotonic()
    outcome = _send_test(channel, actor, message)
    took = int((time.monotonic() - began) * 1000)
    with transaction.atomic():
        settling.note_health(channel.pk, outcome)
        record(
            actor,
            "notify.manage_channels",
            channel,
            reason="test",
            outcome="done" if outcome.kind == "accepted" else "failed",
            details={
                "result": outcome.kind,
                "detail": outcome.detail,
                "status": outcome.status,
                "duration_ms": took,
            },
        )
    return outcome


def _send_test(channel: Channel, actor: Actor, message: Message) -> Outcome:
    """A gateway is tried with a number of whoever tries it: no other has agreed to be called."""
    if channel.kind not in GATEWAYS:
        return channels.send(channel.kind, channel.target, channel.secret, message)
    person = User.objects.filter(pk=actor.user_id or 0).first()
    numbers = methods.usable(person, channel.kind) if person is not None else []
    if not numbers:
        raise Conflict("Prove a number of your own first: My account, How I am reached.")
    gateway = delivering.as_gateway(channel)
    return channels.carry(channel.kind, gateway, numbers[0].address, message)


def _known(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """What was left empty is not said."""
    return {name: value for name, value in (options or {}).items() if value not in ("", None)}


def _check(
    kind: str,
    name: str,
    target: str,
    secret: str,
    urgencies: list[str] | None,
    options: Mapping[str, Any],
) -> None:
    problems: dict[str, str] = {}
    if kind not in KINDS:
        problems["kind"] = f"One of {', '.join(KINDS)}."
    if not name.strip():
        problems["name"] = "Required."
    for field, value, limit in (
        ("name", name, 80),
        ("target", target, 300),
        ("secret", secret, 2000),
    ):
        if len(value) > limit:
            problems[field] = f"At most {limit} characters."
    unknown = set(urgencies or []) - set(Urgency.values)
    if unknown:
        problems["urgencies"] = f"Unknown: {', '.join(sorted(unknown))}."
    if problems:
        raise Invalid("The channel is not right yet.", details=problems)
    KINDS[kind].check(target, secret)
    if kind in GATEWAYS:
        GATEWAYS[kind].check_options(target, options)
    elif options:
        raise Invalid("Only gateways have these.", details=dict.fromkeys(options, "Leave empty."))


def _shown(channel: Channel) -> dict[str, Any]:
    return {
        "name": channel.name,
        "kind": channel.kind,
        "target": channel.target,
        "urgencies": channel.urgencies,
        **channel.options,
    }
