"""Forms of the console: what they write goes through services, what they refuse is said."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from controlplane.access.models import User, Workspace
from controlplane.audit.models import AuditEvent
from controlplane.base.models import ThrottleRule
from controlplane.lib.errors import Invalid
from controlplane.notify import services as notify
from controlplane.notify.models import Contact
from tests import make
from tests.kit import settled


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def operator(here: Workspace) -> User:
    return make.person(here, "primary_operator")


@settled.once
def browser(operator: User) -> Client:
    return make.client(operator)


CONTACTS = "/admin/notify/contact/"


def fields(**changed: object) -> dict[str, object]:
    given = {"family": "role", "purpose": "ops_lead", "name": "Kim", "email": "kim@example.org"}
    given |= {"days": "all", "time_zone": "UTC"}
    return {**given, "phone": "", "handle": "", "coverage": "", "notes": "", "order": 0, **changed}


def test_form__add_and_change__by_services_with_audit_and_no_stock_log(
    browser: Client, here: Workspace
) -> None:
    answer = browser.post(f"{CONTACTS}add/", fields())
    assert answer.status_code == 302, answer.content.decode()
    contact = Contact.objects.get()
    assert contact.workspace == here
    url = f"{CONTACTS}{contact.uid}/change/"
    assert browser.get(url).status_code == 200
    assert browser.post(url, fields(name="Kim Lee")).status_code == 302
    contact.refresh_from_db()
    assert contact.name == "Kim Lee"
    event = AuditEvent.objects.filter(subject_ref=f"notify.contact:{contact.pk}").first()
    assert event is not None
    assert event.before != event.after
    assert not LogEntry.objects.exists()


def test_form__the_service_refuses__sentence_on_the_form_and_nothing_written(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise Invalid("That number is not one.", details={"phone": ["Not a number."]})

    monkeypatch.setattr(notify, "add_contact", refuse)
    answer = browser.post(f"{CONTACTS}add/", fields(phone="abc"))
    assert answer.status_code == 200
    form = answer.context["adminform"].form
    assert form.errors == {"phone": ["Not a number."]}
    assert not Contact.objects.exists()


def test_form__without_the_right__403(here: Workspace) -> None:
    legal = make.client(make.person(here, "legal"))
    assert legal.get(CONTACTS, follow=True).status_code == 200
    assert legal.post(f"{CONTACTS}add/", fields()).status_code == 403
    assert not Contact.objects.exists()


def test_form__choices_of_a_relation__visible_rows_only(browser: Client) -> None:
    make.person(make.workspace(), "viewer", email="elsewhere@example.org")
    assert "elsewhere@example.org" not in browser.get(f"{CONTACTS}add/").content.decode()


def test_form__unknown_or_state_fields_posted__ignored(browser: Client, here: Workspace) -> None:
    """Mass assignment: only `edit_fields` are in the form."""
    there = make.workspace()
    browser.post(f"{CONTACTS}add/", fields(workspace=there.pk, is_active="", uid="x"))
    contact = Contact.objects.get()
    assert (contact.workspace, contact.is_active) == (here, True)


# --- Temporary limits -------------------------------------------------------------------------

LIMITS = "/admin/base/throttlerule/"


def test_limit__set_and_lifted_from_the_console(browser: Client, here: Workspace) -> None:
    agent = make.agent(here, name="Chatty")
    given = {"agent": "chatty", "path": "/api/v1/*", "limit": 5, "period_s": 60, "minutes": 10}
    answer = browser.post(f"{LIMITS}add/", {**given, "reason": "it floods us"})
    assert answer.status_code == 302, answer.content.decode()
    rule = ThrottleRule.objects.get()
    assert (rule.actor_ref, rule.workspace, rule.limit) == (f"agent:{agent.pk}", here, 5)
    browser.post(f"{LIMITS}{rule.uid}/do/lift/", {"reason": "calm again"})
    rule.refresh_from_db()
    assert rule.lifted_at is not None


def test_limit__other_workspaces_agent_or_nonsense__said_beside_the_field(
    browser: Client, here: Workspace
) -> None:
    make.agent(make.workspace(), name="Theirs")
    given = {"path": "", "limit": 5, "period_s": 60, "minutes": 10, "reason": "flood"}
    answer = browser.post(f"{LIMITS}add/", {**given, "agent": "Theirs"})
    assert answer.context["adminform"].form.errors["agent"] == ["No agent of this name here."]
    answer = browser.post(f"{LIMITS}add/", {**given, "agent": "", "minutes": 0})
    assert "minutes" in answer.context["adminform"].form.errors
    assert not ThrottleRule.objects.exists()
