"""`name = value` in running text: JSON inside strings, logfmt, headers, queries, options.

The name is classified by the same table as a field's name. Only the name and its separator are
matched by pattern; the value is read from there, so that a rejected value of any length costs
nothing and `a_token=b_token=c_token=…` stays linear.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from controlplane.lib.redaction import engine, keys
from controlplane.lib.redaction.checks import is_placeholder, looks_random
from controlplane.lib.redaction.common import Found
from controlplane.lib.redaction.pseudonyms import is_pseudonym, pseudonym

MASK = 0  # the byte that stands for what another rule has taken already
LONGEST_QUOTED = 8192

_STEMS = (
    rb"pass(?:wor[dt]|wd|phrase|code)|_pass|dbpass|pwd|secret|token|credential|creds|"
    rb"authorization|api[ _-]?key|"
    rb"(?:access|private|signing|encryption|master|ssh|deploy|license|auth|service|storage|account"
    rb"|shared|subscription|webhook|hmac)[ _-]?key|"
    rb"signature|cookie|jsessionid|phpsessid|sessionid|connect[._-]sid|\bjwt|bearer|\bt?otp|"
    rb"_otp|\bpin|\bcv[vc]|\bcsc|"
    rb"(?:recovery|backup|verification|security|mfa|one[ _-]time|auth)[ _-]?codes?|"
    rb"security[ _-]?answer|csrf|\bsas\b|e[_-]?mail|courriel|phone|\btel\b|telefon|mobile|"
    rb"\bcell|fax|msisdn|handy|rufnummer|whatsapp|sms[_-]?number|address|addr|street|strasse|"
    rb"anschrift|adresse|account|acct|cust|konto|kunden|bban|iban|routing[ _-]?number|"
    rb"sort[ _-]?code|client[ _-]?number|numero[ _-]|card|\bpan\b|cc[ _-]?number|"
    rb"first[ _-]?name|last[ _-]?name|full[ _-]?name|surname|given[ _-]?name|family[ _-]?name|"
    rb"middle[ _-]?name|maiden|birth|legal[ _-]?name|contact[ _-]?name|patient|"
    rb"employee[ _-]?name|applicant|recipient[ _-]?name|vorname|nachname|ssn|"
    rb"social[ _-]?security|national[ _-]?id|passport|driver|license[ _-]?number|"
    rb"tax[ _-]?(?:id|number)|steuer|\bnino\b|\bdob\b|birthday|geburts|identity[ _-]?number|"
    rb"user[_.-]?ids?|uid_user"
)
_QUOTE = rb"(?:\\{0,7}[\"'`]|&quot;|&#34;|\\u0022)"


def _key_pattern() -> bytes:
    stems = _STEMS
    if keys.registered_names():
        names = (n.replace("_", "[ _.-]?") for n in sorted(keys.registered_names()))
        stems += b"|" + b"|".join(n.encode() for n in names)
    return (
        rb"(?i)([A-Za-z0-9_.$\-]*(?:" + stems + rb")[A-Za-z0-9_.\-]{0,40})"
        rb"(" + _QUOTE + rb"?(?:\])?\s{0,3}(?::=|=>|==?|:|%3d)\s{0,3})"
    )


@lru_cache(maxsize=4)
def pattern(generation: int) -> Any:
    """The compiled pattern; `generation` counts registered names."""
    return engine.compiled(_key_pattern())


def hint() -> bytes:
    return _key_pattern()


class Place(NamedTuple):
    """Where a value stands: what came before it decides how much is believed."""

    key: str
    kind: str
    start: int  # of the value, behind its opening quote
    quote: bytes  # the opening quote, b"" when bare
    key_quoted: bool
    assigned: bool  # `=`, not the colon of a sentence
    query: bool
    before: bytes  # a few bytes before the key


_OPEN = re.compile(rb"(\\{0,7})([\"'`])|&quot;|&#34;|\\u0022")
_BARE = re.compile(rb"[^\s;&\"'<>|,`\\]+")
_BARE_PASSWORD = re.compile(rb"(?:[^\s;&\"'<>|,`\\]|,(?!\s|[\w.-]+[=:]|$))+")
_QUERY = re.compile(rb"[^\s&#\"'<>;,)\]}\\`|]+")
_GROUPED = re.compile(rb"[A-Z0-9]+(?:[ -]?[A-Z0-9]*[0-9][A-Z0-9]*){0,9}")
_COOKIE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+=([^\s;,\"]{2,})")
_LINE = re.compile(rb"[^\r\n\"\x00]+")
_UNTIL_NEXT_FIELD = re.compile(rb"[^\r\n;&|,\"=]{1,160}?(?=\s+[\w.-]+=|[\r\n;&|,\"]|$)")
_NUMBER = re.compile(rb"-?[0-9]{1,40}")
_PROSE_FOLLOWS = re.compile(rb"[.,:]? [a-z]{2,}")


def find(text: bytes) -> Iterator[Found]:
    """(start, end, kind, replacement); None stands for the marker."""
    regexp = pattern(keys.generation())
    position = 0
    while True:
        match = regexp.search(text, position)
        if match is None:
            return
        position = match.end()
        place = _place(text, match)
        if place is None:
            position = match.end(1)
            continue
        if place.kind == keys.COOKIE and not place.quote and not place.assigned:
            for found in _cookies(text, place):
                yield found
                position = found[1]
            continue
        single = _value(text, place)
        if single is not None and single[1] > single[0]:
            yield single
            position = max(position, single[1])


def _place(text: bytes, match: Any) -> Place | None:
    key = match.group(1).decode("ascii", "replace").replace(" ", "_")
    kind = keys.classify(key.strip("$-_."))
    if not kind or kind == keys.KEEP:
        return None
    separator = match.group(2)
    opening = _OPEN.match(text, match.end())
    start = opening.end() if opening else match.end()
    quoted = separator[:1] not in b" \t\r\n:=%]" and bool(separator)
    return Place(
        key=key,
        kind=kind,
        start=start,
        quote=opening.group() if opening else b"",
        key_quoted=quoted,
        assigned=b"=" in separator or b"%3" in separator,
        query=text[max(0, match.start() - 1) : match.start()] in {b"?", b"&"},
        before=text[max(0, match.start() - 16) : match.start()],
    )


def _value(text: bytes, place: Place) -> Found | None:
    if place.kind == keys.SECRET and "authorization" in place.key.lower():
        span = _credentials(text, place)
        return (*span, "secret", None) if span else None
    span = _span(text, place)
    if span is None:
        return None
    raw = text[span[0] : span[1]]
    if MASK in raw and (place.kind == keys.USER or sum(b > 32 for b in raw) < 4):
        return None
    value = raw.decode("utf-8", "replace")
    if not _believed(value, text, place, span[1]):
        return None
    if place.kind == keys.USER:
        return None if is_pseudonym(value) else (*span, "user", pseudonym(value).encode())
    return (*span, "secret" if place.kind == keys.COOKIE else place.kind, None)


def _cookies(text: bytes, place: Place) -> Iterator[Found]:
    """The values of a cookie header. Names stay, and so do the attributes of Set-Cookie."""
    line = _LINE.match(text, place.start)
    if line is None:
        return
    for match in _COOKIE.finditer(text, place.start, line.end()):
        value = match[1].decode("utf-8", "replace")
        if not is_placeholder(value) and value.strip("\x00*"):
            yield match.start(1), match.end(1), "secret", None
        if place.key.lower().startswith("set"):
            return


def _span(text: bytes, place: Place) -> tuple[int, int] | None:
    if place.quote:
        return place.start, _closing(text, place.start, place.quote)
    if place.key_quoted and text[place.start : place.start + 1] in {b"[", b"{"}:
        return place.start, _bracketed(text, place.start)
    match = _bare(place).match(text, place.start)
    if match is None:
        return None
    end = match.end()
    value = match.group()
    stripped = value.rstrip(b".,:;)]}" if b"(" not in value else b".,:;]}")
    if b"(" not in value and b")" in stripped:
        stripped = stripped[: stripped.index(b")")]
    return (place.start, end - len(value) + len(stripped)) if stripped else None


def _bare(place: Place) -> re.Pattern[bytes]:
    if place.query:
        return _QUERY
    if place.kind in {keys.CARD, keys.IBAN}:
        return _GROUPED
    if place.kind in {keys.ADDRESS, keys.PERSON} and place.assigned:
        return _UNTIL_NEXT_FIELD
    if place.kind == keys.SECRET and "pass" in place.key.lower():
        return _BARE_PASSWORD
    return _BARE


def _closing(text: bytes, start: int, quote: bytes) -> int:
    """Where the value that `quote` opened ends: the same quote, escaped no deeper."""
    limit = min(len(text), start + LONGEST_QUOTED)
    mark = quote.lstrip(b"\\") if quote != b"\\u0022" else quote
    depth = len(quote) - len(mark)
    position = start
    while True:
        position = text.find(mark, position, limit)
        if position < 0:
            line_end = text.find(b"\n", start, limit)
            return line_end if line_end >= 0 else limit
        slashes = 0
        while position - slashes > start and text[position - slashes - 1] == 0x5C:
            slashes += 1
        if (depth == 0 and slashes % 2 == 0) or (0 < slashes <= depth):
            return position - (slashes if depth else 0)
        if depth and slashes == 0:
            return position
        position += len(mark)


def _bracketed(text: bytes, start: int) -> int:
    depth = 0
    for position in range(start, min(len(text), start + LONGEST_QUOTED)):
        byte = text[position]
        if byte in b"[{":
            depth += 1
        elif byte in b"]}":
            depth -= 1
            if depth == 0:
                return position + 1
    return min(len(text), start + LONGEST_QUOTED)


_SCHEME = re.compile(rb"([A-Za-z][A-Za-z0-9-]{1,30})[ \t]+(?=[^\s])")
_KNOWN_SCHEMES = frozenset(
    b"basic bearer token apikey api-key key negotiate ntlm dpop gnap genie-key splunk pve".split()
)
_PARAMETER_SCHEMES = frozenset(
    b"digest oauth aws4-hmac-sha256 aws hawk mac signature sharedkey sharedaccesssignature "
    b"googlelogin mutual scram-sha-256 vapid".split()
)
_CREDENTIAL = re.compile(rb"[^\s\"'\\,;<>\x00]+")


def _credentials(text: bytes, place: Place) -> tuple[int, int] | None:
    """The credentials of an Authorization header; the scheme stays, it explains failures."""
    start = place.start
    scheme = _SCHEME.match(text, start)
    name = scheme[1].lower() if scheme else b""
    if scheme and name in _PARAMETER_SCHEMES:
        end = _closing(text, start, place.quote) if place.quote else 0
        line = _LINE.match(text, scheme.end()) if name != b"digest" else None
        if not end:
            stop = text.find(b"\n", scheme.end())
            end = stop if stop >= 0 else len(text)
        return scheme.end(), min(end, line.end()) if line and not place.quote else end
    if scheme and (name in _KNOWN_SCHEMES or not place.assigned):
        value = _CREDENTIAL.match(text, scheme.end())
        if value is not None and _credential(value.group(), known=name in _KNOWN_SCHEMES):
            return value.span()
    value = _CREDENTIAL.match(text, start)
    if value is None or not _credential(value.group(), known=place.key_quoted or place.assigned):
        return None
    return value.span()


def _credential(raw: bytes, *, known: bool) -> bool:
    value = raw.decode("utf-8", "replace")
    if is_placeholder(value) or value.lower().encode() in _KNOWN_SCHEMES | _PARAMETER_SCHEMES:
        return False
    return looks_random(value) or (known and len(value) >= 4)


def _believed(value: str, text: bytes, place: Place, end: int) -> bool:
    stripped = value.strip()
    if not stripped or is_placeholder(stripped):
        return False
    if place.kind in {keys.SECRET, keys.COOKIE}:
        return _secret_believed(stripped, text, place, end)
    return _personal_believed(stripped, place)


def _secret_believed(value: str, text: bytes, place: Place, end: int) -> bool:
    key = place.key.lower()
    number = value.lstrip("-").isdigit()
    if number and not place.quote and len(value) < (3 if "pin" in key or "cv" in key else 6):
        return "pass" in key and place.assigned and len(value) > 2
    if place.key_quoted or (place.assigned and not place.quote):
        return len(value) >= 3 or "pass" in key
    before = place.before.lower().rstrip(b" ")
    parser_talk = before.endswith((b"unexpected", b"unknown", b"illegal", b"invalid", b"stop"))
    if looks_random(value, shortest=6):
        return not (parser_talk and len(value) < 12)
    if place.quote:
        return len(value) >= 4 and not parser_talk
    if "pass" in key or "pwd" in key:
        return len(value) >= 4 and not _PROSE_FOLLOWS.match(text, end)
    return len(value) >= 24 and "_" not in value and "/" not in value


def _personal_believed(value: str, place: Place) -> bool:
    digits = sum(c.isdigit() for c in value)
    strong = place.key_quoted or (place.assigned and bool(place.quote))
    match place.kind:
        case keys.ADDRESS:
            exact = keys.words(place.key) in (["address"], ["addr"]) and place.key_quoted
            return (strong or place.assigned) and (exact or not is_network_address(value))
        case keys.PERSON:
            return strong or place.assigned
        case keys.EMAIL:
            return place.key_quoted and bool(place.quote)
        case keys.PHONE:
            return place.key_quoted and digits >= 5
        case keys.USER:
            return len(value) <= 256
        case keys.ACCOUNT:
            return strong or (digits >= 1 and len(value) >= 3)
        case _:
            return digits >= 3


def is_network_address(value: str) -> bool:
    """An IP address or network, with or without a port, or a host with one."""
    host = re.sub(r":\d{1,5}$", "", value.strip("[]")) if value.count(":") <= 1 else value
    try:
        ipaddress.ip_interface(re.sub(r"^\[|\](:\d{1,5})?$", "", host))
    except ValueError:
        return re.fullmatch(r"[a-z0-9.-]+(:\d{1,5})|0x[0-9a-fA-F]+|(/[\w.-]+)+", value) is not None
    return True
