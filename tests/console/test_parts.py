"""Regions of a page asked for alone: small, tagged, and 304 while they read the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from controlplane.base import signals
from controlplane.base.admin.showing import tag_of
from controlplane.lib import clock
from controlplane.notify.services.news import To, notify
from tests import make
from tests.kit import inhabited, pages


@pytest.fixture
def client(world: inhabited.World) -> Client:
    client = make.client(world.root)
    client.post(reverse("access:switch_workspace"), {"workspace": world.workspace.slug})
    return client


def again(client: Client, url: str, *, second: int = 10) -> tuple[Any, Any]:
    """The answer, and the answer two seconds later to whoever has the first. Both within one
    minute: what is told by the minute is new in the next."""
    begun = clock.now().replace(second=second) + timedelta(minutes=1)
    with time_machine.travel(begun):
        first = client.get(url)
    assert first.status_code == 200, url
    assert {"private", "no-cache"} <= set(first["Cache-Control"].split(", "))
    assert b"<html" not in first.content
    with time_machine.travel(begun + timedelta(seconds=2)):
        return first, client.get(url, headers={"If-None-Match": first["ETag"]})


@pytest.mark.slow
def test_lists_and_rows__unchanged_is_304(client: Client, world: inhabited.World) -> None:
    """Clocks run on in the reader's browser: time alone makes nothing new."""
    changed = []
    for url in pages.admin_pages(client, world, step=3, questions=False):
        path, _, query = url.partition("?")
        if path.endswith("/change/") and not query:
            _, head = again(client, f"{path}?_part=head")
            if head.status_code != 304:
                changed.append(f"{path}?_part=head")
            part = f"{path}?_part=row"
        elif query == "view=all":
            part = f"{url}&_part=list"
        else:
            continue
        # A deadline may pass between two looks, which is news; not so each time one looks.
        answers = (again(client, part, second=second)[1] for second in range(5, 60, 10))
        if not any((answer.status_code, answer.content) == (304, b"") for answer in answers):
            changed.append(part)
    assert not changed


@pytest.mark.parametrize(
    "url", ["/admin/?_part=waiting", "/admin/inbox/?show=all&_part=items", "/admin/nav/?at=/admin/"]
)
def test_own_parts__unchanged_is_304(client: Client, url: str) -> None:
    _, second = again(client, url)
    assert (second.status_code, second.content) == (304, b"")


def test_list__new_row__200_with_another_tag(client: Client, world: inhabited.World) -> None:
    url = "/admin/base/signal/?view=all&_part=list"
    first = client.get(url)
    signals.emit("tests.kind", key="another", workspace_id=world.workspace.pk)
    second = client.get(url, headers={"If-None-Match": first["ETag"]})
    assert second.status_code == 200
    assert second["ETag"] != first["ETag"]
    assert b"another" in second.content


def test_inbox__new_item__200(client: Client, world: inhabited.World) -> None:
    url = "/admin/inbox/?_part=items"
    first = client.get(url)
    to = To(users=[world.root.pk])
    notify(workspace_id=world.workspace.pk, kind="k", to=to, key="third", subject="Third news")
    second = client.get(url, headers={"If-None-Match": first["ETag"]})
    assert second.status_code == 200
    assert b"Third news" in second.content


def test_part__of_another_workspace__nothing_of_it(client: Client) -> None:
    elsewhere = make.workspace()
    signals.emit("tests.kind", key="their secret", workspace_id=elsewhere.pk)
    assert b"their secret" not in client.get("/admin/base/signal/?view=all&_part=list").content


def test_part__nobody_signed_in__no_part(db: None) -> None:
    for url in ("/admin/?_part=waiting", "/admin/nav/", "/admin/base/signal/?_part=list"):
        assert Client().get(url).status_code == 302


def test_nav__at_hostile_addresses__just_marks_nothing(client: Client) -> None:
    for at in ("javascript:alert(1)", "%00", '"><script>', "x" * 5000, "//evil.example/"):
        answer = client.get("/admin/nav/", {"at": at})
        assert answer.status_code == 200
        assert b"aria-current" not in answer.content


def test_tag__same_but_for_the_clocks__same() -> None:
    line = '<td><time class="kit-when" datetime="x" data-when="x">{}</time> {}</td>'
    assert tag_of(line.format("4 s ago", "a")) == tag_of(line.format("9 min ago", "a"))
    assert tag_of(line.format("4 s ago", "a")) != tag_of(line.format("4 s ago", "b"))
    fixed = '<time class="kit-when" datetime="x">{}</time>'
    assert tag_of(fixed.format("1 May 2026")) != tag_of(fixed.format("2 May 2026"))
