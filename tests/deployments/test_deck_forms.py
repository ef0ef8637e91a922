"""Planning, hotfixes, locating, papers; the allow-list; the list, home and palette."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.lib import clock
from controlplane.work.models import Item
from deployments import links, services
from deployments.models import Adapter, Deployment
from deployments.shown import deck_console
from tests import make
from tests.kit import settled
from tests.kit.deployments import DIGEST, HOTFIX, PLAN, SHA, World, again, there

pytestmark = pytest.mark.django_db
LIST = "/admin/deployments/deployment/"
ADAPTERS = "/admin/deployments/adapter/"


@settled.once
def world() -> World:
    made = World()
    made.component("agent")
    made.on_call()
    return made


@settled.once
def browser(world: World) -> Client:
    return make.client(world.manager)


@settled.once
def lead(world: World) -> Client:
    return make.client(make.person(world.workspace, "engineering_lead"))


@settled.once
def draft(world: World) -> Deployment:
    return world.draft("staging")


def plan(world: World, **given: Any) -> dict[str, Any]:
    return {
        "release": "5.0.0", "environment": world.place("staging").pk, "kind": "standard",
        "tier": "2", "components": [world.component("agent").pk], "commit_sha": SHA,
        "ci_url": "https://ci.example.org/7", "image_tag": "v5", "image_digest": DIGEST,
        "artifacts": f"web {'ab' * 32}\r\n", "release_notes": "New.\r\nBetter.",
        "rollback_plan": PLAN, "evidence_path": "docs/readiness/5.0.0/",
        "planned_at": "2026-11-30T09:00", **given,
    }  # fmt: skip


# --- Planning -----------------------------------------------------------------------------------


def test_plan__makes_a_draft_with_all_of_it(browser: Client, world: World) -> None:
    answer = browser.post(reverse("deck:plan"), plan(world))
    row = Deployment.objects.get(release="5.0.0")
    assert answer["Location"] == links.page_of(row)
    assert (row.tier, row.title) == (2, "Deploy 5.0.0 to Staging")
    assert row.artifacts == [{"name": "web", "sha256": "ab" * 32}]
    assert row.release_notes == "New.\nBetter."
    assert row.parts.count() == 1


def test_plan__refused_says_so_beside_the_field_and_keeps_the_rest(
    browser: Client, world: World
) -> None:
    for given, words in (
        ({"image_tag": "latest"}, "A version, not “latest”"),
        ({"commit_sha": "no commit"}, "A commit: 7 to 64"),
        ({"artifacts": "web"}, "a name, then its SHA-256"),
        ({"artifacts": "web abc"}, "64 of 0-9 and a-f"),
        ({"planned_at": "tomorrow"}, "A day and a time"),
        ({"release": "-rf"}, "Letters, digits"),
    ):
        answer = browser.post(reverse("deck:plan"), plan(world, **given))
        html = answer.content.decode()
        assert answer.status_code == 400, given
        assert words in html, given
        assert PLAN in html, given
    assert not Deployment.objects.filter(release="5.0.0").exists()


def test_plan__of_a_release_that_has_one_says_so(
    browser: Client, world: World, draft: Deployment
) -> None:
    answer = browser.post(reverse("deck:plan"), plan(world, release=draft.release))
    assert answer.status_code == 409
    assert "Taken. Open that one" in answer.content.decode()


def test_locate__finds_the_same_one_whoever_asks(
    browser: Client, lead: Client, world: World, draft: Deployment
) -> None:
    url = reverse("deck:ensure")
    told = {"release": draft.release, "environment": "staging"}
    assert browser.post(url, told)["Location"] == links.page_of(draft)
    told["release"] = "5.1.0"
    made = browser.post(url, told)["Location"]
    assert lead.post(url, told)["Location"] == made
    row = Deployment.objects.get(release="5.1.0")
    assert row.item is not None
    assert row.ref in browser.get(f"/admin/work/item/{row.item.uid}/change/").content.decode()
    assert browser.post(url, {**told, "release": "latest"}).status_code == 400


def test_hotfix__names_who_is_on_shift_and_owes_what_it_skips(
    browser: Client, world: World
) -> None:
    html = browser.get(reverse("deck:hotfix")).content.decode()
    assert "Olu Grant, on shift" in html
    given = plan(
        world, release="5.0.1", hotfix_trigger="outage", scope_note="One line.", branch="hotfix/x",
        base_sha=SHA, **{"why-agent-tests": "Production is down."},
    )  # fmt: skip
    del given["kind"]
    answer = browser.post(reverse("deck:hotfix"), {**given, "base_sha": "nothing"})
    assert answer.status_code == 400
    assert "Production is down." in answer.content.decode()
    assert browser.post(reverse("deck:hotfix"), given).status_code == 302
    row = Deployment.objects.get(release="5.0.1")
    assert (row.kind, row.status) == ("hotfix", "preparing")
    assert world.gate(row, "agent-tests").reason == "Production is down."


# --- Papers -------------------------------------------------------------------------------------


def papers(row: Deployment) -> str:
    return reverse("deck:papers", args=(row.uid,))


def as_shown(browser: Client, row: Deployment, **given: Any) -> dict[str, Any]:
    """The form as the browser would send it back."""
    form = browser.get(papers(row)).context["form"]
    values = {
        field.html_name: value
        for field in form
        if (value := field.field.prepare_value(field.value())) is not None
    }
    return {**values, "version": again(row).version, **given}


def test_papers__changed_and_what_nobody_touched_stays(browser: Client, draft: Deployment) -> None:
    before = again(draft).version
    assert browser.post(papers(draft), as_shown(browser, draft)).status_code == 302
    assert again(draft).version == before  # nothing was changed, so nothing was written
    given = as_shown(browser, draft, rollback_plan="Another.", artifacts=f"web {'cd' * 32}")
    assert browser.post(papers(draft), given).status_code == 302
    row = again(draft)
    assert (row.rollback_plan, row.artifacts[0]["name"]) == ("Another.", "web")


def test_papers__changed_by_somebody_else_meanwhile(
    browser: Client, world: World, draft: Deployment
) -> None:
    given = as_shown(browser, draft, rollback_plan="Mine.")
    services.change_deployment(again(draft), actor=world.actor, release_notes="Theirs.")
    answer = browser.post(papers(draft), given)
    html = answer.content.decode()
    assert answer.status_code == 409
    assert "Somebody changed it since you looked" in html
    assert "Mine." in html
    assert again(draft).rollback_plan == PLAN


def test_papers__of_one_under_way_are_those_known_late(browser: Client, world: World) -> None:
    row = world.started("local", release="4.4.0")
    html = browser.get(papers(row)).content.decode()
    assert "id_release_notes" in html
    assert "id_commit_sha" not in html
    browser.post(papers(row), as_shown(browser, row, backup_ref="of 03:15"))
    assert again(row).backup_ref == "of 03:15"


# --- The list, home, the palette ----------------------------------------------------------------


def test_list__opens_with_what_is_under_way(
    browser: Client, world: World, draft: Deployment
) -> None:
    assert browser.get(LIST)["Location"].endswith("?standing=under_way")
    html = browser.get(f"{LIST}?standing=under_way").content.decode()
    assert draft.title in html
    assert "New deployment" in html
    for tab in ("standing=monitoring", "standing=closed", "standing=papers"):
        assert draft.title not in browser.get(f"{LIST}?{tab}").content.decode()
    assert draft.title in browser.get(f"{LIST}?view=all&q={draft.ref}").content.decode()
    viewer = make.client(make.person(world.workspace, "viewer"))
    html = viewer.get(f"{LIST}?view=all").content.decode()
    assert "New hotfix" not in html
    assert "needs " in html


def test_home__tells_what_waits_and_what_is_owed(world: World, draft: Deployment) -> None:
    services.prepare(draft, actor=world.actor)
    [waiting] = deck_console.waiting(world.actor, world.workspace.pk)
    assert (waiting.mine, waiting.state) == (True, "preparing")
    assert draft.ref in waiting.title
    now = clock.now()
    Deployment.objects.filter(pk=draft.pk).update(
        status="monitoring", verdict="degraded", started_at=now, deployed_at=now
    )
    [waiting] = deck_console.waiting(world.actor, world.workspace.pk)
    assert waiting.tone == "bad"
    assert deck_console.waiting(World().actor, None) == []
    lane: Any = HOTFIX
    row = world.draft("local", release="4.2.1", kind="hotfix", **lane)
    Deployment.objects.filter(pk=row.pk).update(docs_due_at=now - timedelta(hours=1))
    Deployment.objects.filter(pk=draft.pk).update(verdict="healthy")
    [waiting] = deck_console.waiting(world.actor, world.workspace.pk)
    assert (waiting.state, waiting.tone) == ("documentation", "bad")


def test_palette__finds_a_ref_plans_a_release_and_rolls_back(
    browser: Client, world: World, draft: Deployment
) -> None:
    def hits(text: str) -> str:
        return str(browser.get("/admin/go/", {"q": text, "format": "json"}).content.decode())

    assert draft.title in hits(draft.ref)
    assert "Locate or create" in hits("deploy 6.0.0")
    assert draft.title not in hits(f"roll back {draft.ref}")
    row = world.started("local", release="4.4.0")
    assert reverse("deck:move", args=(row.uid, "rollback")) in hits(f"roll back {row.ref}")


def test_work_item__leads_to_its_deployment(browser: Client, draft: Deployment) -> None:
    item = Item.objects.get(pk=there(draft.item_id))
    html = browser.get(f"/admin/work/item/{item.uid}/change/").content.decode()
    assert links.page_of(draft) in html


# --- The allow-list -----------------------------------------------------------------------------


def adapter(world: World, **given: Any) -> dict[str, Any]:
    return {
        "slug": "deploy", "kind": "command", "title": "Deploy the agent",
        "argv": "/bin/echo\r\nhello {release}", "url": "", "timeout_s": "60",
        "environments": [world.place("staging").pk], "for_step": "agent-deploy", **given,
    }  # fmt: skip


def test_adapter__added_off_switched_on_and_off_by_a_change(lead: Client, world: World) -> None:
    answer = lead.post(f"{ADAPTERS}add/", adapter(world))
    assert answer.status_code == 302, answer.content.decode()[-3000:]
    row = Adapter.objects.get(slug="deploy")
    assert (row.enabled, row.argv) == (False, ["/bin/echo", "hello {release}"])
    url = f"{ADAPTERS}{row.uid}/"
    assert "switched off" in lead.get(f"{url}change/").content.decode()
    read = lead.get(f"{url}do/switch_on/")
    assert read.status_code == 200
    lead.post(f"{url}do/switch_on/", {"reason": "Tried it.", "state_seen": read.context["seen"]})
    row.refresh_from_db()
    assert row.enabled
    lead.post(f"{url}change/?edit=1", adapter(world, argv="/bin/true"))
    row.refresh_from_db()
    assert (row.enabled, row.argv) == (False, ["/bin/true"])


def test_adapter__refused_says_so_and_a_webhooks_secret_is_shown_once(
    lead: Client, world: World
) -> None:
    answer = lead.post(f"{ADAPTERS}add/", adapter(world, argv="/bin/sh\r\n-c\r\nrm -rf {release}"))
    html = answer.content.decode()
    assert answer.status_code == 200
    assert "put it into a script" in html
    assert "rm -rf {release}" in html
    hook = adapter(world, slug="hook", kind="hook", argv="", url="https://ci.example.org/go")
    answer = lead.post(f"{ADAPTERS}add/", hook)
    assert "never shown again" in answer.content.decode()
    row = Adapter.objects.get(slug="hook")
    assert "never shown again" not in lead.get(f"{ADAPTERS}{row.uid}/change/").content.decode()


def test_adapter__changed_since_it_was_read__is_not_switched_on(lead: Client, world: World) -> None:
    row = world.adapter(on=False)
    address = f"{ADAPTERS}{row.uid}/do/switch_on/"
    pressed = {"reason": "Read.", "state_seen": lead.get(address).context["seen"]}
    services.change_adapter(row, actor=world.lead, argv=["/usr/bin/other"])
    assert "since you looked" in lead.post(address, pressed, follow=True).content.decode()
    row.refresh_from_db()
    assert not row.enabled
    lead.post(address, {**pressed, "state_seen": str(row.version)})
    row.refresh_from_db()
    assert row.enabled


def test_adapter__of_who_may_not(browser: Client, world: World) -> None:
    row = world.adapter(on=False)
    assert browser.get(f"{ADAPTERS}add/").status_code == 403
    assert browser.post(f"{ADAPTERS}add/", adapter(world, slug="x")).status_code == 403
    browser.post(f"{ADAPTERS}{row.uid}/do/switch_on/", {"reason": "Mine."})
    row.refresh_from_db()
    assert not row.enabled
    stranger = make.client(World().manager)
    assert stranger.get(f"{ADAPTERS}{row.uid}/change/").status_code == 404
