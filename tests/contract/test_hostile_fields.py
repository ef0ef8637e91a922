"""Markup in every field that takes words, sent through the API's own doors; and then every page in
a browser: none of it is markup there, no script of it runs, and the policy refuses nothing."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import transaction

from controlplane.base.api import throttles
from controlplane.lib import http
from tests import make
from tests.console.test_browser_walk import choose, some
from tests.kit import contract, inhabited, pages
from tests.kit.browser import MISSING, Browser
from tests.kit.contract import Caller
from tests.kit.contract_rows import Known

pytestmark = [pytest.mark.skipif(bool(MISSING), reason=MISSING), pytest.mark.slow]
# The longest that a field has room for.
WORDS = (
    "<img src=x onerror=__ran=1>\"'></script><script>__ran=1</script>{{7*7}}<b class=ran>",
    "<img src=x onerror=__ran=1>",
    "<b class=ran>",
)
RAN = """
return [
  ...[...document.querySelectorAll("[onerror], .ran, script:not([src]):not([type])")].map((node) =>
    node.outerHTML.slice(0, 200)),
  ...(window.__ran ? ["a script ran"] : []),
  ...window.__refused,
];
"""
TRIES = 5
# Who asks, and whether they may: without them nobody could look at the rest.
AWAY = (
    "/api/v1/access", "/api/v1/agents", "/api/v1/keys", "/api/v1/me/", "/api/v1/members",
    "/api/v1/sessions", "/api/v1/people", "/api/v1/users", "/api/v1/token", "/api/v1/oauth",
    "/api/v1/break-glass", "/api/v1/privacy", "/api/v1/workspace", "/api/users",
)  # fmt: skip


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def nowhere(host: str, port: int) -> list[str]:
        raise OSError(f"{host} is outside")

    monkeypatch.setattr(throttles, "check", lambda *_, **__: None)
    monkeypatch.setattr(http, "_look_up", nowhere)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_markup__stays_words_on_every_page(browser: Browser) -> None:
    world = inhabited.settle()
    client = make.client(world.root)
    client.defaults["HTTP_X_WORKSPACE"] = world.workspace.slug
    client.raise_request_exception = False
    own = list(pages.own_pages(world))  # what it tells of is there, and not yet moved on
    known = Known(client)
    known.walk(list(contract.document().raw_schema["paths"]))
    asked = [each for each in contract.operations() if _takes_words(each)]
    taken = sum(_sent(operation, Caller(client), known) for operation in asked)
    assert taken > len(asked) / 5, (taken, len(asked))

    again = make.client(world.root)
    browser.sign_in(again)
    choose(again, world)
    wrong = {
        path: found
        for path in [*own, *some(pages.admin_pages(again, world))]
        if (found := _looked(browser, path))
    }
    assert wrong == {}


def _takes_words(operation: Any) -> bool:
    return bool(operation.body) and not operation.path.startswith(AWAY)


def _sent(operation: Any, caller: Caller, known: Known) -> bool:
    """Whether it was taken, in one of a few tries: of what a field names and of what it says only
    trying tells."""
    chance = random.Random(operation.label)
    case = contract.plain(operation)
    if case is None or not isinstance(case.body, dict):
        return False
    own = dict(case.body)
    for _ in range(TRIES):
        names = known.of(operation.path)
        case.path_parameters = {**(case.path_parameters or {}), **(chance.choice(names or [{}]))}
        case.body = _hostile(case, own, known, chance)
        with transaction.atomic():
            answer = contract.send(case, caller)
            if answer.status_code < 300:
                return True
            transaction.set_rollback(True)
    return False


def _hostile(case: Any, own: dict[str, Any], known: Known, chance: random.Random) -> Any:
    fields = contract.fields_of(case)
    body = dict(own)
    for name, form in fields.items():
        if form.get("type") != "string" or {"enum", "format", "pattern"} & set(form):
            continue
        meant = known.value(name, chance) if chance.random() < 0.5 else None
        room = form.get("maxLength", 1_000)
        body[name] = meant or next((each for each in WORDS if len(each) <= room), "x")
    return body


def _looked(browser: Browser, path: str) -> list[str]:
    browser.open(path)
    return list(browser.js(RAN))
