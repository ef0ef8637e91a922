"""Telephone numbers in running text.

A number alone says little: dates, versions, sizes and ids are digits with separators too. So a
maximal run of digits and separators is cut into groups first, and only a group sequence that
follows one of the written forms people use is a number. Every start looks at a bounded number of
groups, so a hostile run costs linear time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from controlplane.lib.redaction.checks import is_date_like
from controlplane.lib.redaction.common import ESCAPED_BREAKS, is_word

# Blank, dot, dash, slash, and the no-break and typographic forms of blank and dash.
SEPARATOR = rb"(?:[ ./\-]|\xc2\xa0|\xe2\x80[\x89\x90\x91\x93\xaf])"
RUN = rb"(?:\+|%2[Bb])?\(?[0-9](?:(?:" + SEPARATOR + rb"|[()+]){0,4}[0-9])+"
# What must be somewhere before the run is worth reading.
HINT = (
    rb"(?:\+|%2[Bb])\(?[1-9][0-9 ()./\-\xc2\xe2]{5}"
    rb"|\(0?[0-9]{2,5}\)[ \-/\xc2\xe2]{0,2}[0-9]"
    rb"|\b0[0-9][0-9]{0,4}(?:" + SEPARATOR + rb"|[)]){1,3}[0-9]"
    rb"|\b[2-9][0-9]{2}(?:" + SEPARATOR + rb"|[)]){1,2}[0-9]{3}" + SEPARATOR + rb"[0-9]{4}"
    rb"|\b0[1-9][0-9]{8,10}|\b00[1-9][0-9]{8}"
    rb"|\b(?:[6-9][0-9]{2}|[1-9][0-9][ .-][0-9]{3})(?:[ .-][0-9]{2}){2,3}\b"
)
_LABEL = (
    rb"(?:tele)?(?:phone|fon)s?(?:[ _-]?(?:numbers?|no|nr|nummer))?|tel|mobil|mobile|mob|cell|"
    rb"telefax|fax|handy(?:nummer)?|(?:tele)?fonnummer|ruf(?:nummer)?|r\xc3\xbcckruf|whatsapp|"
    rb"sms(?: to)?|msisdn|t[e\xc3\xa9]{1,2}l(?:[e\xc3\xa9]{1,2}phone)?|portable|"
    rb"num[e\xc3\xa9]{1,2}ro|(?:call|ring|dial|reach)(?:ed)?(?: (?:me|us|him|her|them|back))?"
    rb"(?: (?:at|on|under))?|caller|anruf(?:en)?(?: unter)?|erreichbar unter"
)
LABELLED = (
    rb"(?i)\b(?:" + _LABEL + rb")(?:\.|\b)[\\\"']{0,4}"
    rb"(?:[ \t]{0,3}[:=#(]{1,2})?[ \t\\\"']{0,4}(?:is |was |ist |est |under |unter |at )?\+?\(?"
    rb"([0-9](?:(?:" + SEPARATOR + rb"|[()]){0,4}[0-9]){4,18})"
)
LABEL_HINT = (
    rb"(?i)\b(?:" + _LABEL + rb")(?:\.|\b)[\\\"' \t:=#.(]{0,10}"
    rb"(?:is |was |ist |est |under |unter |at )?\+?\(?[0-9]"
)
_VERB = re.compile(rb"(?:call|ring|dial|reach|sms|portable|num|ruf)", re.I)

# Country code → digits that follow it. Others: 6 to 12.
_NATIONAL_LENGTHS: dict[str, tuple[int, int]] = {
    "1": (10, 10), "7": (10, 10), "20": (8, 10), "27": (9, 9), "30": (10, 10), "31": (9, 9),
    "32": (8, 9), "33": (9, 9), "34": (9, 9), "36": (8, 9), "39": (8, 11), "40": (9, 9),
    "41": (9, 9), "43": (7, 12), "44": (9, 10), "45": (8, 8), "46": (7, 10), "47": (8, 8),
    "48": (9, 9), "49": (7, 12), "51": (8, 9), "52": (10, 10), "54": (10, 11), "55": (10, 11),
    "56": (9, 9), "57": (10, 10), "60": (8, 10), "61": (9, 9), "62": (8, 12), "63": (9, 10),
    "64": (8, 10), "65": (8, 8), "66": (8, 9), "81": (9, 10), "82": (8, 10), "84": (9, 10),
    "86": (10, 11), "90": (10, 10), "91": (10, 10), "92": (9, 10), "98": (10, 10),
}  # fmt: skip
_COUNTRY = re.compile(
    r"1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]"
    r"|2[1-689]\d|3[578]\d|42[0-9]|50\d|59\d|67\d|68\d|69\d|80\d|85\d|87\d|88\d|96\d|97\d|99\d"
)
_GROUP = re.compile(rb"[0-9]+")
_UNIT = re.compile(
    rb" ?(?:[munp\xc2\xb5]{0,2}s|[kmgt]i?b|bytes?|rows?|items?|events?|%|\$|\xe2\x82\xac|eur|usd"
    rb"|gbp)\b",
    re.I,
)
_EXTENSION = re.compile(
    rb"[ ,;]{0,2}(?:x|ext\.?|extension|durchwahl|dw|poste)[ :.]{0,2}[0-9]{1,6}\b", re.I
)
# Blanks alone between 3-3-4 digits are also a row of figures; a status code starts most of them.
_STATUS = frozenset({"200", "201", "202", "204", "206", "300", "304", "400", "500", "600", "700"})


class Group(NamedTuple):
    digits: str
    start: int
    end: int
    before: bytes  # what stands between this group and the one before it


def find(text: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of numbers in the maximal run `text[start:end]`."""
    groups = list(_groups(text, start, end))
    index = 0
    while index < len(groups):
        if not _may_start(text, groups[index], first=index == 0):
            index += 1
            continue
        count = _length(text, groups[index : index + 9])
        ends = _end(text, groups[index + count - 1].end, groups[index]) if count else 0
        if ends:
            yield _begin(text, groups[index]), ends
            index += count
        else:
            index += 1


