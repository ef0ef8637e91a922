"""Slack incoming webhook. The address is the secret: whoever has it may post."""

from __future__ import annotations

from typing import Any, ClassVar

from controlplane.lib.errors import Invalid
from controlplane.notify.channels.base import Message, Outcome, check_https, post

_MARK = {"critical": ":red_circle: ", "normal": "", "low": ""}


class Slack:
    slug: ClassVar[str] = "slack"
    target_label: ClassVar[str] = "Channel name, as people know it"
    key_label: ClassVar[str] = "Webhook address"

    def check(self, target: str, secret: str) -> None:
        if not secret:
            raise Invalid("The webhook address is missing.", details={"secret": "Required."})
        check_https("secret", secret)

    def send(self, target: str, secret: str, message: Message) -> Outcome:
        outcome, _ = post(secret, _payload(message))
        return outcome


def _escape(text: str) -> str:
    """Slack reads &, < and > as markup; a name must not become a link or a mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _payload(message: Message) -> dict[str, Any]:
    title = _MARK.get(message.urgency, "") + f"*{_escape(message.subject)}*"
    parts = [title]
    if message.body:
        parts.append(_escape(message.body[:2900]))
    if message.link:
        parts.append(f"<{message.link}|Open in the portal>")
    return {
        "text": _escape(message.subject),
        "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "\n".join(parts)}}],
    }
