"""Slack: an incoming webhook, whose address is the secret, or a bot's token, which can keep what
belongs together in one thread and mark the first message of it as acknowledged or resolved."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar, Literal
from urllib.parse import quote

from controlplane.lib import strictjson
from controlplane.lib.errors import Invalid
from controlplane.notify.channels.base import Message, Outcome, check_https, post

_MARK = {"critical": ":red_circle: ", "normal": "", "low": ""}
# Slack refuses the whole message when the text of one section is longer than 3,000 characters.
_SECTION = 3000
_LINK = 2000
API_URL = "https://slack.com/api"
_ENDS = ("acknowledge", "resolve")
_LATER = frozenset(
    ["ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable"]
)


class Slack:
    slug: ClassVar[str] = "slack"
    target_label: ClassVar[str] = "Channel name, as people know it"
    key_label: ClassVar[str] = "Webhook address, or a bot's token"

    def check(self, target: str, secret: str) -> None:
        if is_token(secret):
            if not target.strip():
                raise Invalid("Which channel?", details={"target": "A bot needs the channel."})
            return
        if not secret:
            raise Invalid("The webhook address is missing.", details={"secret": "Required."})
        check_https("secret", secret)

    def send(self, target: str, secret: str, message: Message) -> Outcome:
        if is_token(secret):
            return _by_token(target, secret, message)
        outcome, _ = post(secret, _payload(message))
        return outcome


def is_token(secret: str) -> bool:
    return secret.startswith(("xoxb-", "xoxp-"))


def _by_token(target: str, token: str, message: Message) -> Outcome:
    """The thread's first message answers with its time, which is its name from then on."""
    place, _, started = message.earlier.partition(":")
    payload: dict[str, Any] = {"channel": place or target.removeprefix("#"), **_payload(message)}
    if started:
        # What ends it is seen by those who read the channel and not the thread.
        payload |= {"thread_ts": started, "reply_broadcast": message.step in _ENDS}
    outcome, said = _call("chat.postMessage", token, payload)
    if outcome.kind == "accepted":
        name = f"{said.get('channel', target)}:{said.get('ts', '')}"
        outcome = replace(outcome, provider_id=name)
    return outcome


def _call(method: str, token: str, payload: dict[str, Any]) -> tuple[Outcome, dict[str, Any]]:
    """Slack answers 200 to refusals too; what it says then stands in `error`."""
    outcome, body = post(
        f"{API_URL}/{method}", payload, headers={"Authorization": f"Bearer {token}"}
    )
    said = _object(body)
    if outcome.kind != "accepted" or said.get("ok") is True:
        return outcome, said
    error = str(said.get("error", "no reason given"))[:100]
    kind: Literal["retry", "rejected"] = "retry" if error in _LATER else "rejected"
    return Outcome(kind, f"Slack: {error}", outcome.status), said


def _object(body: bytes) -> dict[str, Any]:
    try:
        said = strictjson.loads(body, max_bytes=256_000)
    except Invalid:
        return {}
    return said if isinstance(said, dict) else {}


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
