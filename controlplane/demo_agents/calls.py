"""One agent's calls: its key, patience while the portal is away, and words for what was refused."""

from __future__ import annotations

import json
import secrets
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from http.client import HTTPException
from typing import Any

LONGEST = 30.0  # seconds between two tries
# What the portal itself asks to say again: too much at once, or not there for a moment.
PATIENT = frozenset({429, 502, 503, 504})
TIMEOUT = 30.0


class Refused(Exception):
    """The portal said no. `code` says why; the same request would be refused again."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class KeyRefused(Refused):
    """The key itself is not taken: nothing that this agent does will be."""


class Held(Refused):
    """The portal is there: something it guards, a breaker say, lets nobody through just now."""


def backoff(tried: int, asked: float | None = None) -> float:
    """How long to wait after so many tries: 1, 2, 4, 8 … seconds, never less than was asked for."""
    return min(LONGEST, max(asked or 0.0, 2.0 ** min(tried - 1, 10)))


class Portal:
    """As one agent sees it. `pause` waits; it raises when the run ends meanwhile."""

    def __init__(
        self,
        base: str,
        key: str,
        *,
        pause: Callable[[float], None],
        say: Callable[[str], None],
        authority: str = "",
    ) -> None:
        self.base, self._key = base.rstrip("/"), key
        self._pause, self._say = pause, say
        self._tls = ssl.create_default_context(cafile=authority) if authority else None
        self.calls = 0
        self.away = 0

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        return self.call("POST", path, body if body is not None else {})

    def put(self, path: str, body: Any) -> Any:
        return self.call("PUT", path, body)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Until it is answered, however long the portal is away. Every try of one write carries
        the same key, so that it happens once."""
        head = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        data = None
        if method != "GET":
            data = json.dumps(body).encode()
            head |= {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(16)}
        address = path if path.startswith("/") else f"/api/v1/{path}"
        request = urllib.request.Request(self.base + address, data, head, method=method)  # noqa: S310
        tried = 0
        while True:
            tried += 1
            self.calls += 1
            try:
                with urllib.request.urlopen(  # noqa: S310
                    request, timeout=TIMEOUT, context=self._tls
                ) as answer:
                    return json.loads(answer.read() or b"null")
            except urllib.error.HTTPError as error:
                body = body_of(error)
                if error.code not in PATIENT or is_held(body):
                    raise refusal(error.code, body) from None
                self._wait(tried, f"it answers {error.code}", asked(error.headers))
            except (OSError, HTTPException, ValueError) as error:  # gone, or cut off halfway
                self._wait(tried, reason_of(error), None)

    def _wait(self, tried: int, why: str, after: float | None) -> None:
        self.away += 1
        seconds = backoff(tried, after)
        self._say(f"waits {seconds:.0f} s for the portal: {why}")
        self._pause(seconds)


def body_of(error: urllib.error.HTTPError) -> bytes:
    try:
        return error.read()
    except (OSError, HTTPException):
        return b""


def asked(headers: Message) -> float | None:
    """Seconds of `Retry-After`; None where it says none, or a date."""
    try:
        return float(headers.get("Retry-After") or "")
    except ValueError:
        return None


def is_held(body: bytes) -> bool:
    """Whether a gate said no, not the portal for itself: the agent does other things meanwhile."""
    try:
        return bool(json.loads(body)["error"]["details"]["gates"])
    except (ValueError, KeyError, TypeError):
        return False


def refusal(status: int, body: bytes) -> Refused:
    """In the API's words, or in none when it isn't the API that answered."""
    try:
        said = json.loads(body)["error"]
        code, message = str(said["code"]), str(said["message"])
    except (ValueError, KeyError, TypeError):
        code, message = "", body[:120].decode(errors="replace") or "no words"
    kind = KeyRefused if status == 401 else Held if status in PATIENT else Refused
    return kind(status, code, message)


def reason_of(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    return str(getattr(inner, "strerror", None) or inner or type(error).__name__)
