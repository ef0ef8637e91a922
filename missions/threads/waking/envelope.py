"""What a runtime is told: which thread, which messages, and what whoever asked adds.

What others wrote in the thread is no part of it; it is read from there. Of the rest no character
controls a terminal, and it begins with a mark of ours, so that no runtime takes it for a command
or an option.
"""

from __future__ import annotations

import re
import unicodedata

from missions.threads import numbers
from missions.threads.models import WakeTrigger

_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"}
_TOKEN = re.compile(r"[^A-Za-z0-9._:-]")


def plain(text: str) -> str:
    """Printable characters, line breaks and spaces: nothing that moves a cursor, turns the
    direction of writing or can't be seen."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    return "".join(c for c in text if c == "\n" or unicodedata.category(c) not in _HIDDEN)


def token(text: object) -> str:
    return _TOKEN.sub("_", str(text))[:80]


def write(row: WakeTrigger, *, summary: str = "") -> str:
    """The words that a runtime gets."""
    head = (
        f"[wake {token(row.uid)} thread={token(row.thread.uid)} ref={token(row.thread.ref)}"
        f" unread={row.from_seq}-{row.to_seq} reason={token(row.reason)}]"
    )
    parts = [head, _task(row)]
    if summary:
        parts.append(f"So far: {cut(plain(summary), numbers.PROMPT_MAX.value // 4)}")
    if row.prompt:
        parts.append(cut(plain(row.prompt), numbers.PROMPT_MAX.value))
    return "\n".join([*parts, f"[end of wake {token(row.uid)}]"])


def _task(row: WakeTrigger) -> str:
    return (
        f"You are {token(row.participant.role)} in an agents' thread. Read its messages after"
        f" {max(0, row.from_seq - 1)}, act on them, answer in the thread, and acknowledge what you"
        " read."
    )


def cut(text: str, most: int) -> str:
    """Its beginning, in bytes; half of a character is left out."""
    data = text.encode()
    return text if len(data) <= most else data[:most].decode("utf-8", "ignore")


def one_line(text: str) -> str:
    """For a pane, where each line break would send what was typed so far."""
    return re.sub(r"\s*\n\s*", " | ", text.strip())
