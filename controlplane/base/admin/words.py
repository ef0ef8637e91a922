"""What columns, filters, facts and fields are called: words of people, not names of columns.

What a name means wherever it stands is told here once; what it means in one list only, that list's
`ModelAdmin.labels` tells. A method of an admin is called by its `description`. Anything else is
read from the column's name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.text import capfirst

COMMON: Mapping[str, str] = {
    "active": "In effect",
    "actor_kind": "Done by",
    "actor_ref": "Who, by reference",
    "at": "When",
    "attempts": "Tries",
    "claimed_at": "Taken up",
    "correlation_id": "Correlation",
    "down_after": "Down after (misses)",
    "dry_run": "Only counted",
    "ended_by": "Ended by",
    "every_s": "Look every (seconds)",
    "family": "Group",
    "finished_at": "Finished",
    "id": "Number",
    "instance": "Process",
    "is_active": "In use",
    "is_demo": "Demo",
    "is_public": "On the status page",
    "is_superuser": "Superuser",
    "jti": "Token",
    "jwks_url": "Address of its keys",
    "key_id": "Key",
    "last_error": "Last error",
    "latency_ms": "Answered in (ms)",
    "limit": "Requests",
    "max_attempts": "Tries at most",
    "not_before": "Not before",
    "ok": "Succeeded",
    "ok_at": "Last went well",
    "order": "Place in lists",
    "owner_role": "Looked after by",
    "period_s": "In (seconds)",
    "provider_id": "Number at the receiver",
    "ready_at": "Next try",
    "request_id": "Request",
    "session_hash": "Session",
    "shared": "Counted together",
    "slug": "Short name",
    "status_code": "Status code",
    "subject_ref": "About, by reference",
    "timeout_s": "Wait at most (seconds)",
    "uid": "Identifier",
    "uptime_target": "Uptime target (%)",
}
_UNITS = {"s": "seconds", "ms": "ms"}


def label_of(model_admin: Any, name: str, stock: Any) -> str:
    """The words for a column, filter, fact or field; `stock` is what Django would call it."""
    told = model_admin.labels.get(name)
    # A method's description is words already.
    if told is None and not hasattr(type(model_admin), name):
        told = COMMON.get(name)
    return told or worded(short_label(name, str(stock or name)))


def short_label(name: str, label: str) -> str:
    """A time needs no "at": "Opened" says it."""
    return label.removesuffix(" at") if name.endswith("_at") else label


def worded(label: str) -> str:
    """A column's name as words: "Every (seconds)", "JWKS URL", "Active"."""
    text = label.replace("_", " ")
    text = re.sub(r" (s|ms)$", lambda unit: f" ({_UNITS[unit[1]]})", text)
    text = re.sub(r"^(is|has) ", "", text, flags=re.IGNORECASE)
    return capfirst(
        re.sub(r"\b(url|jwks|api|id)\b", lambda word: word[0].upper(), text, flags=re.I)
    )
