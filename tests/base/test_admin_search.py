"""Searching a list: any part of a text, in whatever case, and every row is read only once."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import Q
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.access.models import Workspace
from controlplane.base import signals
from controlplane.base.models import Signal
from tests import make
from tests.kit import settled

pytestmark = pytest.mark.servers

LIST = "/admin/base/signal/"
KEYS = ("Nightly-Export", "größe ÄÖ", "100% done", "a_b", "back\\slash", "STRASSE", "plain")


@settled.once
def here() -> Workspace:
    workspace = make.workspace()
    for key in KEYS:
        signals.emit("tests.kind", key=key, workspace_id=workspace.pk)
    return workspace


@settled.once
def browser(here: Workspace) -> Client:
    return make.client(make.person(here, "primary_operator"))


def found(browser: Client, words: str) -> set[str]:
    answer = browser.get(LIST, {"q": words, "view": "all"})
    assert answer.status_code == 200
    return {row.key for row in answer.context["cl"].result_list}


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        ("nightly", {"Nightly-Export"}),
        ("EXPORT nightly", {"Nightly-Export"}),
        ("GRÖSSE", set()),
        ("GRÖ äö", {"größe ÄÖ"}),
        ("strasse", {"STRASSE"}),
        ("%", {"100% done"}),
        ("a_b", {"a_b"}),
        ("k\\s", {"back\\slash"}),
        ("", set(KEYS)),
        ("nothing is called so", set()),
    ],
)
def test_search__any_part_in_any_case__the_wildcards_are_letters(
    browser: Client, words: str, keys: set[str]
) -> None:
    assert found(browser, words) == keys


@pytest.mark.parametrize("word", ["i", "S", "ö", "Ä", "ß", "_", "%", "\\", "'", "k", "ñ"])
def test_holds__answers_what_icontains_does(here: Workspace, word: str) -> None:
    signals.emit("tests.kind", key="Ñandú KÄSE 'so'", workspace_id=here.pk)
    rows = Signal.objects.order_by("pk")
    assert list(rows.filter(key__holds=word)) == list(rows.filter(Q(key__icontains=word)))


def test_search__other_workspaces_rows__never(browser: Client) -> None:
    elsewhere = make.workspace()
    signals.emit("tests.kind", key="their Nightly", workspace_id=elsewhere.pk)
    assert found(browser, "nightly") == {"Nightly-Export"}


def test_search__every_row_is_read_once(browser: Client) -> None:
    """Counting what was found, or what the filters would find in it, reads them all again."""
    found(browser, "export")
    with CaptureQueriesContext(connection) as captured:
        found(browser, "export")
    assert len([entry for entry in captured if "EXPORT" in entry["sql"].upper()]) == 1
