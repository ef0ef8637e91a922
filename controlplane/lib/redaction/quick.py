"""Most of what comes in is clean. Finding that out costs a tenth of walking it.

A value is a suspect when a field's name says something about what stands under it, when its shape
is out of bounds, or when some rule's hint matches one of its texts. Only suspects are walked and
copied; the answer for the others is "nothing here", and it is certain.
"""

from __future__ import annotations

from typing import Any

from controlplane.lib.redaction import keys, scan
from controlplane.lib.redaction.walk import redact_batch

MAX_DEPTH = 16
MAX_NAMES = 20_000
MAX_WORDS = 4_096
WORD = 64  # characters
_harmless: set[str] = set()
# Short texts that were looked at and are clean: routes, methods, names of events. To look takes
# longest where it isn't done over and over, for then the automatons lie in no cache.
_clean: set[str] = set()
_generation = -1


def redact_fresh(values: list[Any]) -> list[tuple[Any, dict[str, int]]]:
    """`redact_batch` for values nobody else holds: what is clean comes back as it is, uncopied.
    They are what a JSON decoder makes: dict, list, text, numbers, booleans, None."""
    suspects = _suspects(values)
    answers: list[tuple[Any, dict[str, int]]] = [(value, {}) for value in values]
    redacted = redact_batch([values[index] for index in suspects])
    for index, answer in zip(suspects, redacted, strict=True):
        answers[index] = answer
    return answers


def _suspects(values: list[Any]) -> list[int]:
    _forget_old_names()
    texts: list[str] = []
    owners: list[int] = []
    found: set[int] = set()
    for index, value in enumerate(values):
        before = len(texts)
        if not _collect(value, texts, MAX_DEPTH):
            found.add(index)
            del texts[before:]
        owners += [index] * (len(texts) - before)
    # Most of what a batch says, it says more than once: each is looked at once.
    once = [text for text in dict.fromkeys(texts) if text not in _clean]
    said = {once[place] for place in scan.hits(once)} if once else set()
    if said:
        found.update(owner for text, owner in zip(texts, owners, strict=True) if text in said)
    _remember(once, said)
    return sorted(found)


def _remember(looked: list[str], said: set[str]) -> None:
    if len(_clean) + len(looked) > MAX_WORDS:
        _clean.clear()
    if len(looked) < MAX_WORDS:
        _clean.update(text for text in looked if len(text) <= WORD and text not in said)


def _collect(value: Any, texts: list[str], depth: int) -> bool:
    """Gather the texts of a value. False: it must be walked."""
    kind = type(value)
    if kind is str:
        if value:
            texts.append(value)
        return True
    if kind is dict:
        if not (value.keys() <= _harmless or all(map(_is_harmless, value))):
            return False
        members = value.values()
    elif kind is list:
        members = value
    else:
        return kind is int or kind is float or kind is bool or value is None
    if depth == 0:
        return False
    for each in members:
        kind = type(each)
        if kind is str:
            if each:
                texts.append(each)
        elif (kind is dict or kind is list) and not _collect(each, texts, depth - 1):
            return False
    return True


def _is_harmless(name: Any) -> bool:
    """Whether a name says nothing of its value, and is itself nothing to hide."""
    if type(name) is not str:
        return False
    if name in _harmless:
        return True
    # What is kept whatever it holds is looked at here like the rest: at worst it is walked.
    if len(name) > 64 or keys.classify(name) not in {"", keys.KEEP}:
        return False
    if scan.hit(scan.encode(name)):
        return False
    if len(_harmless) < MAX_NAMES:
        _harmless.add(name)
    return True


def _forget_old_names() -> None:
    """Names that apps registered since mean something now, also within a text."""
    global _generation
    if _generation != keys.generation():
        _generation = keys.generation()
        _harmless.clear()
        _clean.clear()
