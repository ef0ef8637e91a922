"""A message as its sender gives it: one form, or a refusal with the field named.

Bodies are data: kept as they were sent, never run, never copied into a log. What PostgreSQL can't
keep (NUL, half of a character) is refused, as is what is too long.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from controlplane.access.tokens import IDENTITY
from controlplane.base.api.deprecation import Deprecation
from controlplane.lib import canonical
from controlplane.lib.errors import Invalid, TooLarge
from controlplane.lib.given import line, refuse
from controlplane.lib.redaction import redact
from missions.threads import filtering, numbers
from missions.threads.errors import UnsupportedVersion
from missions.threads.statements.post import OPENS, PROGRESS, SETTLES

SUPPORTED = (1,)
# Versions that will go away, with since and until when: answers to their payloads say so.
RETIRING: dict[int, Deprecation] = {}
KINDS = ("chat", "event", "system")
EVENTS = (
    "finding_reported", "fix_pushed", "re_review_requested", "finding_verified",
    "finding_rejected", "thread_escalated", "thread_resolved",
)  # fmt: skip
# What a payload says of itself. Fields beyond these come from newer senders: they are kept in the
# metadata, where whoever knows them finds them.
KNOWN = frozenset(
    {
        *("schema_version", "kind", "event_type", "body", "metadata", "in_reply_to", "to"),
        *("idempotency_key", "sender_session_id", "sender_agent_id", *IDENTITY),
        *("thread_id", "wait"),
    }
)
EXTRA = "extra_fields"
_EVENT = re.compile(r"[a-z][a-z0-9_.:-]{0,59}")
# What begins with a dash is an option to a program that is given it as an argument.
ROLE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, slots=True)
class Draft:
    body: str
    kind: str = "chat"
    event: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    schema_version: int = 1
    in_reply_to: int | None = None
    to: str = "all"
    to_role: str = ""
    to_agents: tuple[UUID, ...] = ()
    key: str | None = None
    session: str = ""

    def hash(self) -> bytes:
        """Of what was said: the same key with another hash is another message."""
        said = [
            self.schema_version, self.kind, self.event, self.body, dict(self.metadata),
            self.in_reply_to, self.to, self.to_role, sorted(map(str, self.to_agents)),
        ]  # fmt: skip
        return hashlib.sha256(canonical.encode(said)).digest()

    def filtered(self) -> Draft:
        """With secrets and personal data blanked out, where the portal is set to do so."""
        return replace(
            self, body=filtering.blanked(self.body), metadata=redact(dict(self.metadata))
        )

    @property
    def finding(self) -> str:
        """The name of the finding it speaks of: the sender's own, or made of its words."""
        given = self.metadata.get("finding_id") or self.metadata.get("finding")
        if isinstance(given, str) and given.strip():
            return given.strip()[:100]
        words = " ".join(re.findall(r"\w+", self.body.lower()))
        return "text:" + hashlib.sha256(words.encode()).hexdigest()[:24]

    @property
    def opens(self) -> str | None:
        return self.finding if self.event in OPENS else None

    @property
    def settles(self) -> str | None:
        return self.finding if self.event in SETTLES else None

    @property
    def is_progress(self) -> bool:
        return self.event in PROGRESS


def read(given: Mapping[str, Any]) -> Draft:
    """The draft of a payload. Fields it doesn't know are kept as they came: newer senders add
    some."""
    version = require_version(given)
    kind = given.get("kind", "chat")
    if kind not in KINDS:
        raise refuse("kind", f"One of {', '.join(KINDS)}.")
    to, role, agents = _addressed(given.get("to"))
    return Draft(
        body=_body(given.get("body")),
        kind=kind,
        event=_event(kind, given),
        metadata=_metadata(_with_extra(given)),
        schema_version=version,
        in_reply_to=_reply(given.get("in_reply_to")),
        to=to,
        to_role=role,
        to_agents=agents,
        key=_key(given.get("idempotency_key")),
        session=line("sender_session_id", given.get("sender_session_id") or "", 128),
    )


