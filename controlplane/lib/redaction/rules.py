"""The rules for running text, in the order they are applied.

Each rule is one linear scan. What a rule takes is masked before the next one looks, so no two
rules fight over a span and a password that holds an `@` is never read as an e-mail address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from controlplane.lib.redaction import checks, engine, pairs, phones, vendors

# start, end, kind, replacement (None: the marker)
Found = tuple[int, int, str, bytes | None]


class Rule(NamedTuple):
    name: str
    find: Callable[[bytes], Iterator[Found]]
    hint: Callable[[], bytes]  # matches wherever the rule can; part of the batch's one scan


def _matches(regexp: Any, text: bytes) -> Iterator[Any]:
    """Like finditer, but may be told to go on behind a rejected match's first group."""
    position = 0
    while position <= len(text):
        match = regexp.search(text, position)
        if match is None:
            return
        yield match
        position = max(match.end(), position + 1)


def _prev(text: bytes, start: int) -> bytes:
    return text[max(0, start - 1) : start]


def _is_word(byte: bytes) -> bool:
    return byte.isalnum() or byte == b"_"


# --- private keys ----------------------------------------------------------------------------

_PEM_HINT = rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY"
_PEM = engine.compiled(
    _PEM_HINT + rb"[A-Z ]{0,10}-----(?s:.*?)"
    rb"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----|\z)"
)


def private_keys(text: bytes) -> Iterator[Found]:
    for match in _matches(_PEM, text):
        yield match.start(), match.end(), "private_key", None


# --- credentials in URLs ---------------------------------------------------------------------

_URL_HINT = rb"[A-Za-z]://[^\s\"'<>/?#]*@|[A-Za-z]://[^\s\"'<>/?#@]*:[^\s\"'<>@]+@"
_URL = engine.compiled(
    rb"[A-Za-z][A-Za-z0-9+.-]*://(?:([^\s\"'<>/?#@]*:[^\s\"'<>/?#\\`]*)@|([^\s\"'<>/?#:@\\`]+)@"
    rb"|([^\s\"'<>/?#@:]*:[^\s\"'<>@\\`]+)@[A-Za-z0-9\[])"
)
_PORT_THEN_PATH = re.compile(rb"[^:]*:[0-9]{0,5}[/?#]")


def url_credentials(text: bytes) -> Iterator[Found]:
    for match in _matches(_URL, text):
        if match.group(1) is not None:
            start, end = match.span(1)
        elif match.group(2) is not None:
            start, end = match.span(2)
            alone = text[start:end].decode("utf-8", "replace")
            if len(alone) < 16 or not any(c.isdigit() for c in alone):
                continue  # ssh://git@host
        else:
            start, end = match.span(3)
            if _PORT_THEN_PATH.match(text, start):
                continue  # http://host:8080/~user@example
        value = text[start:end]
        name, _, password = value.partition(b":")
        shown = password.decode("utf-8", "replace")
        if value.strip(b"\x00:") and not (password and checks.is_placeholder(shown)):
            yield start, end, "url_credentials", None
        elif name and not password:
            continue


# --- JSON web tokens -------------------------------------------------------------------------

_B64 = rb"[A-Za-z0-9_-]"
_JWT_HINT = rb"e(?:yJ|yA|wo|wk|w0)" + _B64 + rb"{6}"
_JWT = engine.compiled(
    rb"e(?:yJ|yA|wo|wk|w0)" + _B64 + rb"{6,}\." + _B64 + rb"{4,}(?:\." + _B64 + rb"*){0,3}"
    rb"|eyJ(?:hbGciOi|0eXAiOi|raWQiOi|lbmMiOi|jdHkiOi)" + _B64 + rb"*"
    rb"|eyJ" + _B64 + rb"{6,}:[A-Za-z0-9]{6}:" + _B64 + rb"{20,}"
)


def web_tokens(text: bytes) -> Iterator[Found]:
    for match in _matches(_JWT, text):
        if not _is_word(_prev(text, match.start())):
            end = match.end()
            while text[end - 1 : end] == b"." and text[end : end + 1] in b" \t\r\n":
                end -= 1  # the full stop of the sentence; an unsigned token keeps its own
            yield match.start(), end, "jwt", None


# --- Bearer and Basic outside a header ---------------------------------------------------------

_INLINE_HINT = rb"(?i)\b(?:bearer|basic|negotiate|token|apikey)[ \t]{1,3}[A-Za-z0-9._~+/=-]{8}"
_INLINE = engine.compiled(
    rb"(?i)\b(bearer|basic|negotiate|token|apikey)[ \t]{1,3}([A-Za-z0-9._~+/=-]{8,})"
)


