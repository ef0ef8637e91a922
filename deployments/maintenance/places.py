"""Where notices are read that nobody is sent: the banner, a status page. What shows them puts
itself here; a notice for a place that nobody shows has reached nobody, and says so."""

from __future__ import annotations

from collections.abc import Callable

from deployments.models import MaintenanceWindow

# Whether this window's notices can be read there.
Shows = Callable[[MaintenanceWindow], bool]
PLACES: dict[str, Shows] = {}


def register(channel: str, shows: Shows) -> None:
    PLACES[channel] = shows


def shown(channel: str, window: MaintenanceWindow) -> bool:
    shows = PLACES.get(channel)
    return shows is not None and shows(window)
