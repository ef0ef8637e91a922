"""The ten pages and endpoints that are opened most, and who opens them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from django.test import Client


class Page(NamedTuple):
    name: str
    path: str  # `{mission}` and the like stand for rows of the world
    by_key: bool = False


PAGES = (
    Page("home", "/admin/"),
    Page("list of missions", "/admin/missions/mission/?view=all"),
    Page("page of a mission", "{mission}"),
    Page("list of approvals", "/admin/approvals/request/?view=all"),
    Page("list of incidents", "/admin/incidents/incident/?view=all"),
    Page("audit trail", "/admin/audit/auditevent/?view=all"),
    Page("list of events", "/admin/telemetry/event/?range=24h"),
    Page("API: missions", "/api/v1/missions?limit=50", by_key=True),
    Page("API: ready work", "/api/v1/work/ready?limit=50", by_key=True),
    Page("API: messages of a thread", "/api/v1/threads/{thread}/messages?since_seq=1", by_key=True),
)


def looks(world: Mapping[str, Any]) -> dict[str, Callable[[], None]]:
    """Each page as a look at it, through the whole application."""
    browser = Client(REMOTE_ADDR="127.0.0.1")
    browser.cookies[world["cookie"]] = world["sessions"][0]
    agent = world["agents"][0]
    key = Client(REMOTE_ADDR="127.0.0.1", headers={"Authorization": f"Bearer {agent['key']}"})
    rows = {"mission": world["missions"][-1], "thread": agent["thread"]}
    return {
        page.name: _look(key if page.by_key else browser, page.path.format(**rows))
        for page in PAGES
    }


def _look(client: Client, path: str) -> Callable[[], None]:
    def look() -> None:
        answer = client.get(path)
        if answer.status_code != 200:
            raise RuntimeError(f"{path} answered {answer.status_code}")

    return look
