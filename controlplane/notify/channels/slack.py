"""Slack incoming webhook. The address is the secret: whoever has it may post."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import quote

from controlplane.lib.errors import Invalid
from controlplane.notify.channels.base import Message, Outcome, check_https, post

_MARK = {"critical": ":red_circle: ", "normal": "", "low": ""}
# Slack refuses the whole message when the text of one section is longer than 3,000 characters.
_SECTION = 3000
_LINK = 2000


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


def _escape(text: str, most: int = _SECTION) -> str:
    """Slack reads &, < and > as markup; a name must not become a link or a mention. Counted as
    escaped, since that is what Slack counts, and never cut within an entity."""
    parts: list[str] = []
    room = most
    for letter in text:
        part = _ENTITIES.get(letter, letter)
        if len(part) > room - 1 and len(text) > 1:
            return "".join(parts).rstrip() + "…"
        parts.append(part)
        room -= len(part)
    return "".join(parts)


_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def _payload(message: Message) -> dict[str, Any]:
    # Bold ends at the end of a line: a title is one.
    title = _escape(" ".join(message.subject.split()), _SECTION - 100)
    sections = [_MARK.get(message.urgency, "") + f"*{title}*"]
    if message.body.strip():
        sections.append(_escape(message.body))
    link = quote(message.link, safe=_URL)
    if link and len(link) <= _LINK:
        sections.append(f"<{link}|Open in the portal>")
    return {
        "text": title,
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in sections
        ],
    }


_URL = ":/?#[]@!$&'()*+,;=%~-._"  # what may stand in a URL; `|` and `>` would end Slack's link