def inline_credentials(text: bytes) -> Iterator[Found]:
    for match in _matches(_INLINE, text):
        start, end = match.span(2)
        value = text[start:end].decode().rstrip(".")
        parameter = text[end : end + 1] in {b'"', b"'", b"\\"} and value.endswith("=")
        if parameter and not checks.looks_random(value.rstrip("="), shortest=12):
            continue  # Bearer realm="…"
        if match.group(1).lower() in {b"token", b"apikey"}:
            believed = len(value) >= 20 and checks.looks_random(value) and not _dotted_word(value)
        else:
            believed = checks.looks_random(value) or (len(value) >= 24 and value.isalpha())
        if believed and not checks.is_uuid(value):
            yield start, start + len(value), "secret", None


def _dotted_word(value: str) -> bool:
    return not any(c.isdigit() for c in value)


# --- tokens with a maker's prefix --------------------------------------------------------------

_CERTAIN = engine.compiled(vendors.CERTAIN)
_MAYBE = engine.compiled(vendors.MAYBE)


def vendor_tokens(text: bytes) -> Iterator[Found]:
    for match in _matches(_CERTAIN, text):
        start, end = match.span()
        if _is_word(_prev(text, start)) and not match.group().startswith(b"hooks"):
            continue
        end -= len(match.group()) - len(match.group().rstrip(b".-"))
        yield start, end, "secret", None


def shaped_tokens(text: bytes) -> Iterator[Found]:
    for match in _matches(_MAYBE, text):
        start, end = match.span()
        if _is_word(_prev(text, start)) or _prev(text, start) == b"-":
            continue
        body = re.split(r"[-_]", match.group().decode())[-1]
        if any(c.isdigit() for c in body) and any(c.isalpha() for c in body):
            yield start, end, "secret", None


# --- options, sentences, markup, queries --------------------------------------------------------

_WORD = (
    rb"pass(?:wor[dt]|phrase|code)|mot de passe|kennwort|secret(?: key)?|(?:access |api |auth )?"
    rb"token|api[ -]?key|access[ -]?key|credentials?|pin|otp|(?:verification|security|recovery|"
    rb"one[ -]time|mfa|2fa|auth\w*) code|zugangscode|schl\xc3\xbcssel"
)
_PROSE_HINT = (
    rb"(?i)\b(?:" + _WORD + rb")[\"'`]?,? (?:is|was|=|ist|lautet|est|set to|changed to|reset to"
    rb"|of|to|now|->)[ :]"
)
_PROSE = engine.compiled(
    rb"(?i)\b("
    + _WORD
    + rb")[\"'`]?,? (?:is now|is|was|=|ist|lautet|est|set to|changed to|reset to"
    rb"|of|to|now|->):? ?[\"'`]?([^\s\"'`<>]{4,})"
)
_OPTION_HINT = (
    rb"(?i)(?:^|[\s\"'])--?[a-z0-9-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token|api-?key|auth"
    rb"|credentials?|access-?key|private-?key)[ \t]|\b(?:curl|wget|http)\b.{0,200}-(?:u|U|-user) ?"
)
_OPTION = engine.compiled(
    rb"(?i)(?:^|[\s\"'])--?([a-z0-9-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token|api-?key|auth"
    rb"|credentials?|access-?key|private-?key))[ \t]+[\"']?([^\s\"'-][^\s\"']{2,})"
    rb"|\b(?:curl|wget|http)\b[^\n]{0,200}?\s-(?:u|U|-user) ?[\"']?[^\s\"':]{1,100}:([^\s\"']{3,})"
)
_XML_HINT = (
    rb"(?i)<[a-z0-9_.:-]*(?:pass(?:word|wd)|secret|token|api-?_?key|credential)[a-z0-9_.:-]*[ >]"
)
_XML = engine.compiled(
    rb"(?i)<([a-z0-9_.:-]*(?:pass(?:word|wd)|secret|token|api-?_?key|credential)[a-z0-9_.:-]*)"
    rb"(?: [^<>]*)?>\s*([^<>]{3,}?)\s*</"
)
_QUERY_HINT = (
    rb"(?i)[?&;](?:key|code|sig|signature|sas|auth|hmac|jwt|sid|ticket|hash|x-amz-[a-z-]+|"
    rb"x-goog-[a-z-]+|oauth_[a-z_]+|session|pass|pw|t|s|k)="
)
_QUERY = engine.compiled(
    rb"(?i)[?&;](key|code|sig|signature|sas|auth|hmac|jwt|sid|ticket|hash|x-amz-(?:signature|"
    rb"security-token|credential)|x-goog-(?:signature|credential)|oauth_(?:token|signature|verifier)"
    rb"|session|pass|pw|t|s|k)=([^\s&#\"'<>;,)\]}\\`|]+)"
)


