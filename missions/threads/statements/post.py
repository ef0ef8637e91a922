"""Posting: who may, whether it was said before, the pace, the number, the guards, the message, the
audit, and a wake for each who sleeps, in one statement.

The steps are a function of the database (`threads_post`): it goes only as far as a message needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

# Events that begin or continue a finding, that settle it, and that are progress.
OPENS = ("finding_reported", "finding_rejected")
SETTLES = ("finding_verified",)
PROGRESS = ("fix_pushed", "finding_verified", "thread_resolved")

POST = "SELECT * FROM threads_post(%(v)s::jsonb)"


def document(values: Mapping[str, Any]) -> dict[str, str]:
    """What the function reads: all values as one document. Identifiers become texts."""
    return {"v": json.dumps(values, ensure_ascii=False, default=UUID.__str__)}


class Answer(NamedTuple):
    thread: int | None
    workspace: int | None
    ours: bool | None
    status: str | None
    takes_part: bool
    addressed: int
    said_uid: UUID | None
    said_seq: int | None
    said_hash: bytes | None
    said_at: Any
    posted_uid: UUID | None
    seq: int | None
    created_at: Any
    now: str | None
    tripped: bool | None
    blocked_by: str | None
    last_seq: int | None
    paced: bool
    woken: int
    noted: int
