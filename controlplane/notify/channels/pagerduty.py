"""PagerDuty Events v2, outgoing. The routing key is the secret; the address can be another
service that speaks the same protocol."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from controlplane.lib import strictjson
from controlplane.lib.errors import Invalid
from controlplane.notify.channels.base import Message, Outcome, check_https, post

EVENTS_URL = "https://events.pagerduty.com/v2/enqueue"
_ACTIONS = ("acknowledge", "resolve")
_SEVERITY = {"critical": "critical", "normal": "warning", "low": "info"}


class PagerDuty:
    slug: ClassVar[str] = "pagerduty"
    target_label: ClassVar[str] = "Events address (empty: PagerDuty's own)"
    key_label: ClassVar[str] = "Routing key (32 characters)"

    def check(self, target: str, secret: str) -> None:
        if target:
            check_https("target", target)
        if len(secret) != 32 or not (secret.isascii() and secret.isalnum()):
            raise Invalid(
                "A routing key has 32 letters and digits.",
                details={"secret": "32 letters and digits."},
            )

    def send(self, target: str, secret: str, message: Message) -> Outcome:
        if message.step in _ACTIONS:
            return self._end(target, secret, message)
        event = {
            "routing_key": secret,
            "event_action": "trigger",
            "dedup_key": _key(message),
            "payload": {
                "summary": message.subject[:1024],
                "source": message.workspace,
                "severity": _SEVERITY.get(message.urgency, "warning"),
                "timestamp": message.sent_at,
                "class": message.kind,
                "custom_details": {"body": message.body, "about": message.about},
            },
            "links": [{"href": message.link, "text": "Open in the portal"}] if message.link else [],
        }
        outcome, body = post(target or EVENTS_URL, event)
        if outcome.kind != "accepted":
            return outcome
        return Outcome("accepted", outcome.detail, outcome.status, _dedup_key(body, _key(message)))

    def _end(self, target: str, secret: str, message: Message) -> Outcome:
        """The pager's own incident follows ours: what is acknowledged here calls nobody there."""
        event = {
            "routing_key": secret,
            "event_action": message.step,
            # Its own key, where it answered with one to the first message.
            "dedup_key": message.earlier or _key(message),
        }
        outcome, _ = post(target or EVENTS_URL, event)
        return replace(outcome, provider_id=event["dedup_key"])


def _key(message: Message) -> str:
    """What belongs together is one incident there."""
    return (f"{message.workspace}/{message.thread}" if message.thread else message.key)[:255]


def _dedup_key(body: bytes, sent: str) -> str:
    """The receiver may answer with its own key; a body we can't read changes nothing."""
    try:
        answer = strictjson.loads(body, max_bytes=64_000)
    except Invalid:
        return sent
    return str(answer.get("dedup_key", sent))[:200] if isinstance(answer, dict) else sent
