"""What readers of a status page are told by mail: what was told to customers of an incident, and of
maintenance that it is announced, moved, begun, over or called off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from deployments.maintenance.plans import AHEAD
from deployments.models import Notice
from incidents.models import StatusPage, Update
from incidents.status import links

# What a notice is called in the subject. The reminders before it begins are read on the page.
_WORDS: Mapping[str, str] = {
    **dict.fromkeys(AHEAD, "Maintenance on {day}"),
    "correction": "Maintenance moved to {day}",
    "start": "Maintenance begins",
    "done": "Maintenance is over",
    "cancelled": "Maintenance is cancelled",
    "missed": "Maintenance did not begin",
}
_TIMED = frozenset({*AHEAD, "correction", "start"})
_SAID = ("sent", "late")


@dataclass(frozen=True, slots=True)
class News:
    """`about` finds it again: {"update": 7}. `key` is the same whoever asks."""

    about: dict[str, int]
    key: str
    at: datetime
    subject: str
    text: str
    link: str


def since(page: StatusPage, moment: datetime) -> Iterator[News]:
    """In the order in which it was said."""
    updates = _updates(page).filter(posted_at__gt=moment).order_by("posted_at", "pk")
    notices = _notices(page).filter(sent_at__gt=moment).order_by("sent_at", "pk")
    found = [*(_of_update(page, each) for each in updates),
             *(_of_notice(page, each) for each in notices if _is_news(each))]  # fmt: skip
    yield from sorted(found, key=lambda each: (each.at, each.key))


def find(page: StatusPage, about: Mapping[str, Any]) -> News | None:
    if "notice" in about:
        notice = _notices(page).filter(pk=about["notice"]).first()
        return _of_notice(page, notice) if notice is not None else None
    update = _updates(page).filter(pk=about["update"]).first()
    return _of_update(page, update) if update is not None else None


def _updates(page: StatusPage) -> Any:
    rows = Update.objects.filter(
        workspace=page.workspace_id, audience="customers", status="posted", posted_at__isnull=False
    )
    return rows.exclude(incident__origin="drill").select_related("incident")


def _of_update(page: StatusPage, row: Any) -> News:
    return News(
        {"update": row.pk}, str(row.uid), row.posted_at, row.subject, row.text,
        f"{links.page(page)}/incidents/{row.incident.uid}",
    )  # fmt: skip


def _notices(page: StatusPage) -> Any:
    """Notices that were to be read on the page, and are."""
    rows = Notice.objects.filter(
        window__workspace=page.workspace_id, channel=Notice.Channel.STATUS, state__in=_SAID,
        kind__in=_WORDS, sent_at__isnull=False,
    )  # fmt: skip
    return rows.select_related("window").prefetch_related("window__parts")


def _is_news(row: Notice) -> bool:
    """It is announced once; another time it got is a notice of its own."""
    if row.kind not in AHEAD:
        return True
    earlier = Notice.objects.filter(
        window=row.window, channel=row.channel, kind__in=AHEAD, state__in=_SAID,
        sent_at__lt=row.sent_at,
    )  # fmt: skip
    return not earlier.exists()


def _of_notice(page: StatusPage, row: Any) -> News:
    window = row.window
    start, end = (at.astimezone(ZoneInfo(page.time_zone)) for at in (window.starts_at,
                                                                     window.ends_at))  # fmt: skip
    day = f"{start:%a} {start.day} {start:%b}"
    said = [f"{day}, {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} {end.tzname()}"]
    if row.kind in _TIMED and window.about:
        said.append(window.about)
    subject = f"{_WORDS[row.kind].format(day=day)}: {window.title}"
    return News({"notice": row.pk}, f"notice.{row.pk}", row.sent_at, subject, "\n\n".join(said),
                links.home(page))  # fmt: skip
