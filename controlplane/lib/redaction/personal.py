"""Rules for what names people and their money: addresses, numbers, accounts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from controlplane.lib.redaction import checks, engine, phones
from controlplane.lib.redaction.common import Found, byte_before, is_word, matches

# --- e-mail ------------------------------------------------------------------------------------

EMAIL_HINT = rb"[A-Za-z0-9_+\x80-\xff-](?:@|%40)[A-Za-z0-9\x80-\xff]"
_EMAIL = engine.compiled(
    rb"([A-Za-z0-9.!#$&'*+/=?^_`{|}~\x80-\xff-]*(?:%2[Bb][A-Za-z0-9._-]+)?"
    rb"[A-Za-z0-9_+\x80-\xff-])(?:@|%40)"
    rb"((?:[A-Za-z0-9\x80-\xff](?:[A-Za-z0-9\x80-\xff-]*[A-Za-z0-9\x80-\xff])?\.)+"
    rb"(?:xn--[A-Za-z0-9-]{2,40}|[A-Za-z\x80-\xff]{2,24}))"
)
_LOCAL_LEAD = re.compile(rb"[A-Za-z0-9.+_'%\x80-\xff-]+\Z")
_FILES = frozenset(
    b"png jpg jpeg gif svg webp css js mjs ts map ico html json yaml service".split()
)


def emails(text: bytes) -> Iterator[Found]:
    for match in matches(_EMAIL, text):
        local_start, local_end = match.span(1)
        lead = _LOCAL_LEAD.search(text, max(local_start, local_end - 320), local_end)
        if lead is None:
            continue
        start, end = lead.start(), match.end()
        while text[start : start + 1] in {b".", b"'", b"%"} and start < local_end:
            start += 1
        domain = match.group(2)
        last = domain.rsplit(b".", 1)[-1].lower()
        versioned = re.match(rb"v?\d+\.\d", domain) is not None
        if last in _FILES or versioned or _node(text, start, local_end, end):
            continue
        yield start, end, "email", None


def _node(text: bytes, start: int, local_end: int, end: int) -> bool:
    """`git@host:path` is an address of code and `celery@host` of a process, not of a person."""
    local = text[start:local_end].lower()
    if local == b"git":
        return text[end : end + 1] in {b":", b"/"}
    return local == b"celery"


# --- bank, card, identity ------------------------------------------------------------------------

IBAN_HINT = rb"\b[A-Z]{2}[0-9]{2}[ -]?[A-Z0-9]{2,4}[ -]?[A-Z0-9]{2}"
_IBAN = engine.compiled(rb"\b[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){11,30}")


def ibans(text: bytes) -> Iterator[Found]:
    for match in matches(_IBAN, text):
        start, end = match.span()
        length = checks.iban_length(text[start : start + 2].decode())
        taken = [i for i in range(start, end) if text[i] not in b" -"][:length]
        if not length or len(taken) < length or is_word(text[taken[-1] + 1 : taken[-1] + 2]):
            continue
        if checks.is_iban(bytes(text[i] for i in taken).decode()):
            yield start, taken[-1] + 1, "iban", None


_CARD_LABEL = (
    rb"(?i)\b(?:cards?|cc|kreditkarte|kartennummer|karte|carte|visa|mastercard|maestro|amex|jcb)\b"
    rb"[ \t]{0,2}(?:(?:number|no|nr|num|nummer|#|is|ist)\b?\.?[ \t]{0,2}){0,2}"
    rb"[:=#]{0,2}[ \t\"']{0,3}"
)
_LABELLED_CARD = engine.compiled(_CARD_LABEL + rb"([0-9](?:[ -]?[0-9]){11,18})\b")
CARD_HINT = (
    _CARD_LABEL + rb"[0-9](?:[ -]?[0-9]){11}|\b(?:2131|1800)[ -]?[0-9]{4}[ -]?[0-9]{4}"
    rb"|\b[2-9][0-9]{3}(?:[ -]?[0-9]){8}|\b3[0-9]{3}[ -]?[0-9]{6}|\b[2-9][0-9]{12}"
)
_DIGITS = engine.compiled(rb"[0-9](?:(?:[ -]|\xc2\xa0|\xe2\x80[\xaf\x91])?[0-9]){11,}")
_CARD_GROUPS = frozenset(
    {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 4, 1), (4, 5, 6), (6, 10), (8, 8)}
)


def labelled_cards(text: bytes) -> Iterator[Found]:
    """Behind the word "card" a right check digit is enough, whoever issued it."""
    for match in matches(_LABELLED_CARD, text):
        digits = match.group(1).replace(b" ", b"").replace(b"-", b"").decode()
        if checks.luhn(digits) and len(set(digits)) > 1:
            yield (*match.span(1), "card", None)


def cards(text: bytes) -> Iterator[Found]:
    for match in matches(_DIGITS, text):
        yield from _cards_in(text, *match.span())


def _cards_in(text: bytes, start: int, end: int) -> Iterator[Found]:
    groups = [(m.start(), m.end()) for m in re.finditer(rb"[0-9]+", text[start:end])]
    groups = [(left + start, right + start) for left, right in groups]
    before, after = byte_before(text, start), text[end : end + 2]
    index = 0
    while index < len(groups):
        first = index == 0
        if not (
            first and (is_word(before) or (before in b".-" and before and _glued(text, start)))
        ):
            count = _card_length(text, groups, index)
            last = index + count == len(groups)
            if count and not (last and (is_word(after[:1]) or _decimal(after))):
                yield groups[index][0], groups[index + count - 1][1], "card", None
                index += count
                continue
        index += 1


def _glued(text: bytes, start: int) -> bool:
    return is_word(text[max(0, start - 2) : start - 1])


def _decimal(after: bytes) -> bool:
    return after[:1] in {b".", b"-"} and after[1:2].isalnum()


def _card_length(text: bytes, groups: list[tuple[int, int]], index: int) -> int:
    for count in (1, 4, 3, 5, 2):
        chosen = groups[index : index + count]
        if len(chosen) < count:
            continue
        if count > 1:
            if tuple(right - left for left, right in chosen) not in _CARD_GROUPS:
                continue
            between = {text[chosen[i][1] : chosen[i + 1][0]] for i in range(count - 1)}
            if len(between) != 1 or (
                between == {b"-"} and _more_dashes(text, groups, index, count)
            ):
                continue
        if checks.is_card(b"".join(text[left:right] for left, right in chosen).decode()):
            return count
    return 0


def _more_dashes(text: bytes, groups: list[tuple[int, int]], index: int, count: int) -> bool:
    """A longer run of dashed groups is an id that happens to hold a card's shape."""
    before = index > 0 and text[groups[index - 1][1] : groups[index][0]] == b"-"
    end = index + count
    return before or (end < len(groups) and text[groups[end - 1][1] : groups[end][0]] == b"-")


