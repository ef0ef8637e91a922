"""One name per thing: the sidebar, the palette, the heading, the breadcrumb and the title agree."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.base.registries import nav_items, palette_actions
from tests import make
from tests.kit import pages

pytestmark = pytest.mark.django_db


@pytest.fixture
def here() -> Workspace:
    return make.workspace()


@pytest.fixture
def browser(here: Workspace) -> Client:
    """Somebody who may open everything."""
    return make.client(make.root_of(here, *sorted(policy.PEOPLE)))


def named() -> Iterator[tuple[str, str, str]]:
    """(where it is called so, its name, its address), of every page one can choose."""
    for item in nav_items:
        yield "sidebar", item.label, reverse(item.url)
    for page in palette_actions:
        yield "palette", page.label, page.url if page.url[0] == "/" else reverse(page.url)
    for model, model_admin in pages.registered().items():
        info = f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        yield "list", model_admin.called, reverse(info)


def said(page: str, pattern: str) -> str:
    """The words of the first place that matches."""
    found = re.search(pattern, page, re.DOTALL)
    words = re.sub(r"<[^>]+>", " ", found[1]) if found else ""
    return " ".join(html.unescape(words).split())


HEADING = r"<h1[^>]*>(.*?)</h1>"
TITLE = r"<title>(.*?)</title>"
CRUMBS = r'<nav class="crumbs"[^>]*>(.*?)</nav>'


@pytest.mark.slow
def test_every_page__is_called_what_leads_to_it(browser: Client) -> None:
    wrong, drawn = [], {}
    for where, name, url in named():
        if url not in drawn:
            answer = browser.get(url, follow=True)
            assert answer.status_code == 200, url
            drawn[url] = answer.content.decode()
        page = drawn[url]
        heading, title, crumbs = (said(page, place) for place in (HEADING, TITLE, CRUMBS))
        if heading != name:
            wrong.append(f"{where} says {name}, the heading of {url} {heading}")
        if not title.startswith(f"{name} · "):
            wrong.append(f"{where} says {name}, the title of {url} {title}")
        if crumbs and not crumbs.endswith(f"/ {name}"):
            wrong.append(f"{where} says {name}, the breadcrumbs of {url} {crumbs}")
    assert not wrong, "\n".join(wrong)


def test_no_two_names_for_one_address__and_no_name_for_two() -> None:
    names: dict[str, set[str]] = {}
    for _, name, url in named():
        names.setdefault(url, set()).add(name)
    assert not {url: found for url, found in names.items() if len(found) > 1}
    for item in nav_items:
        others = [each.label for each in nav_items if each.slug != item.slug]
        assert item.label not in others


@pytest.mark.slow
def test_palette__finds_each_page_by_its_name(browser: Client) -> None:
    for name, url in sorted({(name, url) for _, name, url in named()}):
        hits = browser.get("/admin/go/", {"q": name, "format": "json"}).json()["hits"]
        assert (name, url) in {(hit["label"], hit["url"]) for hit in hits}, name


def test_palette__finds_a_page_by_what_else_people_call_it(browser: Client) -> None:
    for words, url in (
        ("uptime", "/admin/catalog/service/"),
        ("circuit", "/admin/catalog/integration/"),
        ("quiet hours", reverse("notify:mine")),
        ("runbook", reverse("console:errors")),
    ):
        hits = browser.get("/admin/go/", {"q": words, "format": "json"}).json()["hits"]
        assert url in {hit["url"] for hit in hits}, words


@pytest.mark.slow
def test_row_pages__lead_back_to_the_list_by_its_name(here: Workspace, browser: Client) -> None:
    make.agent(here)
    for model, model_admin in pages.registered().items():
        shown = browser.get(
            reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"),
            {"view": "all"},
        )
        row = next(iter(shown.context["cl"].result_list), None)
        if row is None:
            continue
        answer = browser.get(model_admin.object_url(row))
        if answer.status_code != 200:
            continue
        crumbs = said(answer.content.decode(), CRUMBS)
        assert f"/ {model_admin.called} /" in crumbs, (model._meta.label, crumbs)
