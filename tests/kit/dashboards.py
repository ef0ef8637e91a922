"""Dashboards and lists of telemetry, as tests read them."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

from django.test import Client

from controlplane.access.models import Workspace
from controlplane.base import cache
from controlplane.lib import clock
from telemetry import rollups
from tests.kit.telemetry import event, tell

BASE = "/admin/telemetry/dashboards"


def forget() -> None:
    """Nothing drawn is remembered of the test before."""
    for family in ("panels", "boards", "telemetry_menu"):
        cache._forget(f"{family}:")


def calls(workspace: Workspace | None, good: int, bad: int, **fields: Any) -> None:
    """Tool calls an hour ago, so that their minutes are over."""
    at = clock.now() - timedelta(hours=1)
    context = {"toolkit": "gmail", "action": "send", "meta_tool": "COMPOSIO_SEARCH_TOOLS"}
    said = [
        event("composio_tool_call", at=at, status=status, count=n, context=context, **fields)
        for status, n in (("success", good), ("error", bad))
        if n
    ]
    tell(workspace, said)
    rollups.settle()


def text(browser: Client, url: str) -> str:
    answer = browser.get(url)
    assert answer.status_code == 200, url
    return answer.content.decode()


def panel(page: str, slug: str) -> str:
    """The markup of one panel."""
    return page.split(f'id="{slug}"', 1)[1].split("</section>", 1)[0]


def words(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", markup)).split())
