"""What every channel is: a small class that sends one message once and says what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from controlplane.lib import http
from controlplane.lib.errors import Invalid, Unavailable

# Answers that mean "not now". Any other 4xx says the message will never be taken.
_RETRY = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Outcome:
    # "held": not tried yet, and not to be before `retry_after`; it counts as no try.
    # "suppressed": not to be sent any more, and nobody's fault.
    kind: Literal["accepted", "retry", "rejected", "held", "suppressed"]
    detail: str = ""
    status: int | None = None
    provider_id: str = ""
    retry_after: float | None = None
    recipient: bool = False  # it was refused for whom it was to, not for how we asked
    untried: bool = False  # nobody was asked: whoever carries it does not answer just now


@dataclass(frozen=True, slots=True)
class Button:
    """Something its reader can do about a message, without signing in."""

    verb: str  # "acknowledge"
    label: str
    url: str
    word: str = ""  # to send back by text message
    digit: str = ""  # to press on a telephone


@dataclass(frozen=True, slots=True)
class Message:
    """What a receiver is told. `key` is the same at every try, so that a receiver can tell a
    repeat from news."""

    key: str
    subject: str
    body: str
    urgency: str
    kind: str
    link: str
    workspace: str  # slug
    about: str
    sent_at: str  # ISO time of the notification, not of the try
    thread: str = ""  # what belongs together has the same
    step: str = "news"  # news | update | acknowledge | resolve
    earlier: str = ""  # the receiver's own id of the thread's first message
    code: str = ""  # tells one page from another in a reply
    buttons: tuple[Button, ...] = ()
    wishes: str = ""  # where its reader says what they want to be told
    # Of mails that are part of a conversation, as its programs put them together.
    message_id: str = ""
    references: tuple[str, ...] = ()  # the oldest first
    reply_to: str = ""


class ChannelKind(Protocol):
    slug: ClassVar[str]
    target_label: ClassVar[str]
    key_label: ClassVar[str]

    def check(self, target: str, secret: str) -> None:
        """Refuse a configuration that can't work, with the field's name."""

    def send(self, target: str, secret: str, message: Message) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Gateway:
    """Who carries a message to a telephone, and where it tells us of it."""

    target: str
    secret: str
    options: Mapping[str, Any]
    callback: str = ""  # what became of it
    answers: str = ""  # keys that were pressed


class GatewayKind(ChannelKind, Protocol):
    """A channel that is no place itself: each message says which number it is for."""

    def check_options(self, target: str, options: Mapping[str, Any]) -> None: ...

    def carry(self, gateway: Gateway, to: str, message: Message) -> Outcome: ...


def check_https(field: str, url: str) -> None:
    """Addresses must be ones we may call; whether they answer is what the test button shows."""
    try:
        http.check_url(url)
    except Invalid as error:
        raise Invalid(f"{field}: {error.message}", details={field: error.message}) from error


def post(
    url: str,
    payload: object,
    *,
    headers: dict[str, str] | None = None,
    sign_with: bytes | None = None,
    form: Mapping[str, str] | None = None,
    timeout: float | None = None,
) -> tuple[Outcome, bytes]:
    """POST JSON, or a form, and read the answer as an outcome."""
    try:
        response = http.request(
            "POST",
            url,
            json=payload,
            data=form,
            headers=headers,
            sign_with=sign_with,
            timeout=timeout,
        )
    except http.Refused as error:
        return Outcome("rejected", error.message), b""
    except Unavailable as error:
        return Outcome("retry", error.message), b""
    return read_status(response.status, response.headers, response.body), response.body


def read_status(status: int, headers: Mapping[str, str], body: bytes) -> Outcome:
    detail = f"HTTP {status}"
    if 200 <= status < 300:
        return Outcome("accepted", detail, status)
    excerpt = body[:200].decode("utf-8", "replace").strip()
    detail = f"{detail}: {excerpt}" if excerpt else detail
    if status in _RETRY or status >= 500:
        return Outcome("retry", detail, status, retry_after=_seconds(headers))
    return Outcome("rejected", detail, status)


def _seconds(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds; a date or nonsense counts as absent, our own back-off serves."""
    value = {name.lower(): text for name, text in headers.items()}.get("retry-after", "")
    return float(min(int(value), 3600)) if value.isascii() and value.isdigit() else None
