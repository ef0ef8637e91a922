"""What everybody reads above every page: maintenance that is announced, or goes on.

The console asks for it with the rest of its frame, which it keeps for some seconds: a page costs
nothing for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from zoneinfo import ZoneInfo

from controlplane.access.models import User
from controlplane.base.registries import BannerText
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from controlplane.oncall.walls import zone_of
from deployments.maintenance import links, plans
from deployments.models import MaintenanceWindow

SHOWN = 2
LIST = "/admin/deployments/maintenancewindow/?when=upcoming"
UNDER_WAY = "/admin/deployments/maintenancewindow/?when=now"


def texts(actor: Actor, workspace_id: int | None) -> Sequence[BannerText]:
    """What goes on, and the next that comes: a page of banners would be read by nobody."""
    rows = MaintenanceWindow.objects.visible_to(actor).on_banner()
    if workspace_id is not None:
        rows = rows.filter(workspace=workspace_id)
    rows = rows.select_related("environment", "workspace").prefetch_related("parts__service")
    found = list(rows[:20])
    if not found:
        return []
    zone = _zone(actor)
    going = [row for row in found if row.status == "in_progress"]
    coming = [row for row in found if row.status != "in_progress"]
    shown = [_told(row, zone) for row in going[:SHOWN]]
    if len(going) > SHOWN:
        more = BannerText(f"{len(going) - SHOWN} more go on.", "warn", UNDER_WAY, "All of it")
        shown.append(more)
    for row in coming[:1]:
        text = _told(row, zone)
        if len(coming) > 1:
            more = BannerText(f"{text.text} {len(coming) - 1} more after it.", text.tone, LIST,
                              "All of it")  # fmt: skip
            text = more
        shown.append(text)
    return shown


def _zone(actor: Actor) -> ZoneInfo:
    names = User.objects.filter(pk=actor.user_id or 0).values_list("time_zone", flat=True)
    return zone_of(names.first() or "UTC")


def _told(row: MaintenanceWindow, zone: ZoneInfo) -> BannerText:
    title = row.title if row.is_ours else f"{row.partner}: {row.title}"
    names = ", ".join(_names(row)) or "everything"
    concerned = f"{names} in {row.environment}"
    late = clock.now() >= row.ends_at
    if row.status == "in_progress":
        until = "longer than planned" if late else f"until {_clock(row, zone)}"
        return BannerText(
            f"Maintenance goes on, {until}: {title} ({concerned}).", "warn", links.window(row)
        )
    when = plans.span_words(row.starts_at, row.ends_at, zone)
    return BannerText(f"Maintenance {when}: {title} ({concerned}).", "info", links.window(row))


def _names(row: MaintenanceWindow) -> Iterator[str]:
    for part in sorted(row.parts.all(), key=lambda part: part.service.name):
        yield part.service.name


def _clock(row: MaintenanceWindow, zone: ZoneInfo) -> str:
    local = row.ends_at.astimezone(zone)
    told = f"{row.ends_at.astimezone(UTC):%H:%M} UTC"
    return f"{local:%H:%M} ({told})" if local.utcoffset() else told
