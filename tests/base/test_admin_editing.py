"""Two people with the same form open: the second hears what the first one wrote."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.contrib import admin as django_admin
from django.test import Client

from controlplane.access.models import Workspace
from controlplane.notify import services
from controlplane.notify.models import Channel, Contact
from tests import make
from tests.kit import settled
from tests.kit.source import ROOT

pytestmark = pytest.mark.django_db
SECRET = "a-signing-secret-of-some-length"


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def browser(here: Workspace) -> Client:
    return make.client(make.person(here, "workspace_admin"))


@settled.once
def contact(here: Workspace) -> Contact:
    admin = make.actor(make.person(here, "workspace_admin"))
    return services.add_contact(
        here, actor=admin, family="role", purpose="ops_lead", name="Kim", email="kim@example.org"
    )


def url(row: Any) -> str:
    return f"/admin/notify/{row._meta.model_name}/{row.uid}/change/"


def edit(row: Any) -> str:
    return f"{url(row)}?edit=1"


def opened(answer: Any) -> dict[str, Any]:
    """What a browser would send back from this page."""
    form = answer.context["adminform"].form
    found = re.search(r'name="_seen" value="([^"]+)"', answer.content.decode())
    assert found, "the form does not carry what it showed"
    sent = {name: form[name].value() for name in form.fields}
    return {
        **{name: "" if value is None else value for name, value in sent.items()},
        "_seen": html.unescape(found[1]),
    }


def test_second_edit__is_refused_beside_the_field_and_nothing_is_lost(
    browser: Client, contact: Contact
) -> None:
    mine, theirs = opened(browser.get(edit(contact))), opened(browser.get(edit(contact)))
    assert browser.post(url(contact), {**theirs, "name": "Kim Lee"}).status_code == 302
    late = browser.post(url(contact), {**mine, "phone": "+1 555 0100"})
    assert late.status_code == 200
    assert "Kim Lee" in late.context["adminform"].form.errors["name"][0]
    contact.refresh_from_db()
    assert (contact.name, contact.phone) == ("Kim Lee", "")


def test_saving_again_after_the_news__is_knowing(browser: Client, contact: Contact) -> None:
    mine, theirs = opened(browser.get(edit(contact))), opened(browser.get(edit(contact)))
    browser.post(url(contact), {**theirs, "name": "Kim Lee"})
    late = browser.post(url(contact), {**mine, "name": "Kim Park"})
    again = opened(late)
    assert again["name"] == "Kim Park"
    assert browser.post(url(contact), again).status_code == 302
    contact.refresh_from_db()
    assert contact.name == "Kim Park"


def test_mistake_in_between__does_not_hide_the_other_edit(
    browser: Client, contact: Contact
) -> None:
    mine, theirs = opened(browser.get(edit(contact))), opened(browser.get(edit(contact)))
    browser.post(url(contact), {**theirs, "name": "Kim Lee"})
    mistaken = browser.post(url(contact), {**mine, "email": "no address"})
    assert mistaken.status_code == 200
    corrected = {**opened(mistaken), "email": "kim@example.org"}
    assert browser.post(url(contact), corrected).status_code == 200
    contact.refresh_from_db()
    assert contact.name == "Kim Lee"


def test_what_nobody_edits_here__is_no_conflict(browser: Client, contact: Contact) -> None:
    mine = opened(browser.get(edit(contact)))
    Contact.objects.filter(pk=contact.pk).update(verified_at="2026-01-01T00:00:00Z")
    assert browser.post(url(contact), {**mine, "name": "Kim Lee"}).status_code == 302


def test_secret_replaced_meanwhile__is_said_without_showing_it(
    browser: Client, here: Workspace
) -> None:
    admin = make.actor(make.person(here, "workspace_admin"))
    channel = services.create_channel(
        here, actor=admin, name="Hook", kind="webhook", target="https://example.org", secret=SECRET
    )
    mine, theirs = opened(browser.get(edit(channel))), opened(browser.get(edit(channel)))
    assert browser.post(url(channel), {**theirs, "secret": SECRET + "-2"}).status_code == 302
    late = browser.post(url(channel), {**mine, "secret": SECRET + "-3"})
    assert late.status_code == 200
    assert "secret" in late.context["adminform"].form.errors
    assert SECRET not in late.content.decode()
    assert Channel.objects.get(pk=channel.pk).secret == SECRET + "-2"


def test_forged_or_another_rows_mark__is_refused(
    browser: Client, here: Workspace, contact: Contact
) -> None:
    admin = make.actor(make.person(here, "workspace_admin"))
    other = services.add_contact(here, actor=admin, purpose="x", name="Ola", phone="1")
    page, foreign = opened(browser.get(edit(contact))), opened(browser.get(edit(other)))
    for mark in ("forged", foreign["_seen"], ""):
        answer = browser.post(url(contact), {**page, "name": "New", "_seen": mark})
        assert answer.status_code == 200, mark
    contact.refresh_from_db()
    assert contact.name == "Kim"


def _built_on(template: str) -> list[str]:
    """The templates this one extends, one after the other."""
    text = (ROOT / "templates" / template).read_text(encoding="utf-8")
    found = re.search(r'{% extends "([^"]+)" %}', text)
    return [found[1], *_built_on(found[1])] if found else []


def test_every_editable_admin__draws_the_mark() -> None:
    """One template carries it: an admin that edits with another one, that does not build on it,
    would lose it."""
    base = "admin/portal_change_form.html"
    for entry in django_admin.site._registry.values():
        template = str(entry.change_form_template)
        if getattr(entry, "edit_fields", ()) and template != base:
            assert base in _built_on(template), entry


def test_stranger__is_shown_no_form_and_no_mark(contact: Contact) -> None:
    outside = make.client(make.person(make.workspace(), "workspace_admin"))
    assert outside.get(url(contact)).status_code == 404
    assert outside.post(url(contact), {"name": "x"}).status_code == 404
