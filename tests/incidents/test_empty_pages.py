"""Pages of a workspace in which nothing happened yet: no error, and each says what to do, whether
one may do much or only look."""

from __future__ import annotations

import pytest
from django.test import Client

from incidents.status import serving
from tests import make

pytestmark = pytest.mark.django_db
SAID = {
    "/admin/incidents/incidentreview/": "No review yet.",
    "/admin/incidents/statuspage/": "No status page yet.",
    "/admin/incidents/runbookrun/": "Nobody works through one.",
    "/admin/incidents/update/": "Nothing was said of any incident yet.",
    "/admin/incidents/decision/": "Nothing was decided in any incident yet.",
    "/admin/incidents/check/": "Nothing was looked at in any incident yet.",
    "/admin/incidents/drill/": "No drill yet.",
    "/admin/incidents/responsepolicy/": "Nothing happens by itself.",
    "/admin/incidents/figures/": "Nobody was called yet.",
    "/admin/incidents/runbook/": "are still to be published, tried and drilled",
    "/admin/runbooks/postgres_pool/": "Never tried",
    "/admin/runbooks/drills.csv": "uid,kind,title",
}


@pytest.mark.parametrize("role", ["workspace_admin", "viewer"])
def test_nothing_yet__says_so(role: str) -> None:
    browser = make.client(make.person(make.workspace(), role))
    for path, said in SAID.items():
        answer = browser.get(path, follow=True)
        text = answer.content.decode()
        assert (answer.status_code, said in text) == (200, True), path


def test_stranger__sees_none_of_it() -> None:
    for path in SAID:
        assert Client().get(path).status_code == 302, path


def test_public_page__without_one_there_is_none() -> None:
    serving.forget()
    for path in ("/status/", "/status/api/v2/summary.json", "/status/acme/feed.atom"):
        assert Client().get(path).status_code == 404, path
