"""The kinds of channel. A new one is a module with one class and a line here."""

from __future__ import annotations

from controlplane.notify.channels.base import ChannelKind, Message, Outcome
from controlplane.notify.channels.email import Email
from controlplane.notify.channels.pagerduty import PagerDuty
from controlplane.notify.channels.slack import Slack
from controlplane.notify.channels.teams import Teams
from controlplane.notify.channels.webhook import Webhook

KINDS: dict[str, ChannelKind] = {
    kind.slug: kind for kind in (Email(), Slack(), Teams(), Webhook(), PagerDuty())
}

__all__ = ["KINDS", "ChannelKind", "Message", "Outcome"]
