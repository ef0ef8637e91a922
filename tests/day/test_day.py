"""A whole day of the product, in one workspace and through its real doors: an alert and all that it
touches, a standard deployment, a hotfix with its debt, a question that is an incident, a mission, a
canary that takes itself back, and a window of maintenance. At its end one log tells all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.day import canary, deploying, mission, ticket, window
from tests.day.town import Town
from tests.kit import browser as browsers
from tests.kit import joined, senders
from tests.kit.served import Served

if TYPE_CHECKING:
    from tests.kit.browser import Browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    senders.needs("prometheus-alertmanager", "amtool", "curl"),
    pytest.mark.skipif(bool(browsers.MISSING), reason=browsers.MISSING or "there is one"),
]


@pytest.fixture
def town(browser: Browser, live_server: Any, tmp_path: Path) -> Iterator[Town]:
    served = Served(tmp_path / "portal.log")
    served.start(**joined.outside(tmp_path))
    yield Town(browser, served, str(live_server), tmp_path)
    served.stop()


def alert(town: Town) -> set[str]:
    """The engine and whoever wakes agents are awake for it, and sleep for the rest of the day,
    when the portal's clock is moved."""
    town.scene.answers_by_itself()
    with joined.around(town.scene, town.served, town.folder, town.live) as near:
        incident, titles = joined.lived_through(town.scene, near, town.browser, town.folder)
    joined.told_in_order(incident)
    return titles


def test_day(town: Town, settings: Any) -> None:
    titles = alert(town)
    deploying.standard(town)
    deploying.hotfix(town)
    ticket.becomes_an_incident(town)
    mission.whole(town, settings)
    broken = canary.taken_back(town)
    window.kept(town)
    town.ends_well()
    ready = town.ready()
    assert titles | {mission.FOLLOWS} <= ready, ready
    # What waits for something else is not offered, and what is over is not either.
    assert broken.item is not None
    assert broken.item.title not in ready
    assert not [title for title in ready if "4.3." in title], ready