def sentences(text: bytes) -> Iterator[Found]:
    for match in _matches(_PROSE, text):
        start = match.start(2)
        raw = match.group(2).rstrip(b".,;:!?)")
        value = raw.decode("utf-8", "replace")
        if raw.strip(b"\x00*") and not checks.is_placeholder(value) and _mixed(value):
            yield start, start + len(raw), "secret", None


def _mixed(value: str) -> bool:
    """In a sentence only a value that no word could be."""
    digits = any(c.isdigit() for c in value)
    return (digits and len(value) >= 4) or checks.looks_random(value)


def options(text: bytes) -> Iterator[Found]:
    for match in _matches(_OPTION, text):
        group = 2 if match.group(2) is not None else 3
        start, end = match.span(group)
        value = text[start:end].decode("utf-8", "replace")
        if value.strip("\x00*") and not checks.is_placeholder(value):
            yield start, end, "secret", None


def markup(text: bytes) -> Iterator[Found]:
    for match in _matches(_XML, text):
        start, end = match.span(2)
        value = text[start:end].decode("utf-8", "replace")
        if value.strip("\x00*") and not checks.is_placeholder(value):
            yield start, end, "secret", None


def queries(text: bytes) -> Iterator[Found]:
    for match in _matches(_QUERY, text):
        start, end = match.span(2)
        value = text[start:end].decode("utf-8", "replace")
        if b"\x00" in match.group(2) or checks.is_uuid(value):
            continue
        if checks.looks_random(value, shortest=16 if len(match.group(1)) > 1 else 24):
            yield start, end, "secret", None


# --- e-mail ------------------------------------------------------------------------------------

_EMAIL_HINT = rb"[A-Za-z0-9_+\x80-\xff-](?:@|%40)[A-Za-z0-9\x80-\xff]"
_EMAIL = engine.compiled(
    rb"([A-Za-z0-9.!#$&'*+/=?^_`{|}~\x80-\xff-]*(?:%2[Bb][A-Za-z0-9._-]+)?"
    rb"[A-Za-z0-9_+\x80-\xff-])(?:@|%40)"
    rb"((?:[A-Za-z0-9\x80-\xff](?:[A-Za-z0-9\x80-\xff-]*[A-Za-z0-9\x80-\xff])?\.)+"
    rb"(?:xn--[A-Za-z0-9-]{2,40}|[A-Za-z\x80-\xff]{2,24}))"
)
_LOCAL_LEAD = re.compile(rb"[A-Za-z0-9.+_'%\x80-\xff-]+\Z")
_FILES = frozenset(
    b"png jpg jpeg gif svg webp css js mjs ts map ico html json yaml yml service".split()
)


def emails(text: bytes) -> Iterator[Found]:
    for match in _matches(_EMAIL, text):
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

_IBAN_HINT = rb"\b[A-Z]{2}[0-9]{2}[ -]?[A-Z0-9]{2,4}[ -]?[A-Z0-9]{2}"
_IBAN = engine.compiled(rb"\b[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){11,30}")


def ibans(text: bytes) -> Iterator[Found]:
    for match in _matches(_IBAN, text):
        start, end = match.span()
        length = checks.iban_length(text[start : start + 2].decode())
        taken = [i for i in range(start, end) if text[i] not in b" -"][:length]
        if not length or len(taken) < length or _is_word(text[taken[-1] + 1 : taken[-1] + 2]):
            continue
        if checks.is_iban(bytes(text[i] for i in taken).decode()):
            yield start, taken[-1] + 1, "iban", None


_CARD_HINT = rb"\b[2-9][0-9]{3}(?:[ -]?[0-9]){8}|\b3[0-9]{3}[ -]?[0-9]{6}|\b[2-9][0-9]{12}"
_DIGITS = engine.compiled(rb"[0-9](?:(?:[ -]|\xc2\xa0|\xe2\x80[\xaf\x91])?[0-9]){11,}")
_CARD_GROUPS = frozenset(
    {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 4, 1), (4, 5, 6), (6, 10), (8, 8)}
)


def cards(text: bytes) -> Iterator[Found]:
    for match in _matches(_DIGITS, text):
        yield from _cards_in(text, *match.span())


def _cards_in(text: bytes, start: int, end: int) -> Iterator[Found]:
    groups = [(m.start(), m.end()) for m in re.finditer(rb"[0-9]+", text[start:end])]
    groups = [(left + start, right + start) for left, right in groups]
    before, after = _prev(text, start), text[end : end + 2]
    index = 0
    while index < len(groups):
        first = index == 0
        if not (
            first and (_is_word(before) or (before in b".-" and before and _glued(text, start)))
        ):
            count = _card_length(text, groups, index)
            last = index + count == len(groups)
            if count and not (last and (_is_word(after[:1]) or _decimal(after))):
                yield groups[index][0], groups[index + count - 1][1], "card", None
                index += count
                continue
        index += 1


def _glued(text: bytes, start: int) -> bool:
    return _is_word(text[max(0, start - 2) : start - 1])


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


