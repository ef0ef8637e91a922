"""What people and programs give, brought into one form or refused with the field named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils import timezone

from controlplane.access.models import Grant, User
from controlplane.lib import given as plain
from controlplane.lib.redaction import redact_text

refuse, text, line = plain.refuse, plain.text, plain.line
LONG = plain.LONG
REASON = 500
_YEARS = (1970, 2200)  # beyond them sums of times leave the calendar
MOST_TAGS = 20
MOST_LINKS = 50
_TYPE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_TAG = re.compile(r"[\w][\w .:/+-]{0,39}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_FIGURE = Decimal(10) ** 14  # what the column keeps before the point


def kept(field: str, value: Any, most: int = LONG) -> str:
    """A text as it is stored: what looks like a secret is not."""
    return redact_text(text(field, value, most))[:most]


def kept_line(field: str, value: Any, most: int, *, required: bool = False) -> str:
    return redact_text(line(field, value, most, required=required))[:most]


def reason(value: Any) -> str:
    return kept_line("reason", value, REASON, required=True)


def choice(field: str, value: Any, known: Iterable[str]) -> str:
    given = line(field, value, 60)
    if given not in set(known):
        raise refuse(field, f"One of {', '.join(each for each in known if each)}.")
    return given


def priority(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 4:
        raise refuse("priority", "0 to 4; 0 is the most urgent.")
    return value


def mission_type(value: Any) -> str:
    given = line("mission_type", value, 40).lower()
    if given and not _TYPE.fullmatch(given):
        raise refuse("mission_type", "Letters, digits, - and _: it is part of a flag's name.")
    return given


def tags(value: Any) -> list[str]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise refuse("tags", "A list.")
    found = [line("tags", each, 40) for each in value]
    if len(found) > MOST_TAGS:
        raise refuse("tags", f"At most {MOST_TAGS}.")
    for each in found:
        if not _TAG.fullmatch(each):
            raise refuse("tags", "Letters, digits, spaces and . : / + - in each.")
    return list(dict.fromkeys(found))


def day(field: str, value: Any) -> date | None:
    if value is None:
        return None
    if isinstance(value, datetime) or not isinstance(value, date):
        raise refuse(field, "A date.")
    return value


def moment(field: str, value: Any) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, datetime) or timezone.is_naive(value):
        raise refuse(field, "A time with its offset.")
    if not _YEARS[0] <= value.year <= _YEARS[1]:
        raise refuse(field, f"Between {_YEARS[0]} and {_YEARS[1]}.")
    return value


def figure(field: str, value: Any) -> Decimal | None:
    if value is None:
        return None
    try:
        given = Decimal(str(value))
    except (InvalidOperation, ValueError):
        raise refuse(field, "A number.") from None
    if isinstance(value, bool) or not given.is_finite() or abs(given) >= _FIGURE:
        raise refuse(field, "A number of at most 14 digits before the point.")
    return given.quantize(Decimal("0.0001"))


def share(field: str, value: Any) -> Decimal | None:
    given = figure(field, value)
    if given is not None and not 0 <= given <= 1:
        raise refuse(field, "From 0 to 1.")
    return None if given is None else given.quantize(Decimal("0.001"))


def owner(workspace_id: int, person: Any) -> User:
    """Somebody who works here. Of anybody else it says the same, whether they are elsewhere."""
    held = Grant.objects.held().filter(membership__workspace_id=workspace_id)
    works = isinstance(person, User) and person.is_active
    if works and held.filter(membership__user=person).exists():
        return person  # type: ignore[no-any-return]
    raise refuse("owner", "Somebody of this workspace.")


def links(field: str, value: Any) -> list[dict[str, str]]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise refuse(field, "A list.")
    given = list(value)
    if len(given) > MOST_LINKS:
        raise refuse(field, f"At most {MOST_LINKS}.")
    return [link(field, each) for each in given]


def link(field: str, given: Any) -> dict[str, str]:
    """`label`, `link` and, if known, the `sha256` of what it leads to."""
    if not isinstance(given, Mapping):
        raise refuse(field, "Each with label and link.")
    address = line(field, given.get("link", ""), 500, required=True)
    if not re.match(r"(?i)(https?://[^\s/]|/(?!/)|docs/)", address):
        raise refuse(field, "A web address, a page of the portal or a path in docs/.")
    sha = line(field, given.get("sha256", "") or "", 64).lower()
    if sha and not _SHA256.fullmatch(sha):
        raise refuse(field, "A sha256 has 64 of 0-9 and a-f.")
    label = redact_text(line(field, given.get("label", "") or "", 200))[:200]
    return {"label": label or address[:200], "link": address, "sha256": sha}
