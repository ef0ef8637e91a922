from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from controlplane.access.models import Workspace
from controlplane.base import cache, signals
from controlplane.base.models import Signal
from controlplane.jobs import leases
from tests import make
from tests.kit import browser as kit

if TYPE_CHECKING:
    from tests.kit.browser import Browser

REMEMBERED = ("frame:", "figures:", "view:")


@pytest.fixture(autouse=True)
def remember_nothing() -> None:
    """What pages remember for some seconds is named by numbers of rows, which other tests use
    again."""
    cache.wake()
    for family in REMEMBERED:
        cache._forget(family)


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One for the whole run: its start costs more than ten pages."""
    if kit.MISSING:
        pytest.skip(kit.MISSING)
    started = kit.Browser(tmp_path_factory.mktemp("chromium"))
    yield started
    started.quit()


@pytest.fixture
def browser(chromium: Browser, live_server: Any) -> Iterator[Browser]:
    chromium.begin(str(live_server))
    yield chromium
    # Nothing of this page may ask the server while the database is emptied.
    chromium.scripts(on=True)
    chromium.driver.get("about:blank")


@pytest.fixture
def here(browser: Browser) -> Workspace:
    """Somebody on call is signed in."""
    workspace = make.workspace()
    browser.sign_in(make.client(make.person(workspace, "primary_operator", "workspace_admin")))
    return workspace


def dead(here: Workspace, *keys: str) -> None:
    for key in keys:
        signals.emit("tests.kind", key=key, workspace_id=here.pk)
    Signal.objects.filter(key__in=keys).update(state=leases.DEAD, attempts=8, last_error="boom")
