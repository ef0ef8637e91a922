"""The kinds of channel. A new one is a module with one class and a line here."""

from __future__ import annotations

import re
from dataclasses import replace

from controlplane.lib.redaction import MARK, redact_text
from controlplane.notify.channels.base import (
    Button,
    ChannelKind,
    Gateway,
    GatewayKind,
    Message,
    Outcome,
)
from controlplane.notify.channels.email import Email
from controlplane.notify.channels.pagerduty import PagerDuty
from controlplane.notify.channels.personal import Personal
from controlplane.notify.channels.slack import Slack
from controlplane.notify.channels.sms import Sms
from controlplane.notify.channels.teams import Teams
from controlplane.notify.channels.voice import Voice
from controlplane.notify.channels.webhook import Webhook

KINDS: dict[str, ChannelKind] = {
    kind.slug: kind for kind in (Email(), Slack(), Teams(), Webhook(), PagerDuty(), Sms(), Voice())
}
GATEWAYS: dict[str, GatewayKind] = {kind.slug: kind for kind in (Sms(), Voice())}
_PERSONAL = Personal()  # no place of a workspace, so none of `KINDS`
# NUL can't be stored, the others garble a page and a log.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def send(kind: str, target: str, secret: str, message: Message) -> Outcome:
    """Send one message once. What a receiver answers is kept, shown and logged, so it is made
    storable here, and whatever it echoes of our secret is taken out."""
    sender = _PERSONAL if kind == _PERSONAL.slug else KINDS[kind]
    return _kept(sender.send(target, secret, message), secret)


def carry(kind: str, gateway: Gateway, to: str, message: Message) -> Outcome:
    """Hand one message for one number to a gateway, once."""
    return _kept(GATEWAYS[kind].carry(gateway, to, message), gateway.secret)


def _kept(outcome: Outcome, secret: str) -> Outcome:
    return replace(
        outcome,
        detail=_harmless(outcome.detail, secret),
        provider_id=_harmless(outcome.provider_id, secret),
    )


def _harmless(text: str, secret: str) -> str:
    text = _CONTROL.sub(" ", text)
    if secret:
        text = text.replace(secret, MARK)
    return redact_text(text)


__all__ = [
    "GATEWAYS",
    "KINDS",
    "Button",
    "ChannelKind",
    "Gateway",
    "GatewayKind",
    "Message",
    "Outcome",
    "carry",
    "send",
]
