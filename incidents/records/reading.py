"""What people and programs say of an incident: one form, or a refusal with the field named."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from controlplane.lib import clock
from controlplane.lib.given import line, refuse
from controlplane.work import services as work
from incidents.models import Incident, SeverityLevel
from incidents.records.noting import PORTAL

_MOST_NAMES = 200


def percent(field: str, value: Any) -> int:
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        value = int(value[:9])
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
        raise refuse(field, "A whole number from 0 to 100.")
    return value


def moment(field: str, value: Any) -> datetime:
    if isinstance(value, str):
        try:
            value = parse_datetime(value.strip())
        except ValueError:
            value = None
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise refuse(field, "A time with its zone, as 2026-03-01T08:30:00Z.")
    return value


def began(field: str, value: Any) -> datetime:
    found = moment(field, value)
    if found > clock.now():
        raise refuse(field, "It can't have begun later than now.")
    return found


def names(field: str, value: Any) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise refuse(field, "A list of names.")
    if len(value) > _MOST_NAMES:
        raise refuse(field, f"At most {_MOST_NAMES}.")
    return list(dict.fromkeys(line(field, each, 120, required=True) for each in value))


def one_of(field: str, value: Any, known: Sequence[str]) -> str:
    if value not in known:
        raise refuse(field, f"One of {', '.join(known)}.")
    return str(value)


def relabel(incident: Incident, old: SeverityLevel, new: SeverityLevel) -> None:
    """The item has the label and the priority of the level."""
    if incident.item is None:
        return
    work.update_item(
        incident.item,
        actor=PORTAL,
        priority=new.item_priority,
        add_labels=[new.code],
        remove_labels=[old.code],
    )
