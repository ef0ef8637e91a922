"""Rules for what opens doors: keys, tokens, passwords."""

from __future__ import annotations

import re
from collections.abc import Iterator

from controlplane.lib.redaction import checks, engine, vendors
from controlplane.lib.redaction.common import Found, byte_before, is_word, matches

# --- private keys ----------------------------------------------------------------------------

PEM_HINT = rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY"
_PEM = engine.compiled(
    PEM_HINT + rb"[A-Z ]{0,10}-----(?s:.*?)"
    rb"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----|\z)"
)


def private_keys(text: bytes) -> Iterator[Found]:
    for match in matches(_PEM, text):
        yield match.start(), match.end(), "private_key", None


# --- credentials in URLs ---------------------------------------------------------------------

URL_HINT = rb"[A-Za-z]://[^\s\"'<>/?#]*@|[A-Za-z]://[^\s\"'<>/?#@]*:[^\s\"'<>@]+@"
_URL = engine.compiled(
    rb"[A-Za-z][A-Za-z0-9+.-]*://(?:([^\s\"'<>/?#@]*:[^\s\"'<>/?#\\`]*)@|([^\s\"'<>/?#:@\\`]+)@"
    rb"|([^\s\"'<>/?#@:]*:[^\s\"'<>@\\`]+)@[A-Za-z0-9\[])"
)
_PORT_THEN_PATH = re.compile(rb"[^:]*:[0-9]{0,5}[/?#]")


def url_credentials(text: bytes) -> Iterator[Found]:
    for match in matches(_URL, text):
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
JWT_HINT = rb"e(?:yJ|yA|wo|wk|w0)" + _B64 + rb"{6}"
_JWT = engine.compiled(
    rb"e(?:yJ|yA|wo|wk|w0)" + _B64 + rb"{6,}\." + _B64 + rb"{4,}(?:\." + _B64 + rb"*){0,3}"
    rb"|eyJ(?:hbGciOi|0eXAiOi|raWQiOi|lbmMiOi|jdHkiOi)" + _B64 + rb"*"
    rb"|eyJ" + _B64 + rb"{6,}:[A-Za-z0-9]{6}:" + _B64 + rb"{20,}"
)


def web_tokens(text: bytes) -> Iterator[Found]:
    for match in matches(_JWT, text):
        if not is_word(byte_before(text, match.start())):
            end = match.end()
            while text[end - 1 : end] == b"." and text[end : end + 1] in b" \t\r\n":
                end -= 1  # the full stop of the sentence; an unsigned token keeps its own
            yield match.start(), end, "jwt", None


# --- Bearer and Basic outside a header ---------------------------------------------------------

INLINE_HINT = rb"(?i)\b(?:bearer|basic|negotiate|token|apikey)[ \t]{1,3}[A-Za-z0-9._~+/=-]{8}"
_INLINE = engine.compiled(
    rb"(?i)\b(bearer|basic|negotiate|token|apikey)[ \t]{1,3}([A-Za-z0-9._~+/=-]{8,})"
)


def inline_credentials(text: bytes) -> Iterator[Found]:
    for match in matches(_INLINE, text):
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
    for match in matches(_CERTAIN, text):
        start, end = match.span()
        if is_word(byte_before(text, start)) and not match.group().startswith(b"hooks"):
            continue
        end -= len(match.group()) - len(match.group().rstrip(b".-"))
        yield start, end, "secret", None