_SSN_HINT = rb"\b[0-8][0-9]{2}-[0-9]{2}-[0-9]{4}\b"
_SSN = engine.compiled(_SSN_HINT)


def national_ids(text: bytes) -> Iterator[Found]:
    for match in _matches(_SSN, text):
        area, group, serial = match.group().split(b"-")
        start, end = match.span()
        glued = _prev(text, start) in {b"-", b".", b"/"} or text[end : end + 1] in {b"-", b"/"}
        if not glued and area not in {b"000", b"666"} and group != b"00" and serial != b"0000":
            yield start, end, "national_id", None


# --- accounts ------------------------------------------------------------------------------------

_OWNER = (
    rb"acct|acc|account|accnt|customer|cust|client|kunde|kunden|konto|compte|membership|policy"
    rb"|a/c"
)
_NOUN = rb"[ _-]?(?:id|ids|no\.?|nr\.?|nos?\.?|num|number|nummer|ref|#|n\xc2\xb0|num\xc3\xa9ro)?"
_ACCOUNT_HINT = (
    rb"(?i)\b(?:" + _OWNER + rb")s?" + _NOUN + rb"[ \t]*(?:[:=#_-]|is|ist|est|ending)?[ \t#:]*"
    rb"[\"'(]?[A-Z]{0,4}[_-]?[0-9A-Z-]*[0-9]|\b(?:cus|ba|acct)_[A-Za-z0-9]{8}|\bAC[a-f0-9]{32}"
)
_ACCOUNT = engine.compiled(
    rb"(?i)\b(?:((?:" + _OWNER + rb")s?[_#-]{1,2}([A-Za-z0-9][A-Za-z0-9-]*))"
    rb"|(?:"
    + _OWNER
    + rb")s?"
    + _NOUN
    + rb"(?:[ \t]*[:=#][ \t#:]*|[ \t]+(?:(?:is|ist|est|for|of) )?#?)"
    rb"[\"'(]?([A-Z]{0,4}[_-]?[A-Z0-9]*[0-9][A-Za-z0-9]*(?:[ -][0-9][A-Z0-9-]*)*)"
    rb"|((?:cus|ba|acct|cust)_[A-Za-z0-9]{8,}|AC[a-f0-9]{32}))"
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
    if match.group(4) is not None:
        body = match.group(4).partition(b"_")[2] or match.group(4)
        return match.span(4) if any(48 <= b < 58 for b in body) else None
    if match.group(1) is not None:
        end = match.end(1)
        bounded = not _is_word(text[end : end + 1])
        return match.span(1) if bounded and _joined_id(match.group(2).decode()) else None
    start, end = match.span(3)
    value = match.group(3).decode()
    digits = sum(c.isdigit() for c in value)
    if digits < 5 or _is_word(text[end : end + 1]) or checks.is_uuid(value):
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
    for match in _matches(_LABELLED, text):
        span = phones.labelled(text, match.start(), *match.span(1))
        if span is not None:
            start, end = span
            while start > 0 and text[start - 1 : start] in {b"+", b"("}:
                start -= 1
            yield start, end, "phone", None


def plain_numbers(text: bytes) -> Iterator[Found]:
    for match in _matches(_RUN, text):
        for start, end in phones.find(text, *match.span()):
            yield start, end, "phone", None


def _fixed(pattern: bytes) -> Callable[[], bytes]:
    return lambda: pattern


RULES: tuple[Rule, ...] = (
    Rule("private_key", private_keys, _fixed(_PEM_HINT)),
    Rule("url_credentials", url_credentials, _fixed(_URL_HINT)),
    Rule("jwt", web_tokens, _fixed(_JWT_HINT)),
    Rule("pair", pairs.find, pairs.hint),
    Rule("inline", inline_credentials, _fixed(_INLINE_HINT)),
    Rule("vendor", vendor_tokens, _fixed(vendors.CERTAIN)),
    Rule("shaped", shaped_tokens, _fixed(vendors.MAYBE)),
    Rule("sentence", sentences, _fixed(_PROSE_HINT)),
    Rule("option", options, _fixed(_OPTION_HINT)),
    Rule("markup", markup, _fixed(_XML_HINT)),
    Rule("query", queries, _fixed(_QUERY_HINT)),
    Rule("email", emails, _fixed(_EMAIL_HINT)),
    Rule("iban", ibans, _fixed(_IBAN_HINT)),
    Rule("card", cards, _fixed(_CARD_HINT)),
    Rule("national_id", national_ids, _fixed(_SSN_HINT)),
    Rule("account", accounts, _fixed(_ACCOUNT_HINT)),
    Rule("labelled_phone", telephone_numbers, _fixed(phones.LABEL_HINT)),
    Rule("phone", plain_numbers, _fixed(phones.HINT)),
)
