"""Policies in the console: who may change them, and that a form without script can say all."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.access.models import User, Workspace
from controlplane.approvals.models import Policy
from tests import make
from tests.approvals.test_pages import read
from tests.kit import approvals, inhabited, settled

LIST = "/admin/approvals/policy/"


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def admin(here: Workspace) -> User:
    return make.person(here, "workspace_admin")


@settled.once
def browser(admin: User) -> Client:
    return make.client(admin)


FORM = {
    "slug": "risky", "name": "Risky change", "about": "Asks two people.", "order": "in_order",
    "target_minutes": "120", "expires_minutes": "2880", "remind": "50, 90 %", "escalate0": "cto",
    "slot0_title": "Governance", "slot0_role0": "governance_validator", "slot0_count": "1",
    "slot1_title": "Operations", "slot1_role0": "operations_command",
    "slot1_role1": "release_manager", "slot1_count": "2", "slot1_own": "on", "_save": "1",
}  # fmt: skip


def page_of(policy: Policy) -> str:
    return reverse("admin:approvals_policy_change", args=(policy.uid,))


def fields_of(page: str) -> dict[str, str]:
    """What the form would send if nobody typed anything."""
    form = page.split('id="policy_form"', 1)[1].split("</form>", 1)[0]
    found = dict(
        re.findall(r'<input type="(?:text|number|hidden)" name="(\w+)" value="([^"]*)"', form)
    )
    for name, body in re.findall(r'<select name="(\w+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected>', body)
        found[name] = chosen[1] if chosen else ""
    found |= dict.fromkeys(re.findall(r'type="checkbox" name="(\w+)"[^>]*checked', form), "on")
    return {**found, "_save": "1"}


def test_add__all_of_it_by_plain_fields(here: Workspace, browser: Client) -> None:
    answer = browser.post(f"{LIST}add/", FORM)
    made = Policy.objects.get(slug="risky")
    assert answer["Location"] == page_of(made)
    assert made.slots == [
        {"slug": "governance", "title": "Governance", "roles": ["governance_validator"],
         "count": 1, "requester_may": False},
        {"slug": "operations", "title": "Operations",
         "roles": ["operations_command", "release_manager"], "count": 2, "requester_may": True},
    ]  # fmt: skip
    assert (made.order, made.target_minutes, made.expires_minutes) == ("in_order", 120, 2880)
    assert (made.remind_at, made.escalate_to) == ([50, 90], ["cto"])
    page = read(browser, page_of(made))
    assert "Operations Command (OC) or Release manager" in page


def test_edit__nothing_typed__nothing_lost(here: Workspace, browser: Client) -> None:
    policy = approvals.policy(
        here,
        approvals.slot("a-b", "legal", "ux", "cto", "compliance", count=3, requester_may=True),
        remind_at=[25, 75],
        escalate_to=["legal"],
    )
    before = {**Policy.objects.filter(pk=policy.pk).values().get()}
    sent = fields_of(browser.get(f"{page_of(policy)}?edit=1").content.decode())
    assert browser.post(f"{page_of(policy)}?edit=1", sent).status_code == 302
    after = Policy.objects.filter(pk=policy.pk).values().get()
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"version", "changed_at"}


def test_edit__somebody_was_faster__refused_and_typed_texts_stay(
    here: Workspace, browser: Client
) -> None:
    policy = approvals.policy(here)
    sent = fields_of(browser.get(f"{page_of(policy)}?edit=1").content.decode())
    other = {**sent, "slot1_title": "Also", "slot1_role0": "legal", "slot1_count": "1"}
    assert browser.post(f"{page_of(policy)}?edit=1", other).status_code == 302
    again = browser.post(f"{page_of(policy)}?edit=1", {**sent, "name": "My new name"})
    assert again.status_code == 200
    assert "Somebody changed it since you looked" in again.content.decode()
    assert "My new name" in again.content.decode()
    policy.refresh_from_db()
    assert [slot["title"] for slot in policy.slots] == ["Release", "Also"]


@pytest.mark.parametrize(
    "wrong",
    [
        {
            "slot0_title": "",
            "slot0_role0": "",
            "slot1_title": "",
            "slot1_role0": "",
            "slot1_role1": "",
        },
        {"slot0_role0": ""},
        {"slot0_role0": "executor"},
        {"slot0_count": "0"},
        {"slot0_count": "999"},
        {"target_minutes": "0"},
        {"remind": "soon"},
        {"remind": "150"},
        {"slug": "Not A Slug!"},
        {"name": ""},
    ],
)
def test_add__wrong__said_and_what_was_typed_stays(
    here: Workspace, browser: Client, wrong: dict[str, str]
) -> None:
    known = Policy.objects.count()
    answer = browser.post(f"{LIST}add/", {**FORM, "about": "Typed before", **wrong})
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "Not saved." in page
    assert "Typed before" in page
    assert Policy.objects.count() == known


@pytest.mark.parametrize("role", ["viewer", "release_manager", "engineering_lead"])
def test_wrong_role__sees_it_and_changes_nothing(here: Workspace, role: str) -> None:
    policy = approvals.policy(here)
    browser = make.client(make.person(here, role))
    assert "Policy" in read(browser, page_of(policy))
    assert browser.get(f"{LIST}add/").status_code == 403
    assert browser.post(f"{LIST}add/", FORM).status_code == 403
    assert browser.post(f"{page_of(policy)}?edit=1", FORM).status_code == 403
    retire = reverse("admin:approvals_policy_button", args=(policy.uid, "retire"))
    assert browser.post(retire, {"reason": "no"}).status_code == 403


def test_another_workspace__not_there(here: Workspace, browser: Client) -> None:
    there = approvals.policy(make.workspace())
    assert browser.get(page_of(there)).status_code == 404
    assert browser.post(f"{page_of(there)}?edit=1", FORM).status_code == 404


def test_retire__and_back__what_waits_goes_on(here: Workspace, browser: Client) -> None:
    policy = approvals.policy(here)
    asked = approvals.ask(here, policy=policy, title=inhabited.HOSTILE[:190])
    for name, active in (("retire", False), ("restore", True)):
        url = reverse("admin:approvals_policy_button", args=(policy.uid, name))
        assert browser.post(url, {"reason": "A better one"}).status_code == 302
        policy.refresh_from_db()
        assert policy.is_active is active
    page = read(browser, page_of(policy))
    assert asked.ref in page
    assert "<img src=x" not in page


@pytest.mark.django_db
def test_form__of_who_may_only_read__is_the_page_they_read(
    here: Workspace, browser: Client
) -> None:
    browser.post(f"{LIST}add/", FORM)
    policy = Policy.objects.get(workspace=here, slug="risky")
    for who, asked in ((browser, True), (make.client(make.person(here, "viewer")), False)):
        page = who.get(f"{page_of(policy)}?edit=1").content.decode()
        assert ('id="policy_form"' in page) is asked
        assert "Risky change" in page
