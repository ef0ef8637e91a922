"""Text messages through a gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from controlplane.lib.errors import Invalid
from controlplane.notify.channels import gateways
from controlplane.notify.channels.base import Gateway, Message, Outcome

# Six parts of a long message: more is refused by some networks and read by nobody.
MOST = 900


class Sms:
    slug: ClassVar[str] = "sms"
    target_label: ClassVar[str] = "Gateway's address (empty: Twilio's own)"
    key_label: ClassVar[str] = "Auth token, or signing secret"

    def check(self, target: str, secret: str) -> None:
        gateways.check(target, secret)

    def check_options(self, target: str, options: Mapping[str, Any]) -> None:
        gateways.check_options(target, options)

    def send(self, target: str, secret: str, message: Message) -> Outcome:
        raise Invalid("A gateway carries messages to a number and is no place itself.")

    def carry(self, gateway: Gateway, to: str, message: Message) -> Outcome:
        text = compose(message)
        sender = str(gateway.options.get("sender", ""))
        form = {"To": to, "Body": text}
        form["MessagingServiceSid" if sender.startswith("MG") else "From"] = sender
        if gateway.callback:
            form["StatusCallback"] = gateway.callback
        body = {
            "version": 1,
            "type": "sms",
            "id": message.key,
            "to": to,
            "from": sender,
            "text": text,
            "urgency": message.urgency,
            "callback": gateway.callback,
        }
        return gateways.ask(gateway, "Messages.json", form, body)


def compose(message: Message) -> str:
    """Short, and what one must not miss first: links and what to reply are never cut off."""
    mark = "CRITICAL " if message.urgency == "critical" else ""
    title = f"{mark}{' '.join(message.subject.split())}"
    ends = []
    words = [button for button in message.buttons if button.word]
    if words:
        said = ", ".join(
            f"{message.code} {button.word.upper()} to {button.label.lower()}" for button in words
        )
        ends.append(f"Reply {said}.")
    if message.buttons:
        ends.append(f"Or: {message.buttons[0].url}")
    elif message.link:
        ends.append(message.link)
    end = "\n".join(ends)
    room = max(60, MOST - len(end) - 1)
    body = " ".join(message.body.split())
    text = f"{title}\n{body}" if body else title
    text = text if len(text) <= room else text[: room - 1].rstrip() + "…"
    return f"{text}\n{end}" if end else text
