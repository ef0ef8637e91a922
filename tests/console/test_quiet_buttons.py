"""A row that is well leads with nothing alarming; a form's labels are words."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.access.services.issuers import trust_issuer
from controlplane.base.admin.buttons import buttons_of
from controlplane.base.admin.words import worded
from tests import make
from tests.kit import pages

ENDING = re.compile(
    r"(?:Lock(?! the brief)|Deactivate|End all|Remove|Revoke|Switch off|Retire|Distrust"
    r"|Close the account|Open the breaker)\b"
)


def test_what_ends_or_locks__is_never_drawn_as_the_next_step() -> None:
    loud = [
        f"{model.__name__}: {entry.label}"
        for model, model_admin in pages.registered().items()
        for entry in buttons_of(type(model_admin), "detail")
        if ENDING.match(entry.label) and not (entry.quiet or entry.typed)
    ]
    assert not loud, loud


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("every s", "Every (seconds)"),
        ("jwks url", "JWKS URL"),
        ("is active", "Active"),
        ("island", "Island"),
        ("status", "Status"),
        ("latency_ms", "Latency (ms)"),
    ],
)
def test_label__as_words(name: str, words: str) -> None:
    assert worded(name) == words


@pytest.fixture
def browser(here: Workspace) -> Client:
    return make.client(make.root_of(here, *sorted(policy.PEOPLE)))


@pytest.fixture
def here(db: None) -> Workspace:
    return make.workspace()


def test_forms__labels_end_without_a_colon_and_name_units(browser: Client) -> None:
    for path, label in (
        ("/admin/catalog/probe/add/", "Look every (seconds)"),
        ("/admin/access/trustedissuer/add/", "Address of its keys"),
        ("/admin/base/throttlerule/add/", "In (seconds)"),
    ):
        labels = re.findall(r"<label[^>]*>([^<]*)</label>", browser.get(path).content.decode())
        assert label in labels, (path, labels)
        assert not [text for text in labels if text.endswith(":")], (path, labels)


def test_questions__name_the_thing_as_its_page_and_look_as_grave_as_they_are(
    here: Workspace, browser: Client
) -> None:
    person = make.person(here, "docs_lead")
    grant = person.memberships.get().grants.get()
    page = browser.get(f"/admin/access/grant/{grant.uid}/do/revoke/").content.decode()
    assert f"Docs lead for {person.email} in {here.name}" in page
    assert 'class="button primary danger">Revoke<' in page
    assert ">Reason</label>" in page
    agent = make.agent(here)
    page = browser.get(f"/admin/access/agent/{agent.uid}/do/lock/").content.decode()
    assert 'class="button primary danger">Lock<' in page


def test_forms__say_an_address_once(here: Workspace, browser: Client) -> None:
    issuer = trust_issuer(
        here,
        actor=make.JOB,
        issuer="https://ci.example.org",
        jwks_url="https://ci.example.org/keys",
        audience="portal",
        role="executor",
    )
    url = f"/admin/access/trustedissuer/{issuer.pk}/change/?edit=1"
    form = browser.get(url).content.decode().partition('id="trustedissuer_form"')[2]
    assert form.count("https://ci.example.org/keys") == 1
