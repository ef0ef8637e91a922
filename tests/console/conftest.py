from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.urls import reverse

from controlplane.access.models import Workspace
from controlplane.base import cache, signals
from controlplane.base.models import Signal
from controlplane.jobs import leases
from tests import make
from tests.kit import inhabited, pages, second_database

if TYPE_CHECKING:
    from tests.kit.browser import Browser

ON_ONE_WORKER = pytest.mark.xdist_group("every page")
REMEMBERED = ("frame:", "figures:", "view:")


@pytest.fixture(autouse=True)
def remember_nothing() -> None:
    forget()


def forget() -> None:
    """What pages remember for some seconds is named by numbers of rows, which other tests use
    again."""
    cache.wake()
    for family in REMEMBERED:
        cache._forget(family)


@pytest.fixture(scope="session")
def inhabited_database(
    django_db_setup: None, django_db_blocker: Any
) -> Iterator[second_database.Copy]:
    with django_db_blocker.unblock():
        copy = second_database.make()
        yield copy
        second_database.remove(copy)


@pytest.fixture
def in_the_world(
    inhabited_database: second_database.Copy, django_db_blocker: Any
) -> Iterator[inhabited.World]:
    with django_db_blocker.unblock(), inhabited_database.entered() as world:
        yield world


@pytest.fixture
def world(in_the_world: inhabited.World, db: None) -> inhabited.World:
    """A workspace where everything has happened once. Such a test bears no mark `django_db`, which
    would begin its transaction in the other database."""
    return in_the_world


@pytest.fixture(scope="session")
def every_page(inhabited_database: second_database.Copy, django_db_blocker: Any) -> dict[str, str]:
    """Every page of the console as somebody who may everything gets it, by its address, for tests
    that only read. Drawn once, in a transaction that is taken back: whoever asks for it bears the
    mark `ON_ONE_WORKER`, so that no second worker draws the same."""
    unblocked = django_db_blocker.unblock()
    with unblocked, inhabited_database.entered() as world, transaction.atomic():
        forget()
        client = make.client(world.root)
        client.post(reverse("access:switch_workspace"), {"workspace": world.workspace.slug})
        urls = [*pages.own_pages(world), *pages.admin_pages(client, world)]
        drawn = {url: client.get(url, follow=True).content.decode() for url in urls}
        transaction.set_rollback(True)
    forget()
    return drawn


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
