"""Redaction of a batch, before anything is read from it: columns are cut from clean texts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from controlplane.lib import redaction
from telemetry.ingest.wire import Incoming

# Fields with few values, the same in most events: looked at once each.
_WORDS = ("service", "agent_name", "agent", "toolkit", "env", "stage", "event", "event_type")
# Fields that differ from event to event: looked at in the batch's one scan.
_IDS = ("mission_id", "mission", "correlation_id", "request_id", "session_id")
_ITEMS = ("bd_issue", "work_item")


def clean(items: Sequence[Incoming]) -> list[dict[str, int]]:
    """Redact every event in place. Answers how many values of which kind were replaced."""
    counts = []
    values = [_unclean(item) for item in items]
    for item, (value, found) in zip(items, redaction.redact_batch(values), strict=True):
        _put_back(item, value)
        if item.user_id is not None and item.user_id != "":
            item.user_id = redaction.pseudonym(item.user_id)
        for name in _WORDS:
            text = getattr(item, name)
            if text:
                setattr(item, name, clean_word(text))
        counts.append(found)
    return counts


def _unclean(item: Incoming) -> list[Any]:
    ids = [getattr(item, name) or "" for name in _IDS]
    ids += [getattr(item, name) or "" for name in _ITEMS]
    return [item.context or {}, item.message or "", *ids]


def _put_back(item: Incoming, value: list[Any]) -> None:
    context, message, *ids = value
    item.context = context
    item.message = message
    for name, text in zip((*_IDS, *_ITEMS), ids, strict=True):
        if text:
            setattr(item, name, text)


@lru_cache(maxsize=4096)
def clean_word(text: str) -> str:
    return redaction.redact_text(text)
