"""Pages of what guards a mission: decided in place, refused with reasons."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.test import Client
from django.urls import reverse

from controlplane.lib import clock
from controlplane.notify.models import Notification
from missions import guarding, jobs_guarding, services
from missions.models import AgentSession, Finding, Mission, Override, PolicyTemplate, Safeguard
from missions.models import MissionToolkit as Kit
from missions.models import ToolkitConnection as Held
from tests import make
from tests.kit import settled
from tests.kit.guarding import World
from tests.kit.missions import again


@settled.once
def world() -> World:
    return World()


@settled.once
def row(world: World) -> Mission:
    return world.started()


@settled.once
def gv(world: World) -> Client:
    return make.client(make.person(world.workspace, "governance_validator"))


@settled.once
def oc(world: World) -> Client:
    return make.client(make.person(world.workspace, "operations_command"))


def at(row: Mission, page: str) -> str:
    return reverse(f"missions:{page}", args=(row.uid,))


def text(client: Client, row: Mission, page: str) -> str:
    answer = client.get(at(row, page))
    assert answer.status_code == 200
    return answer.content.decode()


def do(client: Client, row: Mission, page: str, verb: str, key: Any, **given: Any) -> Any:
    return client.post(at(row, page), {"do": verb, "at": str(key), **given})


def primary(page: str) -> int:
    main = page.partition("<main")[2]
    return len(re.findall(r'class="button primary"', main))


def test_toolkits__approved_attested_dropped_in_place(
    world: World, row: Mission, gv: Client, oc: Client
) -> None:
    kit = world.toolkit(row)
    page = text(oc, row, "toolkits")
    assert "Approve scopes…" in page
    assert primary(page) == 1
    wrong = do(oc, row, "toolkits", "approve", kit.uid, scopes=["mail.read"], reason="Enough?")
    assert wrong.status_code == 400
    body = wrong.content.decode()
    assert "Of no use without mail.draft" in body
    assert "Enough?" in body
    done = do(oc, row, "toolkits", "approve", kit.uid, scopes=["mail.draft"], version=kit.version)
    assert (done.status_code, done["Location"]) == (302, f"{at(row, 'toolkits')}#{kit.uid}")
    assert do(gv, row, "toolkits", "attest", kit.uid, text="The least.").status_code == 302
    kit.refresh_from_db()
    assert (kit.approved_scopes, kit.attestation) == (["mail.draft"], "The least.")
    do(oc, row, "toolkits", "drop", kit.uid, reason="By hand.")
    assert Kit.objects.get(pk=kit.pk).status == "dropped"


def test_toolkits__asked_for_with_those_it_needs_marked(world: World, row: Mission) -> None:
    world.integration("docs")
    owner = make.client(world.owner)
    asked = do(owner, row, "toolkits", "ask", "new", toolkit="docs", purpose="Notes.",
               requested_scopes="* docs.read\n\ndocs.write", mutating="on")  # fmt: skip
    assert asked.status_code == 302
    kit = Kit.objects.get(integration__slug="docs")
    assert (kit.minimum_scopes, kit.requested_scopes, kit.mutating) == (
        ["docs.read"], ["docs.read", "docs.write"], True,
    )  # fmt: skip


def test_toolkits__a_gap_is_asked_and_granted_there(world: World, row: Mission, gv: Client) -> None:
    kit = world.toolkit(row)
    world.inspected(kit, coverage_percent="40", pii_flags=["<b>mail</b>"])
    owner = make.client(world.owner)
    page = text(owner, row, "toolkits")
    assert "below 85" in page
    assert "&lt;b&gt;mail&lt;/b&gt;" in page
    do(owner, row, "toolkits", "ask_gap", kit.uid, reason="The rest is old.")
    asked = Override.objects.get(kind="coverage")
    refused = do(owner, row, "toolkits", "grant", kit.uid, override=asked.uid)
    assert refused.status_code == 403
    bad = do(gv, row, "toolkits", "grant", kit.uid, override=asked.uid, expires_at="tomorrow")
    assert (bad.status_code, "A day and a time." in bad.content.decode()) == (400, True)
    until = f"{clock.now() + timedelta(days=3):%Y-%m-%dT%H:%M}"
    do(gv, row, "toolkits", "grant", kit.uid, override=asked.uid, expires_at=until)
    asked.refresh_from_db()
    assert (asked.status, asked.role) == ("granted", "governance_validator")
    do(gv, row, "toolkits", "take_back", kit.uid, override=asked.uid, reason="It is not.")
    assert Override.objects.get(pk=asked.pk).status == "revoked"


def test_toolkits__revoked_by_hand(world: World, row: Mission, oc: Client) -> None:
    kit = world.equipped(row)
    held = kit.connections.get()
    do(oc, row, "toolkits", "revoke", kit.uid, connection=held.uid, reason="Not used.")
    held.refresh_from_db()
    assert (held.status, held.end_reason) == ("revoked", "Not used.")


def test_safeguards__settled_at_once_or_one_by_one_and_known(
    world: World, row: Mission, gv: Client
) -> None:
    page = text(gv, row, "safeguards")
    assert "Accept all 4" in page
    assert primary(page) == 1
    guard = world.guard(row, "call-rate")
    broken = do(gv, row, "safeguards", "edit", guard.uid, title=guard.title, severity="medium",
                mode="enforced", reason="x", **{"figure-max_calls_per_minute": "many"})  # fmt: skip
    assert (broken.status_code, "a whole number" in broken.content.decode()) == (400, True)
    do(gv, row, "safeguards", "edit", guard.uid, title=guard.title, severity="medium",
       mode="hint", description=guard.description, **{"figure-max_calls_per_minute": "9"},
       reason="Slow.", version=guard.version)  # fmt: skip
    guard.refresh_from_db()
    assert (guard.status, guard.params, guard.auto_fix) == (
        "edited", {"max_calls_per_minute": 9}, False,
    )  # fmt: skip
    do(gv, row, "safeguards", "reject", world.guard(row).uid, reason="Nothing is sent.")
    do(gv, row, "safeguards", "accept_all", "all")
    assert not row.safeguards.undecided().exists()
    owner = make.client(world.owner)
    for client in (gv, owner):
        page = text(client, row, "safeguards")
        assert "I know these safeguards" in page
        [digest] = re.findall(r'name="digest" value="(\w+)"', page)
        assert do(client, row, "safeguards", "acknowledge", "all", digest=digest).status_code == 302
    assert row.safeguard_acks.count() == 2
    assert "I know these safeguards" not in text(owner, row, "safeguards")


def test_safeguards__added_in_ones_own_words(world: World, row: Mission, gv: Client) -> None:
    given = {"title": "<script>x</script>", "category": "data", "severity": "low", "mode": "hint"}
    assert do(gv, row, "safeguards", "suggest", "new", **given).status_code == 400
    do(gv, row, "safeguards", "suggest", "new", justification="It matters.", **given)
    assert Safeguard.objects.get(mission=row, template=None).justification == "It matters."
    assert "<script>x</script>" not in text(gv, row, "safeguards")


def test_findings__resolved_or_let_pass_in_place(world: World, row: Mission, gv: Client) -> None:
    one, two = world.found(row), world.found(row, "check-2")
    page = text(gv, row, "findings")
    cockpit = gv.get(reverse("admin:missions_mission_change", args=(row.pk,))).content.decode()
    assert "Decide what was found" in cockpit
    assert "A safeguard holds it" in page
    assert "2 findings wait for a decision" in page
    assert primary(page) == 1
    assert do(gv, row, "findings", "resolve", one.uid, reason="").status_code == 400
    do(gv, row, "findings", "resolve", one.uid, reason="Recalled.")
    do(make.client(world.owner), row, "findings", "ask_pass", two.uid, reason="They know.")
    asked = Override.objects.get(finding=two)
    assert "They know." in text(gv, row, "findings")
    do(gv, row, "findings", "grant", two.uid, override=asked.uid, version=asked.version)
    assert set(Finding.objects.values_list("status", flat=True)) == {"resolved", "excepted"}
    page = text(gv, row, "findings")
    assert "A safeguard holds it" not in page
    resume = reverse("missions:move", args=(row.uid, "resume"))
    assert resume in page
    assert gv.post(resume, {"reason": "Decided."}).status_code == 302
    assert again(row).status == "active"


def test_findings__a_gate_is_let_pass_there(world: World, row: Mission, oc: Client) -> None:
    owner = make.client(world.owner)
    do(owner, row, "findings", "ask_gate", "gate", subject="toolkits_decided", reason="None.")
    asked = Override.objects.get()
    assert "Every toolkit is approved or dropped" in text(oc, row, "findings")
    do(oc, row, "findings", "deny", asked.uid, override=asked.uid, reason="It needs one.")
    assert Override.objects.get().status == "denied"


def test_cards__tell_on_the_missions_page(world: World, row: Mission) -> None:
    kit = world.equipped(row)
    services.verify_connection(
        kit.connections.get(), actor=world.agent("inspector"),
        granted_scopes=[*kit.approved_scopes, "mail.send"],
    )  # fmt: skip
    page = make.client(world.owner).get(
        reverse("admin:missions_mission_change", args=(row.pk,))
    ).content.decode()  # fmt: skip
    assert "1 holds too much" in page
    assert "1 open finding" in page
    assert at(row, "toolkits") in page


def test_templates__added_changed_retired(world: World, row: Mission, gv: Client) -> None:
    added = gv.post(reverse("admin:missions_policytemplate_add"), {
        "slug": "no-calls", "title": "No calls", "category": "safety", "severity": "low",
        "mode": "hint", "description": "x", "params": "",
    })  # fmt: skip
    assert added.status_code == 302, added.content
    template = PolicyTemplate.objects.get(slug="no-calls")
    page = reverse("admin:missions_policytemplate_change", args=(template.pk,))
    gv.post(f"{page}?edit=1", {
        "title": "No calls at all", "category": "safety", "severity": "high", "mode": "hint",
        "description": "x", "params": "Max calls per minute: 7",
    })  # fmt: skip
    body = gv.get(page).content.decode()
    assert "severity: low → high" in body
    assert "figures: nothing → at most 7 calls a minute" in body
    assert "max calls per minute: 7" in gv.get(f"{page}?edit=1").content.decode()
    gv.post(page.replace("/change/", "/do/retire/"), {"reason": "Not used."})
    template.refresh_from_db()
    assert (template.number, template.is_retired) == (2, True)


def test_strangers__read_or_not_even_that(world: World, row: Mission) -> None:
    kit, finding = world.toolkit(row), world.found(row, severity="low")
    guard = world.guard(row)
    viewer = make.client(make.person(world.workspace, "viewer"))
    elsewhere = make.client(World().owner)
    posts = {
        "toolkits": ("approve", kit.uid), "safeguards": ("accept", guard.uid),
        "findings": ("resolve", finding.uid),
    }  # fmt: skip
    for page, (verb, key) in posts.items():
        assert primary(text(viewer, row, page)) == 0
        given = {"scopes": ["mail.draft"], "reason": "x"}
        assert do(viewer, row, page, verb, key, **given).status_code == 403, page
        assert do(elsewhere, row, page, verb, key, **given).status_code == 404, page
        assert elsewhere.get(at(row, page)).status_code == 404
        assert Client().get(at(row, page)).status_code == 302
        for strange in ("nothing", "../..", "\x00", key):
            assert do(viewer, row, page, "nothing", strange).status_code in (400, 404)
        assert do(make.client(world.owner), row, page, verb, "not-a-uid").status_code == 404
    assert (Kit.objects.get().status, Finding.objects.get().status) == ("undecided", "open")


# --- What is looked at regularly ----------------------------------------------------------------


def ran(job: Any) -> dict[str, int]:
    return dict(job())


def test_jobs__end_what_is_over_and_ask_for_the_rest(world: World, row: Mission) -> None:
    assert world.oc.ref
    kit = world.equipped(row)
    held = kit.connections.get()
    finding = world.found(row, severity="low")
    with clock.set_back(timedelta(days=8)):
        services.decide_override(world.asked_to_pass(finding), "granted", actor=world.gv)
        services.write_session(row, "executor", actor=world.agent("executor"))
    Held.objects.filter(pk=held.pk).update(
        verified_at=clock.now() - timedelta(hours=guarding.VERIFY_HOURS.value + 1)
    )
    assert ran(jobs_guarding.look_at_connections) == {"ended": 0, "to_verify": 1, "failed": 0}
    ran(jobs_guarding.look_at_connections)
    assert Notification.objects.filter(kind="mission.verify").count() == 1
    Held.objects.filter(pk=held.pk).update(expires_at=clock.now() - timedelta(minutes=1))
    assert ran(jobs_guarding.look_at_connections)["ended"] == 1
    assert ran(jobs_guarding.look_at_exceptions) == {"ended": 1, "failed": 0}
    assert Finding.objects.get().status == "open"
    assert ran(jobs_guarding.look_at_exceptions)["ended"] == 0
    assert ran(jobs_guarding.look_at_sessions) == {"stilled": 1, "failed": 0}
    assert AgentSession.objects.get().status == "idle"
    assert again(row).status == "active"
