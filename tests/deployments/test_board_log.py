"""The release log: paged, as Markdown, as a feed that programs fetch."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from controlplane.access import services as access
from controlplane.lib.errors import NotAllowed
from deployments.links import page_of
from deployments.models import Deployment, Feed
from deployments.overview import log
from deployments.services import feeds
from tests import make
from tests.kit import settled
from tests.kit.api import Api, refused
from tests.kit.deployments import World
from tests.kit.released_before import ago, landed, stopped, undone

pytestmark = pytest.mark.django_db
PAGE, FILE, LINKS = (f"/admin/deployments/{name}" for name in ("log/", "log.md", "links/"))
HOSTILE = "<script>alert(1)</script> # [x](javascript:1) | *y*"
ATOM = "{http://www.w3.org/2005/Atom}"


@settled.once
def world() -> World:
    return World()


def asked(world: World) -> log.Asked:
    return log.Asked(world.workspace)


def test_pages__each_release_once__also_of_one_moment(world: World) -> None:
    at = ago(days=3)
    for number in range(7):
        landed(world, f"1.{number}.0", at - timedelta(hours=number // 3))
    stopped(world, "2.0.0", ago(days=1))
    world.draft(release="3.0.0")
    found, before = [], ""
    for _ in range(9):
        page = log.page(asked(world), before, most=2)
        found += [row.release for row in page.rows]
        before = page.older
        if not before:
            break
    assert len(found) == 7
    assert sorted(found) == [f"1.{number}.0" for number in range(7)]


def test_page__begins_anew_where_nothing_of_that_name_is(world: World) -> None:
    landed(world, "1.0.0", ago(days=1))
    page = make.client(world.manager).get(f"{PAGE}?before=DEP-9").content.decode()
    assert "is no release of this log" in page
    assert "1.0.0 in Production" in page


def test_page__narrowed(world: World) -> None:
    landed(world, "1.0.0", ago(days=3))
    landed(world, "fe-1", ago(days=2), where="staging", kinds=("frontend",))
    browser = make.client(world.manager)
    for query, shown, hidden in (
        ("environment=staging", "fe-1 in", "1.0.0 in"),
        ("component=agent", "1.0.0 in", "fe-1 in"),
        ("kind=rollback", "Nothing of this kind", "1.0.0 in"),
    ):
        text = browser.get(f"{PAGE}?{query}").content.decode()
        assert shown in text, query
        assert hidden not in text, query


def test_markdown__what_people_typed_stays_their_words(world: World) -> None:
    bad = landed(
        world, "1.0.0", ago(days=3), title=HOSTILE, release_notes=f"# Big\n\n{HOSTILE}",
        image_tag="v1|*x*",
    )  # fmt: skip
    undone(world, bad, ago(days=2))
    answer = make.client(world.manager).get(FILE)
    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    lines = answer.content.decode().splitlines()
    heads = [line for line in lines if line.startswith("#")]
    assert len(heads) == 3
    assert heads[1].startswith("## 1.0.0 was rolled back in Production, 20")
    assert "> # Big" in lines
    assert not any(line.startswith("# Big") for line in lines)


def test_markdown__of_nothing(world: World) -> None:
    assert "Nothing was released yet." in make.client(world.manager).get(FILE).content.decode()


def test_api__log_by_pages_and_as_a_document(world: World) -> None:
    for number in range(3):
        landed(world, f"1.{number}.0", ago(days=9 - number), kinds=("agent", "frontend"))
    api = Api(browser=make.client(world.manager))
    first = api.get("/api/v1/releases?limit=2").json()
    assert [row["release"] for row in first["items"]] == ["1.2.0", "1.1.0"]
    assert first["items"][0]["components"] == ["agent", "frontend"]
    second = api.get(first["next"]).json()
    assert [row["release"] for row in second["items"]] == ["1.0.0"]
    assert api.get("/api/v1/releases?component=frontend&kind=hotfix").json()["items"] == []
    assert "# Releases of" in api.get("/api/v1/releases/document").json()["markdown"]
    refused(api.get("/api/v1/releases/document?environment=moon"), "INVALID_ARGUMENT")
    refused(Api().get("/api/v1/releases"), "UNAUTHORIZED")
    assert Api(browser=make.client(World().manager)).get("/api/v1/releases").json()["items"] == []


# --- Feeds --------------------------------------------------------------------------------------


def link(feed: Feed) -> str:
    return f"/releases/{feeds.token_of(feed)}.atom"


def test_feed__of_an_environment__conditional(world: World) -> None:
    row = landed(world, "1.0.0", ago(days=3), title=f"{HOSTILE}\x0b\ufffe", release_notes=HOSTILE)
    landed(world, "1.1.0", ago(days=2), where="staging")
    feed = feeds.subscribe(
        world.workspace, "releases", actor=world.actor, environment=world.place()
    )
    first = Client().get(link(feed))
    assert first["Content-Type"] == "application/atom+xml; charset=utf-8"
    root = ET.fromstring(first.content)
    [entry] = root.findall(f"{ATOM}entry")
    assert entry.findtext(f"{ATOM}id") == f"urn:uuid:{row.uid}"
    assert HOSTILE in (entry.findtext(f"{ATOM}content") or "")
    assert entry.findtext(f"{ATOM}published", "").endswith("Z")
    again = Client().get(link(feed), headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    Deployment.objects.filter(pk=row.pk).update(verdict="healthy", changed_at=ago(minutes=1))
    changed = Client().get(link(feed), headers={"If-None-Match": first["ETag"]})
    assert changed.status_code == 200
    feed.refresh_from_db()
    assert feed.read_at is not None


def test_feed__names_itself_and_its_page__whole_addresses(world: World, settings: Any) -> None:
    settings.PUBLIC_URL = "https://portal.example.org"
    row = landed(world, "1.0.0", ago(days=3))
    roots = {}
    for place in (None, world.place()):
        feed = feeds.subscribe(world.workspace, "releases", actor=world.actor, environment=place)
        root = roots[place] = ET.fromstring(Client().get(link(feed)).content)
        links = {each.get("rel"): dict(each.attrib) for each in root.findall(f"{ATOM}link")}
        assert links == {
            "self": {
                "rel": "self",
                "type": "application/atom+xml",
                "href": f"https://portal.example.org{link(feed)}",
            },
            "alternate": {
                "rel": "alternate",
                "type": "text/html",
                "href": f"https://portal.example.org{PAGE}",
            },
        }
        [entry] = root.findall(f"{ATOM}entry/{ATOM}link")
        assert entry.attrib == {
            "rel": "alternate",
            "type": "text/html",
            "href": f"https://portal.example.org{page_of(row)}",
        }
    # Two feeds are two: a reader that has both must not take one for the other.
    assert len({root.findtext(f"{ATOM}id") for root in roots.values()}) == 2


def test_feed__asked_again_is_the_same_one__and_ends(world: World) -> None:
    other = make.person(world.workspace, "viewer")
    mine = feeds.subscribe(world.workspace, "releases", actor=world.actor)
    assert feeds.subscribe(world.workspace, "releases", actor=world.actor) == mine
    theirs = feeds.subscribe(world.workspace, "releases", actor=make.actor(other))
    with pytest.raises(NotAllowed):
        feeds.revoke_feed(mine, actor=make.actor(other))
    feeds.revoke_feed(mine, actor=world.actor)
    access.remove_member(make.membership(other, world.workspace), actor=make.JOB)
    assert [Client().get(link(each)).status_code for each in (mine, theirs)] == [404, 404]


@pytest.mark.parametrize("token", ["x", "0" * 32, "0" * 32 + ".x"])
def test_feed__wrong_link__nothing_is_here(db: None, token: str) -> None:
    assert Client().get(f"/releases/{token}.atom").status_code == 404
    assert Client().get(f"/releases/{token}.ics").status_code == 404


def test_links__ones_own_alone(world: World) -> None:
    other = make.person(world.workspace, "viewer", name="Olu Grant")
    theirs = feeds.subscribe(world.workspace, "calendar", actor=make.actor(other))
    browser = make.client(world.manager)
    page = browser.get(LINKS).content.decode()
    assert feeds.token_of(theirs) not in page
    assert "None yet." in page
    assert browser.post(f"{LINKS}{theirs.uid}/revoke/").status_code == 403
    browser.post(f"{LINKS}new/", {"kind": "releases", "environment": "staging"})
    assert "Releases: Staging" in browser.get(LINKS).content.decode()
    assert browser.post(f"{LINKS}new/", {"kind": "x", "environment": ""}).status_code == 400
    assert browser.post(f"{LINKS}new/", {"kind": "releases", "environment": "x"}).status_code == 400
    elsewhere = World()
    with pytest.raises(NotAllowed):
        feeds.subscribe(
            world.workspace, "calendar", actor=world.actor, environment=elsewhere.place()
        )
    with pytest.raises(NotAllowed):
        feeds.subscribe(world.workspace, "calendar", actor=elsewhere.actor)
    stranger = make.client(elsewhere.manager)
    assert stranger.post(f"{LINKS}{theirs.uid}/revoke/").status_code == 404
    theirs.refresh_from_db()
    assert theirs.revoked_at is None
