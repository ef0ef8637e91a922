"""When somebody of the contact book can be called: pure arithmetic on their local days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from controlplane.notify.models import Contact

_DAYS = {
    Contact.Days.ALL: range(7),
    Contact.Days.WORKING: range(5),
    Contact.Days.SIX: range(6),
    Contact.Days.SUNDAY_ON: (6, 0, 1, 2, 3),
    Contact.Days.WEEKEND: (5, 6),
}
_LONGEST = 8  # days from one stretch to the next, and one for the clocks


def opens_at(contact: Contact, at: datetime) -> datetime:
    """When they can be called next: `at` itself while they can be called then."""
    if contact.days == Contact.Days.ALL and contact.from_time is None:
        return at
    for begin, end in _stretches(contact, at):
        if at < end:
            return max(begin, at)
    raise RuntimeError(f"contact {contact.pk} has no hours")  # pragma: no cover - each week has


def is_there(contact: Contact, at: datetime) -> bool:
    return opens_at(contact, at) == at


def _stretches(contact: Contact, at: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Each, in order, from the one that began the day before: it may go on past midnight. A wall
    time that the clocks skip or repeat is resolved as the zone does."""
    zone = ZoneInfo(contact.time_zone)
    first = at.astimezone(zone).date() - timedelta(days=1)
    begins, ends = contact.from_time or time(), contact.until_time or time()
    over = timedelta(days=1 if ends <= begins else 0)
    for day in (first + timedelta(days=n) for n in range(_LONGEST + 2)):
        if day.weekday() in _DAYS[Contact.Days(contact.days)]:
            yield _moment(day, begins, zone), _moment(day + over, ends, zone)


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def words(contact: Contact) -> str:
    """As it is read: "Monday to Friday, 09:00 to 17:00 Europe/Berlin"."""
    days = contact.get_days_display()
    if contact.from_time is None or contact.until_time is None:
        return "At any time" if contact.days == Contact.Days.ALL else f"{days}, {contact.time_zone}"
    return f"{days}, {contact.from_time:%H:%M} to {contact.until_time:%H:%M} {contact.time_zone}"


def why_not(contact: Contact, at: datetime) -> str:
    """Why they can't be called then, or ""."""
    opens = opens_at(contact, at)
    if opens == at:
        return ""
    return f"{contact.name} is there again at {opens:%Y-%m-%d %H:%M} UTC ({words(contact)})."
