"""A person's own address for messages: a chat's incoming webhook, a push service."""

from __future__ import annotations

from dataclasses import asdict
from typing import ClassVar
from urllib.parse import urlsplit

from django.conf import settings

from controlplane.lib.errors import Invalid
from controlplane.notify.channels.base import Message, Outcome, check_https, post


class Personal:
    slug: ClassVar[str] = "personal"
    target_label: ClassVar[str] = "Address"
    key_label: ClassVar[str] = ""

    def check(self, target: str, secret: str) -> None:
        check_https("target", target)
        host = urlsplit(target).hostname
        if not target.startswith("https://") and host not in settings.OUTGOING_ALLOW:
            raise Invalid(
                "What comes by it could be read on the way.", details={"target": "https only."}
            )

    def send(self, target: str, secret: str, message: Message) -> Outcome:
        """`text` is what chats show; the rest is for programs."""
        outcome, _ = post(
            target,
            {"text": plain(message), "version": 1, **asdict(message)},
            headers={"Idempotency-Key": message.key},
        )
        return outcome


def plain(message: Message) -> str:
    lines = [message.subject, message.body]
    lines += [f"{button.label}: {button.url}" for button in message.buttons]
    lines.append(message.link)
    return "\n".join(line for line in lines if line)
