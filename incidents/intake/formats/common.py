"""What all readers do: texts made fit to keep, times of many spellings, nothing refused that can
be kept."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from controlplane.lib import strictjson
from controlplane.lib.errors import Invalid
from controlplane.lib.redaction import redact_text
from controlplane.lib.redaction.scan import redact_many
from incidents.intake.normal import LABEL_NAME, LABEL_VALUE, MOST_LABELS

MAX_BODY = 32 * 1024 * 1024
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?\s*(Z|[+-]\d\d:?\d\d)?(Z?)", re.ASCII
)
_NEVER = 1  # the year that Go's zero time is in
_LINK = re.compile(r"https?://[^\s<>\"]{1,990}", re.ASCII)


def parsed(body: bytes) -> Any:
    if not body.strip():
        raise Invalid("The body is empty.", details={"body": "Empty."})
    return strictjson.loads(body, max_bytes=MAX_BODY)


def object_of(value: Any) -> Mapping[str, Any]:
    if not is_object(value):
        raise Invalid("Must be an object.", details={"body": "Must be an object."})
    found: Mapping[str, Any] = value
    return found


def is_object(value: Any) -> bool:
    """What JSON makes is asked first: to ask for any mapping costs more than to read it."""
    return value.__class__ is dict or isinstance(value, Mapping)


def text_of(value: Any, most: int = 1_000) -> str:
    """A text from whatever stands there; what is no text is written as JSON writes it."""
    if value.__class__ is str:
        return (value.replace("\0", "") if "\0" in value else value).strip()[:most]
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else str(value)
    return text.replace("\0", "").strip()[:most]


def labels_of(value: Any, clean: dict[str, str] | None = None) -> dict[str, str]:
    """Names and values as texts; more than there is room for is left out, the last ones first.
    `clean`: values that were looked through already, for alerts of one message, whose labels are
    mostly the same. It lives as long as the message is read: what is raw in it is kept nowhere."""
    clean = {} if clean is None else clean
    if not is_object(value):
        return {}
    found: dict[str, str] = {}
    pairs = value.items() if len(value) <= MOST_LABELS else list(value.items())[:MOST_LABELS]
    for name, said in pairs:
        key = _name_of(name)
        if key:
            text = said if said.__class__ is str else text_of(said, LABEL_VALUE)
            known = clean.get(text)
            if known is None:
                known = clean[text] = redact_text(text_of(text, LABEL_VALUE))
            found[key] = known
    return found


@lru_cache(maxsize=1_000)
def _name_of(name: str) -> str:
    return text_of(name, LABEL_NAME)


def looked_through(alerts: Sequence[Any], *names: str) -> dict[str, str]:
    """The texts of all labels of a message, looked through for secrets as one: for thousands of
    alerts that is a few steps where it was one for each."""
    texts = {
        said
        for alert in alerts
        if is_object(alert)
        for name in names
        if is_object(labels := alert.get(name)) and len(labels) <= MOST_LABELS
        for said in labels.values()
        if said.__class__ is str
    }
    raw = list(texts)
    cut = [text_of(text, LABEL_VALUE) for text in raw]
    found = redact_many(cut)
    return {
        text: known if result is None else result[0]
        for text, known, result in zip(raw, cut, found, strict=True)
    }


def moment_of(value: Any) -> datetime | None:
    """A time, with or without a fraction or a zone; None for none and for what is no time."""
    if isinstance(value, bool) or value in (None, "", 0):
        return None
    if isinstance(value, int | float):
        seconds = value / 1000 if value > 1e11 else value
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (OverflowError, OSError, ValueError):
            return None
    return _moment_said(str(value).strip()[:60])


@lru_cache(maxsize=1_000)
def _moment_said(text: str) -> datetime | None:
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    day, clock, fraction, zone, _ = match.groups()
    zone = "+00:00" if zone in (None, "Z") else zone
    try:
        found = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{zone}")
    except ValueError:
        return None
    if found.year <= _NEVER:
        return None
    try:
        return found.astimezone(UTC)
    except OverflowError:
        return None


Links = dict[tuple[Any, ...], list[dict[str, str]]]


def links_of(texts: Sequence[str], hrefs: tuple[Any, ...], seen: Links) -> list[dict[str, str]]:
    """Those that are links, each with its text. `seen`: those of the same message."""
    try:
        known = seen.get(hrefs)
    except TypeError:  # something else than a text stands there
        hrefs = tuple(text_of(href) for href in hrefs)
        known = seen.get(hrefs)
    if known is None:
        pairs = zip(hrefs, texts, strict=True)
        known = seen[hrefs] = [link for href, text in pairs for link in link_of(href, text)]
    return known


def link_of(href: Any, text: str) -> list[dict[str, str]]:
    if not href:
        return []
    said = text_of(href)
    return [{"href": said, "text": text}] if _LINK.fullmatch(said) else []