SSN_HINT = rb"\b[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}\b"
_SSN = engine.compiled(SSN_HINT)


def national_ids(text: bytes) -> Iterator[Found]:
    for match in matches(_SSN, text):
        area, group, serial = match.group().split(b"-")
        start, end = match.span()
        glued = byte_before(text, start) in {b"-", b".", b"/"} or text[end : end + 1] in {
            b"-",
            b"/",
        }
        if not glued and area not in {b"000", b"666"} and group != b"00" and serial != b"0000":
            yield start, end, "national_id", None


# --- accounts ------------------------------------------------------------------------------------

_OWNER = (
    rb"acct|acc|account|accnt|customer|cust|client|kunde|kunden|konto|compte|membership|policy"
    rb"|a/c"
)
_NOUN = rb"[ _-]?(?:id|ids|no\.?|nr\.?|nos?\.?|num|number|nummer|ref|#|n\xc2\xb0|num\xc3\xa9ro)?"
ACCOUNT_HINT = (
    rb"(?i)\b(?:" + _OWNER + rb")s?" + _NOUN + rb"[ \t]*(?:[:=#_-]|is|ist|est|ending)?[ \t#:]*"
    rb"[\"'(]?[A-Z]{0,4}[_-]?[0-9A-Z-]*[0-9]|\b(?:cus|ba|acct)_[A-Za-z0-9]{8}|\bAC[a-f0-9]{32}"
)
_ACCOUNT = engine.compiled(
    rb"(?i)\b(?:((?:cus|ba|acct|cust)_[A-Za-z0-9]{8,}|AC[a-f0-9]{32})\b"
    rb"|((?:" + _OWNER + rb")s?[_#-]{1,2}([A-Za-z0-9][A-Za-z0-9-]*))"
    rb"|(?:"
    + _OWNER
    + rb")s?"
    + _NOUN
    + rb"(?:[ \t]*[:=#][ \t#:]*|[ \t]+(?:(?:is|ist|est|for|of) )?"
    rb"#?)[\"'(]?([A-Z]{0,4}[_-]?[A-Z0-9]*[0-9][A-Za-z0-9]*(?:[ -][0-9][A-Z0-9-]*)*))"
)


