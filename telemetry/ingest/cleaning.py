"""Redaction of a batch, before anything is read from it: columns are cut from clean texts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from controlplane.lib import redaction
from telemetry.ingest.wire import Incoming

# Fields with few values, the same in most events: looked at once each.
_WORDS = ("service", "agent_name", "agent", "toolkit", "env", "stage", "event", "event_type")
# What differs from event to event: looked at in the batch's one scan.
_TEXTS = (
    "context",
    "message",
    "mission_id",
    "mission",
    "correlation_id",
    "request_id",
    "session_id",
    "bd_issue",
    "work_item",
)
# The marker may be longer than what it stands for, and the columns of the rollups are as wide as
# the fields: one that outgrew them would fail the pass of everybody.
_WIDTHS = {
    "service": 64,
    "agent_name": 64,
    "agent": 64,
    "toolkit": 64,
    "env": 20,
    "stage": 64,
    "event": 80,
    "event_type": 80,
    "mission_id": 64,
    "mission": 64,
    "correlation_id": 128,
    "request_id": 128,
    "session_id": 64,
    "bd_issue": 64,
    "work_item": 64,
}


def clean(items: Sequence[Incoming]) -> list[dict[str, int]]:
    """Redact every event in place. Answers how many values of which kind were replaced."""
    counts = []
    asked = [_texts(item) for item in items]
    answers = redaction.redact_fresh(asked)
    for item, before, (value, found) in zip(items, asked, answers, strict=True):
        if value is not before:
            for name, text in zip(_TEXTS, value, strict=True):
                setattr(item, name, _cut(name, text))
        if item.user_id is not None and item.user_id != "":
            item.user_id = redaction.pseudonym(item.user_id)
        _clean_words(item)
        counts.append(found)
    return counts


def _texts(item: Incoming) -> list[Any]:
    return [
        item.context,
        item.message,
        item.mission_id,
        item.mission,
        item.correlation_id,
        item.request_id,
        item.session_id,
        item.bd_issue,
        item.work_item,
    ]


def _clean_words(item: Incoming) -> None:
    said = (
        item.service,
        item.agent_name,
        item.agent,
        item.toolkit,
        item.env,
        item.stage,
        item.event,
        item.event_type,
    )
    if not _all_clean(said):
        for name, text in zip(_WORDS, said, strict=True):
            if text:
                setattr(item, name, _cut(name, clean_word(text)))


def _cut(name: str, value: Any) -> Any:
    return value[: _WIDTHS[name]] if value and name in _WIDTHS else value


@lru_cache(maxsize=8192)
def _all_clean(said: tuple[str | None, ...]) -> bool:
    return all(not text or clean_word(text) == text for text in said)


@lru_cache(maxsize=4096)
def clean_word(text: str) -> str:
    return redaction.redact_text(text)