def _groups(text: bytes, start: int, end: int) -> Iterator[Group]:
    previous = start
    for match in _GROUP.finditer(text, start, end):
        left = match.start()
        if text[left - 1 : left] == b"%" and match.group()[:1] == b"2":
            continue  # the 2 of %2B
        yield Group(match.group().decode(), left, match.end(), text[previous:left])
        previous = match.end()


def _is_date(groups: list[Group]) -> bool:
    """Dates are joined by one kind of dash, dot or slash; blanks join telephone numbers."""
    if len(groups) < 3 or groups[1].before != groups[2].before:
        return False
    return groups[1].before in {b"-", b".", b"/"} and is_date_like([g.digits for g in groups])


def _plus(before: bytes) -> bool:
    return b"+" in before or before[-3:].lower() == b"%2b"


def _may_start(text: bytes, group: Group, *, first: bool) -> bool:
    if not first:
        return _plus(group.before) or any(c in group.before for c in (b" ", b"(", b"\xa0", b"\xaf"))
    at = group.start - len(group.before)
    before = text[max(0, at - 1) : at]
    if text[max(0, at - 2) : at] in ESCAPED_BREAKS:
        return True
    if _plus(group.before):
        return not is_word(before)
    return not is_word(before) and before not in {b"-", b".", b"/", b":", b"#", b",", b"$", b"@"}


def _may_end(text: bytes, end: int) -> bool:
    after = text[end : end + 2]
    if is_word(after[:1]):
        return False
    return not (after[:1] in {b"-", b":", b"@", b","} and is_word(after[1:2]))


def _end(text: bytes, end: int, first: Group) -> int:
    """The end of a number with its extension; 0 where something other than its end stands."""
    extension = _EXTENSION.match(text, end)
    if extension is not None:
        return extension.end()
    label = (
        _plus(first.before) and text[end : end + 1] == b"-" and text[end + 1 : end + 2].isalpha()
    )
    return end if label or _may_end(text, end) else 0


def _begin(text: bytes, group: Group) -> int:
    """The number starts with its plus or parenthesis, not with the blank before them."""
    start = group.start
    while start > 0 and text[start - 1 : start] in {b"+", b"("}:
        start -= 1
    if text[max(0, start - 3) : start].lower() == b"%2b":
        start -= 3
    return start


def _length(text: bytes, groups: list[Group]) -> int:
    """How many of these groups are one number; 0 when they are none."""
    first = groups[0]
    if _plus(first.before):
        return _international(groups, first.digits)
    if first.digits.startswith("00") and len(first.digits) > 2:
        return _international(groups, first.digits[2:], strict=True)
    if first.digits == "00" and len(groups) > 2:
        rest = _international(groups[1:], groups[1].digits)
        return rest + 1 if rest else 0
    count = _north_american(groups) or _trunk(text, groups) or _grouped(groups)
    return 0 if count and _UNIT.match(text, groups[count - 1].end) else count


def _international(groups: list[Group], head: str, *, strict: bool = False) -> int:
    code_match = _COUNTRY.match(head)
    if code_match is None or head[0] == "0":
        return 0
    code = code_match[0]
    low, high = _NATIONAL_LENGTHS.get(code, (6, 12))
    total = len(head) - len(code)
    best = 1 if low <= total <= high and (not strict or len(head) >= 9) else 0
    for count in range(1, len(groups)):
        group = groups[count]
        if len(group.before) > 3 + group.before.count(b"\xe2") * 2 or _plus(group.before):
            break
        if _is_date(groups[count : count + 3]):
            break
        total += 0 if group.digits == "0" and b"(" in group.before else len(group.digits)
        if total > high + (1 if count == 1 and group.digits.startswith("0") else 0):
            break
        if total >= low:
            best = count + 1
    return best


