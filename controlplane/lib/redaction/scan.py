"""One text or a batch of them: where is something, what is it, and the text without it."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from functools import lru_cache
from itertools import accumulate
from typing import Any

from controlplane.lib.redaction import engine, keys
from controlplane.lib.redaction.common import Found
from controlplane.lib.redaction.rules import RULES

MARK = "***redacted***"
CAP = 16 * 1024  # bytes of UTF-8
TRUNCATED = "…[truncated]"
_MARK = MARK.encode()
_TRUNCATED = TRUNCATED.encode()
_LOOK_AHEAD = 4 * 1024  # what begins before the cap is recognised whole
_MASKED_MARK = b"\x00" * len(_MARK)
_JOINT = b"\n\n"
_JOINT_TEXT = "\n\n"
PASSES = 3


# Those that count long runs of letters. Together in one automaton they multiply: on text that is
# chance, such as ids, it meets a state it never saw at nearly each letter, a hundred times slower.
_APART = ("shaped", "vendor", "pair")


@lru_cache(maxsize=2)
def _anything(generation: int) -> tuple[Any, ...]:
    """Every rule's hint, in as few automatons as stay small."""
    apart = [rule.hint() for rule in RULES if rule.name in _APART]
    others = b"|".join(b"(?:" + rule.hint() + b")" for rule in RULES if rule.name not in _APART)
    return tuple(engine.compiled(pattern) for pattern in (others, *apart))


def hit(text: bytes) -> bool:
    """May some rule find something here? False is certain."""
    return any(pattern.search(text) is not None for pattern in _anything(keys.generation()))


# In what stands under the name of an id, digits are no phone and no card.
_NO_ID = frozenset({"email", "jwt", "secret", "url_credentials"})


def hidden_in(identifier: str) -> str:
    """The kind of what stands where an id should, or "": an address, a token, a password."""
    found = find_all(encode(identifier))
    return next((kind for _, _, kind, _ in found if kind in _NO_ID), "")


def encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def redact_bytes(text: bytes) -> tuple[bytes, Counter[str]]:
    """The exact pass over one text."""
    window = text[: CAP + _LOOK_AHEAD] if len(text) > CAP else text
    found = find_all(window)
    counts: Counter[str] = Counter()
    pieces: list[bytes] = []
    position = 0
    edge = _character_edge(window, CAP) if len(window) > CAP else len(window)
    for start, end, kind, replacement in found:
        if start >= edge:
            break
        pieces += (window[position:start], replacement or _MARK)
        counts[kind] += 1
        position = end
    pieces.append(window[position : max(edge, position)])
    result = b"".join(pieces)
    if len(text) > CAP or len(result) > CAP:
        result = _cut(result)
    return result, counts


def _cut(text: bytes) -> bytes:
    """At most the cap, with the sign that something is missing. Only scanned text gets here."""
    text = text.removesuffix(_TRUNCATED)
    edge = _character_edge(text, min(len(text), CAP - len(_TRUNCATED)))
    return text[:edge] + _TRUNCATED


def _character_edge(text: bytes, position: int) -> int:
    while 0 < position < len(text) and text[position] & 0xC0 == 0x80:
        position -= 1
    return position


def find_all(text: bytes) -> list[Found]:
    """Spans in order, none touching another. Every rule sees what earlier rules left; they run
    again until nothing new turns up, so that redacting twice changes nothing."""
    masked = text.replace(_MARK, _MASKED_MARK)
    found: list[Found] = []
    for _ in range(PASSES):
        fresh: list[Found] = []
        for rule in RULES:
            spans = [_whole_characters(text, span) for span in rule.find(masked)]
            if spans:
                fresh += spans
                masked = _mask(masked, spans)
        if not fresh:
            break
        found += fresh
    return _merged(sorted(found))


def _whole_characters(text: bytes, span: Found) -> Found:
    start, end, kind, replacement = span
    while end < len(text) and text[end] & 0xC0 == 0x80:
        end += 1
    return _character_edge(text, start), end, kind, replacement


def _mask(text: bytes, spans: list[Found]) -> bytes:
    pieces: list[bytes] = []
    position = 0
    for start, end, _, _ in spans:
        pieces += (text[position:start], b"\x00" * (end - max(start, position)))
        position = end
    pieces.append(text[position:])
    return b"".join(pieces)


def _merged(found: list[Found]) -> list[Found]:
    """Spans that overlap or touch become one: two markers in a row tell where the seam was."""
    merged: list[Found] = []
    for start, end, kind, replacement in found:
        touches = merged and start == merged[-1][1] and replacement is merged[-1][3] is None
        if touches or (merged and start < merged[-1][1]):
            first = merged[-1]
            merged[-1] = (first[0], max(first[1], end), first[2], None)
        else:
            merged.append((start, end, kind, replacement))
    return merged


def redact_many(texts: list[str]) -> list[tuple[str, Counter[str]] | None]:
    """For each text its redacted form and counts, or None where nothing is to be done.

    All texts are joined and scanned once; only those that hit are looked at again.
    """
    encoded = [encode(text) for text in texts]
    results: list[tuple[str, Counter[str]] | None] = [None] * len(texts)
    for index in _hits(encoded):
        result, counts = redact_bytes(encoded[index])
        if counts or len(encoded[index]) > CAP:
            results[index] = (result.decode("utf-8", "surrogatepass"), counts)
    return results


def hits(texts: list[str]) -> list[int]:
    """The places of those that some rule may find something in."""
    if max(map(len, texts), default=0) > CAP // 4:  # a character has four bytes at most
        return _hits([encode(text) for text in texts])
    # The usual case, without looking at each.
    blob = encode(_JOINT_TEXT.join(texts))
    starts = _begun(blob)
    if not starts:
        return []
    lengths: list[int] = list(map(len, texts))
    if sum(lengths) + len(_JOINT) * (len(texts) - 1) != len(blob):  # not all of it ASCII
        lengths = [len(encode(text)) for text in texts]
    return sorted(_owners(blob, lengths, starts))


def _hits(encoded: list[bytes]) -> list[int]:
    long = {index for index, text in enumerate(encoded) if len(text) > CAP}
    blob = _JOINT.join(b"" if index in long else text for index, text in enumerate(encoded))
    lengths = [0 if index in long else len(text) for index, text in enumerate(encoded)]
    return sorted(long | _owners(blob, lengths, _begun(blob)))


def _begun(blob: bytes) -> list[tuple[Any, Any]]:
    """The first find of each automaton that finds anything."""
    looked = ((pattern, pattern.search(blob)) for pattern in _anything(keys.generation()))
    return [(pattern, match) for pattern, match in looked if match is not None]


def _owners(blob: bytes, lengths: list[int], begun: list[tuple[Any, Any]]) -> set[int]:
    """Whose texts of the joined ones some rule may find something in; `begun`: the first finds."""
    ends = list(accumulate(length + len(_JOINT) for length in lengths))
    found: set[int] = set()
    for pattern, first in begun:
        match = first
        while match is not None:
            start, end = match.span()
            index = bisect_right(ends, start)
            # A match may reach over a joint: the text after it is looked at too.
            last = bisect_right(ends, max(start, end - 1))
            found.update(range(index, min(last, len(lengths) - 1) + 1))
            position = ends[index] if index < len(ends) else len(blob)
            match = pattern.search(blob, position) if position < len(blob) else None
    return found
