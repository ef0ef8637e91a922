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


# Teams refuses a message above 28 KB; what surrounds the text takes less than the rest.
_TEXT_BYTES = 16_000
_LINES = 60


def _run(text: str, **look: str) -> dict[str, Any]:
    """Plain text. A `TextBlock` reads Markdown: a name could become a link that isn't ours."""
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", "text": text, **look}]}


def _lines(text: str) -> list[str]:
    """Each line a block of its own, since line ends within one are swallowed."""
    cut = text.encode()[:_TEXT_BYTES].decode(errors="ignore")
    found = [line for line in cut.splitlines() if line.strip()]
    shortened = cut != text or len(found) > _LINES
    return [*found[:_LINES], "…"] if shortened else found


def _payload(message: Message) -> dict[str, Any]:
    colour = "Attention" if message.urgency == "critical" else "Default"
    body = [_run(message.subject, weight="Bolder", color=colour)]
    body += [_run(line) for line in _lines(message.body)]
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
