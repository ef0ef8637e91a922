"""From attributes to the fields every event has."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from telemetry.catalogue import AGENT_ROLES
from telemetry.ingest.cleaning import clean_word
from telemetry.ingest.receipts import Problem
from telemetry.ingest.wire import Incoming

# Field of the event -> its length, and the attributes that may say it, the first found.
FIELDS: dict[str, tuple[int, tuple[str, ...]]] = {
    "service": (64, ("service.name",)),
    "env": (20, ("deployment.environment.name", "deployment.environment")),
    "tenant_id": (64, ("tenant.id", "tenantId")),
    "mission_id": (64, ("mission.id", "mission_id")),
    "stage": (64, ("mission.stage", "stage")),
    "bd_issue": (64, ("bd.issue", "bd_issue")),
    "correlation_id": (128, ("correlation_id", "correlation.id")),
    "request_id": (128, ("request_id", "request.id")),
    "session_id": (64, ("gen_ai.conversation.id", "session.id", "session_id")),
    "user_id": (200, ("enduser.id", "user.id", "user_id")),
    "agent_name": (64, ("agent.role", "gen_ai.agent.name", "agent.name", "agent_name")),
    "toolkit": (64, ("toolkit", "toolkit.slug", "composio.toolkit")),
}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.:/ -]+")
_TRACE, _SPAN = 32, 16


def take(context: dict[str, Any]) -> dict[str, str]:
    """The fields that the attributes name."""
    found = {}
    for field, (most, names) in FIELDS.items():
        for name in names:
            text = word(context.get(name))
            if not text:
                continue
            if "." in name and len(text) <= most:  # plain names are keys that the catalogue knows
                del context[name]
            found[field] = short(text, most)
            break
    if "agent_name" in found:
        found["agent_name"] = role_of(found["agent_name"])
    return found


def word(value: Any) -> str:
    """A text or a whole number, as text."""
    if isinstance(value, str):
        return value.strip()
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def short(text: str, most: int) -> str:
    """Redacted before it is cut: half an address is still somebody's, and no longer found."""
    return text if len(text) <= most else clean_word(text[:2_000])[:most].rstrip()


def role_of(name: str) -> str:
    """`PlannerAgent`, `planner-agent` and `Planner` are the planner."""
    plain = re.sub(r"[^a-z]", "", name.lower()).removesuffix("agent")
    return plain if plain in AGENT_ROLES else name


def event_name(text: str) -> str:
    """As the catalogue spells names. What it can't hold becomes an underscore, after redaction: an
    address whose @ went is found by nobody."""
    return _NOT_IN_NAMES.sub("_", clean_word(text[:2_000])[:80]).strip()


def moment(nanos: int) -> datetime | None:
    """None: it is not said."""
    return _EPOCH + timedelta(microseconds=nanos // 1_000) if nanos > 0 else None


def trace_ids(record: dict[str, Any]) -> dict[str, str]:
    """The ids that are valid. An invalid one on a log counts as absent."""
    found = {}
    for name, size in (("trace_id", _TRACE), ("span_id", _SPAN), ("parent_span_id", _SPAN)):
        text = record.get(name, "")
        if len(text) == size and text.strip("0"):
            found[name] = text
    return found


def incoming(name: str, context: dict[str, Any], fields: dict[str, Any]) -> Incoming:
    return Incoming(event=name, context=context, **{**take(context), **fields})


def bad(name: str, reason: str) -> Problem:
    return Problem("BAD_VALUE", reason, name)