def shaped_tokens(text: bytes) -> Iterator[Found]:
    for match in matches(_MAYBE, text):
        start, end = match.span()
        if is_word(byte_before(text, start)) or byte_before(text, start) == b"-":
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
PROSE_HINT = (
    rb"(?i)\b(?:" + _WORD + rb")[\"'`]?,? (?:is|was|=|ist|lautet|est|set to|changed to|reset to"
    rb"|of|to|now|->)[ :]|(?i)\b(?:" + _WORD + rb"):? (?:value |here )?[\"'`][^\s\"'`]"
)
_PROSE = engine.compiled(
    rb"(?i)\b("
    + _WORD
    + rb")[\"'`]?,? (?:is now|is|was|=|ist|lautet|est|set to|changed to|reset to"
    rb"|of|to|now|->):? ?[\"'`]?([^\s\"'`<>]{4,})"
    rb"|(?i)\b(?:" + _WORD + rb"):? (?:value |here )?[\"'`]([^\s\"'`<>]{4,})[\"'`]"
)
OPTION_HINT = (
    rb"(?i)(?:^|[\s\"'])--?[a-z0-9-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token|api-?key|auth"
    rb"|credentials?|access-?key|private-?key)[ \t]|\b(?:curl|wget|http)\b.{0,200}-(?:u|U|-user) ?"
)
_OPTION = engine.compiled(
    rb"(?i)(?:^|[\s\"'])--?([a-z0-9-]*(?:pass(?:word|wd|phrase)?|pwd|secret|token|api-?key|auth"
    rb"|credentials?|access-?key|private-?key))[ \t]+[\"']?([^\s\"'-][^\s\"']{2,})"
    rb"|\b(?:curl|wget|http)\b[^\n]{0,200}?\s-(?:u|U|-user) ?[\"']?[^\s\"':]{1,100}:([^\s\"']{3,})"
)
XML_HINT = (
    rb"(?i)<[a-z0-9_.:-]*(?:pass(?:word|wd)|secret|token|api-?_?key|credential)[a-z0-9_.:-]*[ >]"
)
_XML = engine.compiled(
    rb"(?i)<([a-z0-9_.:-]*(?:pass(?:word|wd)|secret|token|api-?_?key|credential)[a-z0-9_.:-]*)"
    rb"(?: [^<>]*)?>\s*([^<>]{3,}?)\s*</"
)
QUERY_HINT = (
    rb"(?i)[?&;](?:key|code|sig|signature|sas|auth|hmac|jwt|sid|ticket|hash|x-amz-[a-z-]+|"
    rb"x-goog-[a-z-]+|oauth_[a-z_]+|session|pass|pw|t|s|k)="
)
_QUERY = engine.compiled(
    rb"(?i)[?&;](key|code|sig|signature|sas|auth|hmac|jwt|sid|ticket|hash|x-amz-(?:signature|"
    rb"security-token|credential)|x-goog-(?:signature|credential)|oauth_(?:token|signature|verifier)"
    rb"|session|pass|pw|t|s|k)=([^\s&#\"'<>;,)\]}\\`|]+)"
)


def sentences(text: bytes) -> Iterator[Found]:
    for match in matches(_PROSE, text):
        group = 2 if match.group(2) is not None else 3
        start = match.start(group)
        raw = match.group(group).rstrip(b".,;:!?)" if group == 2 else b"")
        value = raw.decode("utf-8", "replace")
        if raw.strip(b"\x00*") and not checks.is_placeholder(value) and _mixed(value):
            yield start, start + len(raw), "secret", None


def _mixed(value: str) -> bool:
    """In a sentence only a value that no word could be."""
    digits = any(c.isdigit() for c in value)
    return (digits and len(value) >= 4) or checks.looks_random(value)


def options(text: bytes) -> Iterator[Found]:
    for match in matches(_OPTION, text):
        group = 2 if match.group(2) is not None else 3
        start, end = match.span(group)
        value = text[start:end].decode("utf-8", "replace")
        if value.strip("\x00*") and not checks.is_placeholder(value):
            yield start, end, "secret", None


def markup(text: bytes) -> Iterator[Found]:
    for match in matches(_XML, text):
        start, end = match.span(2)
        value = text[start:end].decode("utf-8", "replace")
        if value.strip("\x00*") and not checks.is_placeholder(value):
            yield start, end, "secret", None


def queries(text: bytes) -> Iterator[Found]:
    for match in matches(_QUERY, text):
        start, end = match.span(2)
        value = text[start:end].decode("utf-8", "replace")
        if b"\x00" in match.group(2) or checks.is_uuid(value):
            continue
        if checks.looks_random(value, shortest=16 if len(match.group(1)) > 1 else 24):
            yield start, end, "secret", None
