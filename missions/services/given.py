"""What is given of safeguards, findings and toolkits, brought into one form or refused."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from controlplane.approvals import packets as canonical
from controlplane.lib import clock
from controlplane.lib.redaction import redact
from missions import guarding
from missions.models import Mode, Severity
from missions.services import reading
from missions.services.reading import refuse

MOST_SCOPES = 60
_NAME = re.compile(r"[A-Za-z0-9][\w .:/@+-]{0,119}")
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_SCOPE = re.compile(r"[!-~]{1,120}")
_MOST = 2**53
_SKEW = timedelta(minutes=5)


def name(field: str, value: Any) -> str:
    """What somebody outside calls a thing: a finding, a step, a link."""
    given = reading.line(field, value, 120, required=True)
    if not _NAME.fullmatch(given):
        raise refuse(field, "Letters, digits, spaces and . : / @ + - _ in it.")
    return given


def slug(field: str, value: Any) -> str:
    given = reading.line(field, value, 60, required=True).lower()
    if not _SLUG.fullmatch(given):
        raise refuse(field, "Small letters, digits and -.")
    return given


def uid(field: str, value: Any) -> uuid.UUID:
    if isinstance(value, uuid.UUID):
        return value
    try:
        return uuid.UUID(reading.line(field, value, 40))
    except ValueError:
        raise refuse(field, "The uid of one.") from None


def severity(value: Any) -> str:
    return reading.choice("severity", value, Severity.values)


def mode(value: Any) -> str:
    return reading.choice("mode", value, Mode.values)


def category(value: Any) -> str:
    return reading.choice("category", value, guarding.CATEGORIES)


def switch(field: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise refuse(field, "True or false.")
    return value


def document(field: str, value: Any, most: int = 8_000) -> dict[str, Any]:
    """A JSON object of sensible size; what looks like a secret is not kept."""
    if not isinstance(value, Mapping):
        raise refuse(field, "An object.")
    text = canonical.clean(value, field=field)
    if len(text) > most:
        raise refuse(field, f"At most {most:,} bytes.")
    found: dict[str, Any] = redact(json.loads(text))
    return found


def scopes(field: str, value: Any) -> list[str]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise refuse(field, "A list.")
    found = [reading.line(field, each, 120, required=True) for each in value]
    if len(found) > MOST_SCOPES:
        raise refuse(field, f"At most {MOST_SCOPES}.")
    for each in found:
        if not _SCOPE.fullmatch(each):
            raise refuse(field, "A scope holds no spaces: mail.read, https://…/auth/drive.")
    return sorted(set(found))


def words(field: str, value: Any, most: int = 30) -> list[str]:
    if isinstance(value, str | Mapping) or not isinstance(value, Iterable):
        raise refuse(field, "A list.")
    found = [reading.kept_line(field, each, 60, required=True) for each in value]
    if len(found) > most:
        raise refuse(field, f"At most {most}.")
    return sorted(set(found))


def amount(field: str, value: Any, most: int = _MOST) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise refuse(field, f"A whole number from 0 to {most:,}.")
    return value


def percent(field: str, value: Any) -> Decimal:
    given = reading.figure(field, value)
    if given is None or not 0 <= given <= 100:
        raise refuse(field, "From 0 to 100.")
    return given.quantize(Decimal("0.01"))


def past(field: str, value: Any) -> datetime:
    """When something was; now, where nothing is said. Clocks of others may be a little ahead."""
    now = clock.now()
    given = reading.moment(field, value)
    if given is None:
        return now
    if given > now + _SKEW:
        raise refuse(field, "That is in the future.")
    return min(given, now)


def ahead(field: str, value: Any) -> datetime | None:
    given = reading.moment(field, value)
    if given is not None and given <= clock.now():
        raise refuse(field, "That is over.")
    return given
