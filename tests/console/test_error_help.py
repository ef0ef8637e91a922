"""Whoever meets an error is told what helps, there and then, and where to read on."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.base import web
from controlplane.console.documents.source import product_files
from controlplane.lib.error_help import HELP, Help, link, runbook
from controlplane.lib.errors import CODES, register_code
from tests import make
from tests.kit.api import Api

SENTENCE = re.compile(r"^[A-Z`].*[.)]$", re.DOTALL)


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code__has_its_runbook__and_its_page(client: Client, db: None, code: str) -> None:
    entry = HELP[code]
    for text in (entry.means, entry.do, entry.ask):
        assert SENTENCE.match(text), (code, text)
        assert text.count("`") % 2 == 0, (code, text)
    assert runbook(code) == reverse("console:error", args=(code,))
    page = client.get(runbook(code))
    assert page.status_code == 200
    assert str(web.coded(entry.do)) in page.content.decode()


def test_every_code_the_source_names__is_in_the_table() -> None:
    """`code="…"` with a code that nobody registered would fail only when somebody meets it."""
    named = re.compile(r'\bcode="([A-Z]+(?:_[A-Z]+)*)"|\bFailure\(\s*"([A-Z_]+)"')
    used = {
        first or second
        for path in product_files()
        for first, second in named.findall(path.read_text(encoding="utf-8"))
    }
    assert used, "the search finds nothing any more"
    assert used <= set(CODES), used - set(CODES)
    assert set(HELP) == set(CODES)


def test_no_such_code__404(client: Client, db: None) -> None:
    for code in ("NO_SUCH", "not_found", "a" * 500):
        assert client.get(f"/admin/help/errors/{code}/").status_code == 404


def test_index__every_code(client: Client, db: None) -> None:
    page = client.get(reverse("console:errors")).content.decode()
    for code in CODES:
        assert f'href="{runbook(code)}"' in page, code


@pytest.mark.parametrize("code", sorted(CODES))
def test_error_page__says_what_helps__and_links_the_runbook(code: str) -> None:
    answer = web.page(code, "No.")
    page = answer.content.decode()
    assert answer.status_code == CODES[code]
    assert f'href="{runbook(code)}"' in page
    assert str(web.coded(HELP[code].do)) in page
    assert str(web.coded(HELP[code].ask)) in page


@pytest.mark.parametrize(("kept", "shown"), [("dark", "dark"), ("light", "light"), ("system", "")])
@pytest.mark.django_db
def test_error_page__in_the_theme_one_chose(kept: str, shown: str) -> None:
    browser = make.client(make.person(make.workspace(), "viewer"))
    browser.cookies[web.THEME_COOKIE] = kept
    for path in ("/admin/audit/auditevent/", "/admin/no/such/page/"):
        head = browser.get(path).content.decode().partition("<head>")[0]
        assert (f'data-theme="{shown}"' in head) is bool(shown), path


def test_error_page__asks_no_database__not_even_for_the_runbook(client: Client) -> None:
    assert b"request id" in web.page("UNAVAILABLE", "Not now.").content


@pytest.mark.django_db
def test_api__every_failure_links_the_runbook_in_a_header__and_keeps_the_envelope() -> None:
    for method, path, code in (
        ("get", "/api/v1/me", "UNAUTHORIZED"),
        ("get", "/api/v1/nothing-here", "NOT_FOUND"),
        ("post", "/api/v1/me", "METHOD_NOT_ALLOWED"),
    ):
        answer: Any = getattr(Api(), method)(path)
        error = answer.json()["error"]
        assert set(error) == {"code", "message", "details", "request_id"}
        assert answer["Link"] == link(error["code"]), path
        assert error["code"] in {code, "UNAUTHORIZED"}


def test_a_code_of_a_domain__brings_its_runbook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.lib.errors.CODES", dict(CODES))
    monkeypatch.setattr("controlplane.lib.errors.HELP", dict(HELP))
    register_code("TEAPOT", 418, Help("It is a teapot.", "Ask for tea.", "The kettle."))
    with pytest.raises(ValueError, match="already stands for"):
        register_code("TEAPOT", 400, Help("", "", ""))


def test_hostile_words_in_a_runbook__are_text() -> None:
    assert str(web.coded("a <b> `<c>`")) == "a &lt;b&gt; <code>&lt;c&gt;</code>"


def test_signed_in__the_page_stands_in_the_console(db: None) -> None:
    browser = make.client(make.person(make.workspace(), "viewer"))
    page = browser.get(runbook("FORBIDDEN")).content.decode()
    assert 'aria-label="Breadcrumbs"' in page
    assert 'class="framed' in page


def test_forbidden__a_page_one_only_looked_at__speaks_of_no_form_and_leads_to_the_roles(
    db: None,
) -> None:
    browser = make.client(make.person(make.workspace(), "viewer"))
    refused = browser.get("/admin/backups/backupreport/")
    assert refused.status_code == 403
    page = refused.content.decode()
    assert "send the form again" not in page
    assert "send it again" not in page
    assert '<a href="/access/roles/">Roles and actions</a>' in page
    sent = browser.post("/admin/backups/backupreport/").content.decode()
    assert "reload its page and send it again" in sent


def test_conflict_in_which_nobody_was_faster__is_not_called_so(client: Client, db: None) -> None:
    assert web.title_of("CONFLICT") == "Somebody was faster"
    for code in ("QUOTA_EXCEEDED", "INVALID_TRANSITION", "UNMANAGED_RUNTIME"):
        said = client.get(runbook(code)).content.decode()
        assert web.title_of(code) in said, code
        assert "Somebody was faster" not in said, code
    assert web.title_of("QUOTA_EXCEEDED") in web.page("QUOTA_EXCEEDED", "Full.").content.decode()


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code__is_called_something_of_its_own_kind(code: str) -> None:
    assert CODES[code] == 500 or web.title_of(code) != web.TITLES[500], code