def accounts(text: bytes) -> Iterator[Found]:
    position = 0
    while True:
        match = _ACCOUNT.search(text, position)
        if match is None:
            return
        span = _account_span(text, match)
        position = max(match.end(), position + 1)
        if span is not None:
            yield (*span, "account", None)


def _account_span(text: bytes, match: Any) -> tuple[int, int] | None:
    if match.group(1) is not None:
        body = match.group(1).partition(b"_")[2] or match.group(1)
        mixed = body != body.lower() and body != body.upper()
        return match.span(1) if mixed or any(48 <= b < 58 for b in body) else None
    if match.group(2) is not None:
        end = match.end(2)
        bounded = not is_word(text[end : end + 1])
        return match.span(2) if bounded and _joined_id(match.group(3).decode()) else None
    start, end = match.span(4)
    value = match.group(4).decode()
    digits = sum(c.isdigit() for c in value)
    if digits < 5 or is_word(text[end : end + 1]) or checks.is_uuid(value):
        return None
    if text[end : end + 1] in {b".", b":", b"-"} and text[end + 1 : end + 2].isalnum():
        return None
    groups = re.split(r"[ -]", value)
    if checks.is_date_like(groups) or text[max(0, match.start() - 1) : match.start()] in {
        b"-",
        b"/",
    }:
        return None
    return start, end


def _joined_id(value: str) -> bool:
    """`acct_8F3K21Q9` and `cust-4821-77`, not `account-service-7d9f8c6b5` or `customer-api-v2`."""
    segments = value.split("-")
    digits = sum(c.isdigit() for c in value)
    if digits < 2 or len(value) < 5:
        return False
    if len(segments) == 1:
        return digits >= 3 or (len(value) >= 8 and digits >= 2)
    return all(any(c.isdigit() for c in s) for s in segments) and digits * 2 >= len(value) - 3


# --- telephone numbers ---------------------------------------------------------------------------

_RUN = engine.compiled(phones.RUN)
_LABELLED = engine.compiled(phones.LABELLED)


def telephone_numbers(text: bytes) -> Iterator[Found]:
    for match in matches(_LABELLED, text):
        span = phones.labelled(text, match.start(), *match.span(1))
        if span is not None:
            start, end = span
            while start > 0 and text[start - 1 : start] in {b"+", b"("}:
                start -= 1
            yield start, end, "phone", None


def plain_numbers(text: bytes) -> Iterator[Found]:
    for match in matches(_RUN, text):
        for start, end in phones.find(text, *match.span()):
            yield start, end, "phone", None
