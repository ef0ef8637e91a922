"""What changed between two texts: line by line, and by words inside a changed line.

`difflib` alone is cubic on texts made to be slow, so it sees small pieces only: lines that stand
once on both sides anchor the comparison, and a piece too dear to compare is shown as replaced.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Literal

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

MOST_CHARACTERS = 100 * 1024
MOST_LINES = 6_000
MOST_SHOWN = 1_500
LONGEST_LINE = 2_000
# Steps that difflib may take over a whole comparison, estimated as n * m * min(n, m).
EFFORT = 15_000_000
WORD_EFFORT = 30_000_000
DEEPEST = 8

Kind = Literal["same", "removed", "added"]
Part = tuple[str, bool]
Block = tuple[bool, int, int, int, int]  # equal?, left from, to, right from, to


@dataclass(frozen=True, slots=True)
class Line:
    kind: Kind
    left: int | None
    right: int | None
    parts: list[Part]

    @property
    def html(self) -> SafeString:
        """The line of a unified diff. Made here and not in a template: there may be 1,500."""
        return mark_safe(  # noqa: S308
            f'<div class="kit-diff-line kit-diff-{self.kind}">{_number(self.left)}'
            f"{_number(self.right)}{self._text}</div>"
        )

    @property
    def half_left(self) -> SafeString:
        return self._half(self.left)

    @property
    def half_right(self) -> SafeString:
        return self._half(self.right)

    def _half(self, number: int | None) -> SafeString:
        return mark_safe(  # noqa: S308
            f'<span class="kit-diff-half kit-diff-{self.kind}">{_number(number)}{self._text}</span>'
        )

    @property
    def _text(self) -> str:
        sign = {"same": " ", "removed": "−", "added": "+"}[self.kind]
        text = "".join(
            f"<mark>{escape(words)}</mark>" if changed else escape(words)
            for words, changed in self.parts
        )
        return f'<span class="kit-sign">{sign}</span><code>{text}</code>'


def _number(number: int | None) -> str:
    return f'<span class="kit-no" data-n="{number or ""}"></span>'


Pair = tuple[Line | None, Line | None]


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of lines, folded when it is far from any change."""

    folded: bool
    pairs: list[Pair]
    hidden: int = 0  # unchanged lines that are too many to unfold

    @property
    def lines(self) -> Iterator[Line]:
        """The order of a unified diff: of each run of changes all removed lines come first."""
        added: list[Line] = []
        for left, right in self.pairs:
            if left is not None and left.kind == "same":
                yield from added
                added = []
            if left is not None:
                yield left
            if right is not None and right.kind == "added":
                added.append(right)
        yield from added

    @property
    def count(self) -> int:
        return len(self.pairs) + self.hidden


@dataclass(slots=True)
class Diff:
    segments: list[Segment] = field(default_factory=list)
    added: int = 0
    removed: int = 0
    notice: str = ""


@dataclass(slots=True)
class _Purse:
    left: int

    def pay(self, n: int, m: int) -> bool:
        cost = n * m * min(n, m)
        if cost > self.left:
            return False
        self.left -= cost
        return True


def compare(before: str, after: str, *, context: int = 3) -> Diff:
    """Both texts must fit; else the diff is empty and its notice says so."""
    if max(len(before), len(after)) > MOST_CHARACTERS:
        return Diff(notice="Too large to compare here: more than 100 kB.")
    left, right = _lines(before), _lines(after)
    if max(len(left), len(right)) > MOST_LINES:
        return Diff(notice=f"Too large to compare here: more than {MOST_LINES:,} lines.")
    if left == right:
        same = before == after
        return Diff(notice="No difference." if same else "Only the ends of lines differ.")
    pairs = _pairs(left, right)
    diff = Diff(
        added=sum(1 for _, line in pairs if line is not None and line.kind == "added"),
        removed=sum(1 for line, _ in pairs if line is not None and line.kind == "removed"),
    )
    diff.segments = _first(_fold(pairs, max(context, 0)))
    if sum(segment.count for segment in diff.segments) < len(pairs):
        diff.notice = f"Only the first {MOST_SHOWN:,} lines are shown."
    return diff


def _first(segments: Iterator[Segment]) -> list[Segment]:
    kept: list[Segment] = []
    left = MOST_SHOWN
    for segment in segments:
        if left <= 0:
            break
        pairs = segment.pairs[:left]
        left -= len(pairs)
        kept.append(Segment(segment.folded, pairs, segment.hidden))
    return kept


