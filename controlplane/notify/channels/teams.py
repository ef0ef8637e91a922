"""Microsoft Teams: an adaptive card to a workflow webhook. The address is the secret."""

from __future__ import annotations

from typing import Any, ClassVar

from controlplane.lib.errors import Invalid
from controlplane.notify.channels.base import Message, Outcome, check_https, post


class Teams:
    slug: ClassVar[str] = "teams"
    target_label: ClassVar[str] = "Channel name, as people know it"
    key_label: ClassVar[str] = "Webhook address"

    def check(self, target: str, secret: str) -> None:
        if not secret:
            raise Invalid("The webhook address is missing.", details={"secret": "Required."})
        check_https("secret", secret)

    def send(self, target: str, secret: str, message: Message) -> Outcome:
        outcome, _ = post(secret, _payload(message))
        return outcome


def _payload(message: Message) -> dict[str, Any]:
    colour = "Attention" if message.urgency == "critical" else "Default"
    body: list[dict[str, Any]] = [
        {
            "type": "TextBlock",
            "text": message.subject,
            "weight": "Bolder",
            "wrap": True,
            "color": colour,
        }
    ]
    if message.body:
        body.append({"type": "TextBlock", "text": message.body[:4000], "wrap": True})
    card: dict[str, Any] = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
    }
    if message.link:
        card["actions"] = [
            {"type": "Action.OpenUrl", "title": "Open in the portal", "url": message.link}
        ]
    return {
        "type": "message",
        "attachments": [
            {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
        ],
    }
