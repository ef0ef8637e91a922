"""Any service: a JSON body, signed with HMAC-SHA256 over time stamp and body."""

from __future__ import annotations

from dataclasses import asdict
from typing import ClassVar

from controlplane.lib.errors import Invalid
from controlplane.notify.channels.base import Message, Outcome, check_https, post


class Webhook:
    slug: ClassVar[str] = "webhook"
    target_label: ClassVar[str] = "Address"
    key_label: ClassVar[str] = "Signing secret (16 characters or more)"

    def check(self, target: str, secret: str) -> None:
        check_https("target", target)
        if len(secret) < 16:
            raise Invalid(
                "The signing secret is too short.", details={"secret": "16 characters or more."}
            )

    def send(self, target: str, secret: str, message: Message) -> Outcome:
        outcome, _ = post(
            target,
            {"version": 1, **asdict(message)},
            headers={"Idempotency-Key": message.key},
            sign_with=secret.encode(),
        )
        return outcome