def require_version(given: Mapping[str, Any]) -> int:
    """The version of a payload, where this portal knows it. Left out, it is the first."""
    version = given.get("schema_version", 1)
    if isinstance(version, bool) or not isinstance(version, int):
        raise refuse("schema_version", "A number.")
    if version not in SUPPORTED:
        raise UnsupportedVersion(
            f"schema_version: {version} is not known here.",
            details={"schema_version": version, "supported": list(SUPPORTED)},
        )
    return version


def _body(value: Any) -> str:
    if not isinstance(value, str):
        raise refuse("body", "A text.")
    if not value.strip():
        raise refuse("body", "Missing.")
    if "\0" in value:
        raise refuse("body", "Holds a NUL character.")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise refuse("body", "Holds half of a character (a lone surrogate).") from None
    if size > numbers.BODY_MAX.value:
        raise TooLarge(
            "body: longer than a message may be.",
            details={"body": f"At most {numbers.BODY_MAX.value:,} bytes."},
        )
    return value


def _with_extra(given: Mapping[str, Any]) -> Any:
    metadata = given.get("metadata")
    extra = {name: value for name, value in given.items() if name not in KNOWN}
    if not extra or not isinstance(metadata, Mapping | None):
        return metadata
    return {**(metadata or {}), EXTRA: extra}


def _metadata(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise refuse("metadata", "An object.")
    try:
        size = len(canonical.encode(dict(value)))
    except (ValueError, UnicodeEncodeError, TypeError, RecursionError):
        raise refuse("metadata", "Holds what JSON can't say.") from None
    if size > numbers.METADATA_MAX.value:
        raise TooLarge(
            "metadata: larger than it may be.",
            details={"metadata": f"At most {numbers.METADATA_MAX.value:,} bytes."},
        )
    if b"\\u0000" in canonical.encode(dict(value)):
        raise refuse("metadata", "Holds a NUL character.")
    return dict(value)


def _event(kind: str, given: Mapping[str, Any]) -> str:
    value = given.get("event_type")
    if value is None and isinstance(given.get("metadata"), Mapping):
        value = given["metadata"].get("event_type")  # where version 1 had it
    if kind != "event":
        if given.get("event_type") is not None:
            raise refuse("event_type", "Only of messages of kind event.")
        return ""
    if not isinstance(value, str) or not _EVENT.fullmatch(value):
        raise refuse("event_type", "Lower case letters, digits and . _ : -; up to 60.")
    return value


def _reply(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value < 2**62:
        raise refuse("in_reply_to", "The number of a message of this thread.")
    return value


def _key(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise refuse("idempotency_key", "Up to 200 visible ASCII characters.")
    return value


def _addressed(value: Any) -> tuple[str, str, tuple[UUID, ...]]:
    """`"all"`, `{"role": "reviewer"}` or `{"agents": [id, …]}`."""
    if value is None or value == "all":
        return "all", "", ()
    if isinstance(value, Mapping) and set(value) == {"role"}:
        role = value["role"]
        if not isinstance(role, str) or not ROLE.fullmatch(role):
            raise refuse("to", "A role is a slug, such as reviewer.")
        return "role", role, ()
    if isinstance(value, Mapping) and set(value) == {"agents"}:
        return "agents", "", _agents(value["agents"])
    raise refuse("to", '"all", {"role": …} or {"agents": [ids]}.')


def _agents(value: Any) -> tuple[UUID, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise refuse("to", "agents is a list of ids.")
    if len(value) > numbers.PARTICIPANTS_MAX.value:
        raise refuse("to", f"At most {numbers.PARTICIPANTS_MAX.value} agents.")
    try:
        return tuple(sorted({UUID(str(each)) for each in value}))
    except ValueError:
        raise Invalid("to: not an id.", details={"to": "Ids of agents."}) from None