def _lines(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


# --- Which lines belong together ----------------------------------------------------------------


def _pairs(left: list[str], right: list[str]) -> list[Pair]:
    purse = _Purse(WORD_EFFORT)
    pairs: list[Pair] = []
    for equal, a, b, c, d in _blocks(left, right):
        if equal:
            for offset in range(b - a):
                parts = _plain(left[a + offset])
                line = Line("same", a + offset + 1, c + offset + 1, parts)
                pairs.append((line, line))
            continue
        for offset in range(max(b - a, d - c)):
            old = left[a + offset] if a + offset < b else None
            new = right[c + offset] if c + offset < d else None
            gone, come = _words(old, new, purse)
            pairs.append(
                (
                    Line("removed", a + offset + 1, None, gone) if old is not None else None,
                    Line("added", None, c + offset + 1, come) if new is not None else None,
                )
            )
    return pairs


def _blocks(left: list[str], right: list[str]) -> list[Block]:
    """Equal and different runs, in order, neighbours of one sort joined."""
    joined: list[Block] = []
    purse = _Purse(EFFORT)
    for block in _match(left, right, (0, len(left), 0, len(right)), purse, 0):
        equal, a, b, c, d = block
        if a == b and c == d:
            continue
        if joined and joined[-1][0] == equal:
            joined[-1] = (equal, joined[-1][1], b, joined[-1][3], d)
        else:
            joined.append(block)
    return joined


def _match(
    left: list[str], right: list[str], box: tuple[int, int, int, int], purse: _Purse, depth: int
) -> Iterator[Block]:
    a, b, c, d = box
    start = a
    while a < b and c < d and left[a] == right[c]:
        a, c = a + 1, c + 1
    yield True, start, a, c - (a - start), c
    end = b
    while a < b and c < d and left[b - 1] == right[d - 1]:
        b, d = b - 1, d - 1
    if a < b and c < d:
        yield from _between(left, right, (a, b, c, d), purse, depth)
    else:
        yield False, a, b, c, d
    yield True, b, end, d, d + (end - b)


def _between(
    left: list[str], right: list[str], box: tuple[int, int, int, int], purse: _Purse, depth: int
) -> Iterator[Block]:
    a, b, c, d = box
    anchors = _anchors(left[a:b], right[c:d]) if depth < DEEPEST else []
    if anchors:
        for x, y in anchors:
            yield from _match(left, right, (a, box[0] + x, c, box[2] + y), purse, depth + 1)
            a, c = box[0] + x, box[2] + y
        yield from _match(left, right, (a, b, c, d), purse, depth + 1)
    elif purse.pay(b - a, d - c):
        matcher = SequenceMatcher(None, left[a:b], right[c:d], autojunk=False)
        for tag, i, j, k, m in matcher.get_opcodes():
            yield tag == "equal", a + i, a + j, c + k, c + m
    else:
        yield False, a, b, c, d


def _anchors(left: list[str], right: list[str]) -> list[tuple[int, int]]:
    """Lines that stand once on each side, as many as keep their order (patience sorting)."""
    once_left, once_right = Counter(left), Counter(right)
    place = {line: index for index, line in enumerate(right) if once_right[line] == 1}
    found = [
        (index, place[line])
        for index, line in enumerate(left)
        if once_left[line] == 1 and line in place
    ]
    tails: list[int] = []
    best: list[int] = []
    before: list[int] = []
    for number, (_, there) in enumerate(found):
        length = bisect_left(tails, there)
        before.append(best[length - 1] if length else -1)
        if length == len(tails):
            tails.append(there)
            best.append(number)
        else:
            tails[length], best[length] = there, number
    chain: list[tuple[int, int]] = []
    at = best[-1] if best else -1
    while at >= 0:
        chain.append(found[at])
        at = before[at]
    return chain[::-1]


# --- Inside a line ------------------------------------------------------------------------------

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_MOST_WORDS = 160


def _plain(text: str, *, changed: bool = False) -> list[Part]:
    if len(text) > LONGEST_LINE:
        more = len(text) - LONGEST_LINE
        return [(text[:LONGEST_LINE], changed), (f" … {more:,} more characters", False)]
    return [(text, changed)]


def _words(old: str | None, new: str | None, purse: _Purse) -> tuple[list[Part], list[Part]]:
    """The words that differ. Lines that have little in common are left unmarked: a confetti of
    marks says less than none."""
    if old is None or new is None or max(len(old), len(new)) > LONGEST_LINE:
        return _plain(old or ""), _plain(new or "")
    a, b = _WORD.findall(old), _WORD.findall(new)
    if max(len(a), len(b)) > _MOST_WORDS or not purse.pay(len(a), len(b)):
        return _plain(old), _plain(new)
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    codes = matcher.get_opcodes()
    kept = sum(len("".join(a[i:j]).strip()) for tag, i, j, _, _ in codes if tag == "equal")
    if kept * 3 < max(len(old), len(new)):
        return _plain(old), _plain(new)
    gone = [("".join(a[i:j]), tag != "equal") for tag, i, j, _, _ in codes if i < j]
    come = [("".join(b[k:m]), tag != "equal") for tag, _, _, k, m in codes if k < m]
    return gone, come


# --- What is folded away ------------------------------------------------------------------------

MOST_UNFOLDED = 400


def _fold(pairs: list[Pair], context: int) -> Iterator[Segment]:
    """Unchanged runs longer than both contexts are folded; very long ones can't be unfolded."""
    shown: list[Pair] = []
    for start, end, same in _runs(pairs):
        run = pairs[start:end]
        head = context if start else 0
        tail = context if end < len(pairs) else 0
        middle = run[head : len(run) - tail]
        # Folding two lines away would cost as much room as showing them.
        if not same or len(middle) < 3:
            shown += run
            continue
        shown += run[:head]
        if shown:
            yield Segment(False, shown)
        hidden = max(len(middle) - MOST_UNFOLDED, 0)
        yield Segment(True, [] if hidden else middle, len(middle) if hidden else 0)
        shown = run[len(run) - tail :] if tail else []
    if shown:
        yield Segment(False, shown)


def _runs(pairs: list[Pair]) -> Iterator[tuple[int, int, bool]]:
    """(from, to, unchanged?) of each run of pairs of one sort."""
    start = 0
    for index in range(1, len(pairs) + 1):
        if index == len(pairs) or _is_same(pairs[index]) != _is_same(pairs[start]):
            yield start, index, _is_same(pairs[start])
            start = index


def _is_same(pair: Pair) -> bool:
    return pair[0] is not None and pair[0].kind == "same"