def _north_american(groups: list[Group]) -> int:
    offset = 1 if groups[0].digits == "1" else 0
    three = groups[offset : offset + 3]
    if [len(g.digits) for g in three] != [3, 3, 4]:
        return 0
    area, exchange, _ = (g.digits for g in three)
    if area[0] in "01" or exchange[0] in "01" or area[1:] == "11" or exchange[1:] == "11":
        return 0
    seps = [three[1].before, three[2].before]
    bracketed = b"(" in three[0].before and b")" in seps[0]
    if not bracketed and (seps[0] != seps[1] or b"/" in seps[0]):
        return 0
    if (
        seps[0] == b" "
        and not offset
        and not bracketed
        and (area in _STATUS or exchange[1:] == "00")
    ):
        return 0
    return offset + 3


def _grouped(groups: list[Group]) -> int:
    """Without a leading zero only groupings that nobody uses for figures: Spanish 3-2-2-2,
    Polish 2-3-2-2, Brazilian (2) 4-4 and (2) 5-4."""
    sizes = tuple(len(g.digits) for g in groups[:4])
    between = {g.before for g in groups[1:4]}
    if len(between) == 1 and sizes in {(3, 2, 2, 2), (2, 3, 2, 2)}:
        least = "6" if sizes[0] == 3 else "1"
        apart = {b" ", b"-", b"."} if sizes[0] == 3 else {b" ", b"-"}  # 10.213.19.48 is no number
        return 4 if groups[0].digits[0] >= least and between <= apart else 0
    bracketed = groups[0].before[-1:] == b"(" and len(groups) > 2 and groups[1].before == b") "
    if bracketed and sizes[:3] in {(2, 4, 4), (2, 5, 4)} and groups[2].before == b"-":
        return 3
    return 0


def _trunk(text: bytes, groups: list[Group]) -> int:
    """National forms with a leading zero: German, French, British, Dutch, Swiss, Austrian."""
    first = groups[0].digits
    if len(first) < 2 or first[0] != "0" or first[1] == "0":
        return 0
    if len(groups) == 1 or len(first) >= 9:
        return 1 if _whole(text, groups[0]) else 0
    french = [len(g.digits) for g in groups[:5]] == [2, 2, 2, 2, 2]
    if french and len({g.before for g in groups[1:5]}) == 1 and groups[1].before != b"/":
        return 5
    return _area_and_number(groups, first)


def _swedish(groups: list[Group]) -> int:
    """08-12 34 63: dash behind the area, then pairs."""
    pairs = groups[1:4]
    if groups[1].before != b"-" or [len(g.digits) for g in pairs] != [2, 2, 2]:
        return 0
    return 4 if all(g.before == b" " for g in pairs[1:]) else 0


def _whole(text: bytes, group: Group) -> bool:
    """Written without a blank. Behind a name ("id=0301234567") only mobile numbers are believed,
    else every padded id would be one."""
    digits = group.digits
    if digits[:2] in {"06", "07"} and len(digits) in {10, 11}:
        return True
    if digits[:3] in {"015", "016", "017"} and len(digits) in {11, 12}:
        return True
    named = text[max(0, group.start - 1) : group.start] in {b"=", b":", b"#", b"@"}
    return len(digits) in {10, 11} and not named


def _area_and_number(groups: list[Group], first: str) -> int:
    if len(first) > 6 or _is_date(groups[:3]):
        return 0
    total, best = len(first), 0
    bracketed = b"(" in groups[0].before
    for count in range(1, min(len(groups), 6)):
        group = groups[count]
        if len(group.before.strip(b")")) > 5 or b"(" in group.before or _plus(group.before):
            break
        if _is_date(groups[count : count + 3]):
            break
        total += len(group.digits)
        if total > 12:
            break
        if total >= (8 if bracketed else 9):
            best = count + 1
    if len(first) == 2 and len(groups[1].digits) < 3:
        return _swedish(groups)
    if not best:
        return 0
    dotted = all(g.before == b"." for g in groups[1:best])
    if dotted and best == 4 and all(int(g.digits) < 256 for g in groups[:4]):
        return 0  # an address with padded octets
    if len(first) == 5 and best == 2 and len(groups[1].digits) == 5 and groups[1].before == b"-":
        return 0  # a range of post codes
    return best


def labelled(text: bytes, label_start: int, start: int, end: int) -> tuple[int, int] | None:
    """The span of a number after a word such as "tel." or "call me at"."""
    groups = list(_groups(text, start, end))
    if not groups or _is_date(groups[:3]):
        return None
    total = count = 0
    for group in groups[:8]:
        if count and total >= 7 and _is_date(groups[count : count + 3]):
            break
        if total + len(group.digits) > 15:
            break
        total += len(group.digits)
        count += 1
    last = _end(text, groups[count - 1].end, groups[0]) if count else 0
    if not last:
        return None
    if _VERB.match(text, label_start) and not _plausible(groups[:count], total):
        return None
    return (start, last) if total >= 6 and not _UNIT.match(text, last) else None


def _plausible(groups: list[Group], total: int) -> bool:
    """After a mere verb ("call 4812") a number must look like one."""
    first = groups[0].digits
    if len(groups) > 1:
        return total >= 7
    return (first[0] == "0" and total >= 9) or (first[0] in "23456789" and total == 10)
