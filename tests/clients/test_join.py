"""From an alert of a real Alertmanager to what is ready to be worked on, in one go and in one audit
trail."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.kit import browser as browsers
from tests.kit import joined, senders
from tests.kit.served import Served

if TYPE_CHECKING:
    from tests.kit.browser import Browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    senders.needs("prometheus-alertmanager", "amtool"),
    pytest.mark.skipif(bool(browsers.MISSING), reason=browsers.MISSING or "there is one"),
]


def test_join__from_the_alert_to_the_ready_queue(
    browser: Browser, live_server: Any, tmp_path: Path
) -> None:
    scene = joined.Scene()
    scene.answers_by_itself()
    served = Served(tmp_path / "portal.log")
    served.start(**joined.outside(tmp_path))
    try:
        with joined.around(scene, served, tmp_path, str(live_server)) as near:
            incident, _ = joined.lived_through(scene, near, browser, tmp_path)
    finally:
        served.stop()
    joined.told_in_order(incident)
