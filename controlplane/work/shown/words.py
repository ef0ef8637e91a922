"""How an item stands, in one word; and the small marks that lists and cards share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from controlplane.base.admin import addresses
from controlplane.lib import clock
from controlplane.work import vocabulary
from controlplane.work.models import CheckResult, Item

MOST_LABELS = 4
LONGEST_TITLE = 120
# What colours a node of a graph by its state; the word stands in it too.
TONES = {
    "Ready": "active",
    "In progress": "active",
    "Waiting": "warn",
    "Blocked": "warn",
    "Closed": "good",
    "Deferred": "quiet",
    "Pinned": "quiet",
}


def state_of(item: Item) -> str:
    """What one would answer when asked how it stands: its status, and what the graph adds."""
    if item.category == "done":
        return status_words(item.status)
    if item.status == "open":
        if item.blocked:
            return "Waiting"
        if item.defer_until is not None and item.defer_until > clock.now():
            return "Deferred"
        return "Ready"
    return status_words(item.status)


def status_words(status: str) -> str:
    return vocabulary.STATUS_LABELS.get(status) or status.replace("_", " ").capitalize()


def kit_tone(item: Item) -> str:
    """The tone of a state mark: five of them, other words than a graph's."""
    if item.category == "done":
        return "neutral"
    tone = TONES.get(state_of(item), "active")
    return {"active": "info", "warn": "warn"}.get(tone, "neutral")


def type_words(kind: str) -> str:
    return vocabulary.TYPES.get(kind) or kind.replace("-", " ").capitalize()


def awaited(item: Item) -> str:
    """What a gate waits for: the kind of thing, and which one."""
    kind = vocabulary.AWAITED.get(item.await_type, item.await_type)
    return ": ".join(filter(None, (kind, item.await_id))) if item.item_type == "gate" else ""


def priority_words(priority: int) -> str:
    return f"P{priority} {vocabulary.PRIORITIES[priority]}"


def priority_mark(priority: int) -> SafeString:
    """P0 as loud as the loudest severity, P4 hardly there."""
    return format_html(
        '<span class="kit-severity kit-severity-{}" title="{}">P{}</span>',
        min(priority + 1, 4),
        vocabulary.PRIORITIES[priority],
        priority,
    )


def score_words(item: Item) -> str:
    """The backlog's order, as one reads it: impact over effort."""
    if item.score is None:
        return ""
    return f"{item.impact} ÷ {item.effort} = {item.score:.1f}"


# What GitHub calls an outcome, in the words the console marks by tone.
_OUTCOMES = {"failure": "failed", "timed_out": "failed", "startup_failure": "failed",
             "action_required": "waiting"}  # fmt: skip


def check_state(check: CheckResult) -> str:
    said = check.conclusion or check.status
    return _OUTCOMES.get(said, said)


def item_url(item: Any) -> str:
    return addresses.of_row("admin:work_item_change", item.uid)


def item_button(item: Any, name: str) -> str:
    return reverse("admin:work_item_button", args=(item.uid, name))


def label_chips(labels: Sequence[str], most: int = MOST_LABELS) -> SafeString:
    """The first labels as chips; how many more there are is said."""
    chips = format_html_join(
        " ",
        '<span class="kit-chip kit-tone-neutral"><span class="kit-chip-text">{}</span></span>',
        ((label,) for label in labels[:most]),
    )
    if len(labels) > most:
        chips = format_html('{} <span class="quiet">+{}</span>', chips, len(labels) - most)
    return format_html('<span class="work-labels">{}</span>', chips)


def titled(item: Item) -> SafeString:
    """Of a title that fills a page, so much that one knows it: its own page has it whole."""
    title = Truncator(item.title).chars(LONGEST_TITLE)
    return format_html('<code class="small work-key">{}</code> {}', item.key, title)


def lookup(item: Item) -> str:
    """Key and title in a line of text."""
    return f"{item.key} {item.title}"
