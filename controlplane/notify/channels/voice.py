"""Phone calls through a gateway: the message is read out, and a key that is pressed answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from xml.sax.saxutils import escape, quoteattr

from controlplane.lib.errors import Invalid
from controlplane.notify.channels import gateways
from controlplane.notify.channels.base import Button, Gateway, Message, Outcome

# Twilio takes 4,000 characters of TwiML; the text stands in it twice.
_SAY = 600


class Voice:
    slug: ClassVar[str] = "voice"
    target_label: ClassVar[str] = "Gateway's address (empty: Twilio's own)"
    key_label: ClassVar[str] = "Auth token, or signing secret"

    def check(self, target: str, secret: str) -> None:
        gateways.check(target, secret)

    def check_options(self, target: str, options: Mapping[str, Any]) -> None:
        gateways.check_options(target, options)

    def send(self, target: str, secret: str, message: Message) -> Outcome:
        raise Invalid("A gateway carries messages to a number and is no place itself.")

    def carry(self, gateway: Gateway, to: str, message: Message) -> Outcome:
        said, keys = spoken(message), [button for button in message.buttons if button.digit]
        sender = str(gateway.options.get("sender", ""))
        form = {"To": to, "From": sender, "Twiml": twiml(said, keys, gateway.answers)}
        if gateway.callback:
            form["StatusCallback"] = gateway.callback
        body = {
            "version": 1,
            "type": "voice",
            "id": message.key,
            "to": to,
            "from": sender,
            "say": said,
            "keys": [{"digit": key.digit, "means": key.verb} for key in keys],
            "answers": gateway.answers,
            "urgency": message.urgency,
            "callback": gateway.callback,
        }
        return gateways.ask(gateway, "Calls.json", form, body)


def spoken(message: Message) -> str:
    """What is read out: no addresses, nobody can follow them by ear."""
    mark = "Critical alert. " if message.urgency == "critical" else ""
    body = " ".join(word for word in message.body.split() if "://" not in word)
    text = f"{mark}{' '.join(message.subject.split())}. {body}".strip()
    return text if len(text) <= _SAY else text[: _SAY - 1].rstrip() + "…"


def pressed(keys: list[Button]) -> str:
    return " ".join(f"Press {key.digit} to {key.label.lower()}." for key in keys)


def twiml(said: str, keys: list[Button], answers: str) -> str:
    say = f"<Say>{escape(_speakable(said))}</Say>"
    if not keys or not answers:
        return f'<Response>{say}<Pause length="1"/>{say}</Response>'
    ask = f"<Say>{escape(_speakable(pressed(keys)))}</Say>"
    gather = (
        f'<Gather numDigits="1" timeout="8" method="POST" action={quoteattr(answers)}>'
        f"{say}{ask}{ask}</Gather>"
    )
    return f"<Response>{gather}<Say>Nothing was pressed. Goodbye.</Say></Response>"


def reply(text: str) -> str:
    """What is said after a key."""
    return f"<Response><Say>{escape(_speakable(text))}</Say></Response>"


def _speakable(text: str) -> str:
    """XML has no room for control characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()
