"""Lists beside the flags' own: tokens, unknown names, segments, requests, plans."""

from __future__ import annotations

import html
import re
import shlex
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from controlplane.lib import clock
from deployments.flags import services
from deployments.flags.models.serving import SdkToken, UnknownFlag
from tests import make
from tests.flags.test_pages import BASE, LIST, button, main, page_of, words
from tests.kit import settled
from tests.kit.flags import World, on, rule
from tests.kit.inhabited import HOSTILE

__all__ = ["browser", "world"]
pytestmark = pytest.mark.django_db


# --- Tokens, unknown flags, segments -------------------------------------------------------------


@settled.once
def world() -> World:
    return World()


@settled.once
def browser(world: World) -> Client:
    return make.client(world.person)


def test_token__shown_once_with_the_way_to_connect(world: World) -> None:
    lead = make.client(make.person(world.workspace, "engineering_lead"))
    where = world.state("staging").environment
    sent = {"environment": where.pk, "name": "planner", "kind": "client", "days": "30"}
    answer = lead.post(f"{BASE}sdktoken/add/", sent)
    page = answer.content.decode()
    token = SdkToken.objects.get()
    secret = re.search(r"default:staging\.[0-9a-f]{64}", page)
    assert secret is not None
    assert "UnleashClient" in page
    assert "never" in answer["Cache-Control"] or "no-store" in answer["Cache-Control"]
    again = lead.get(page_of(token)).content.decode()
    assert secret[0] not in again
    assert token.prefix in again
    assert lead.post(button(token, "revoke"), {"reason": "Leaked"}).status_code == 302
    token.refresh_from_db()
    assert token.revoked_at is not None


@pytest.mark.parametrize("kind", ["client", "frontend", "ofrep"])
def test_token__every_line_shown_with_it__opens_its_door(world: World, kind: str) -> None:
    """The requests by hand are sent as they stand there; of the SDKs' the door they knock at."""
    lead = make.client(make.person(world.workspace, "engineering_lead"))
    sent = {"environment": world.state().environment.pk, "name": "planner", "kind": kind}
    page = html.unescape(lead.post(f"{BASE}sdktoken/add/", sent).content.decode())
    [secret] = set(re.findall(r"default:staging\.[0-9a-f]{64}", page))
    world.put(on(), "staging", world.make("my-flag"))
    shown = re.findall(r"<code>(.*?)</code></pre>", page, re.DOTALL)
    by_hand = [text for text in shown if text.startswith("curl")]
    assert len(by_hand) == 1 + (kind == "frontend")
    for text in by_hand:
        answer = curl(text.replace("$FLAGS_TOKEN", secret))
        assert answer.status_code == 200, text
        assert "my-flag" in answer.content.decode()
    for text in shown:
        if "OFREPProvider" in text:
            assert "Bearer {token}" in text
            assert asks("POST", "/ofrep/v1/evaluate/flags/my-flag", secret) == 200
        elif "/unleash/api" in text and text not in by_hand:
            assert asks("GET", "/unleash/api/client/features", secret) == 200


def asks(method: str, path: str, secret: str) -> int:
    credential = {"authorization": f"Bearer {secret}" if "ofrep" in path else secret}
    answer = Client().generic(method, path, content_type="application/json", headers=credential)
    return answer.status_code


def curl(text: str) -> Any:
    """What the command line would send."""
    words = shlex.split(text)
    given = [words[at + 1].partition(": ") for at, word in enumerate(words) if word == "-H"]
    headers = {name: value for name, _, value in given}
    body = words[words.index("-d") + 1] if "-d" in words else ""
    method = words[words.index("-X") + 1] if "-X" in words else "GET"
    [url] = [word for word in words if word.startswith("http")]
    place = urlsplit(url)
    return Client().generic(
        method,
        f"{place.path}?{place.query}",
        body,
        headers.pop("Content-Type", ""),
        headers=headers,
    )


def test_token__not_for_everybody(world: World, browser: Client) -> None:
    where = world.state("staging").environment
    sent = {"environment": where.pk, "name": "planner", "kind": "client"}
    assert browser.get(f"{BASE}sdktoken/add/").status_code == 403
    assert browser.post(f"{BASE}sdktoken/add/", sent).status_code == 403
    lead = make.client(make.person(make.workspace(), "engineering_lead"))
    assert lead.post(f"{BASE}sdktoken/add/", sent).status_code == 200
    assert not SdkToken.objects.exists()


def test_unknown__leads_to_making_it(world: World, browser: Client) -> None:
    UnknownFlag.objects.create(
        workspace=world.workspace, environment=world.state().environment,
        flag_name=HOSTILE[:60], app="web", times=3,
    )  # fmt: skip
    page = main(browser, f"{BASE}unknownflag/")
    assert f"{LIST}add/?flag_name=%3Cimg" in page
    assert "<img src=x" not in page
    viewer = make.client(make.person(world.workspace, "viewer"))
    assert f"{LIST}add/" not in main(viewer, f"{BASE}unknownflag/")


def test_segment__where_it_is_used__not_removed_while_it_is(world: World, browser: Client) -> None:
    conditions = [{"contextName": "region", "operator": "IN", "values": ["eu"]}]
    made = services.create_segment(
        world.workspace, "eu", name="Europe", actor=world.actor, constraints=conditions
    )
    world.put(on(rule(10, segments=["eu"])), "staging")
    assert "1 flag" in words(main(browser, f"{BASE}segment/"))
    page = main(browser, page_of(made))
    assert page_of(world.flag) in page
    typed = {"reason": "No use", "typed": "Europe"}
    answer = browser.post(button(made, "remove"), typed, follow=True)
    assert "Rules use it" in answer.content.decode()
    made.refresh_from_db()


# --- Requests and plans --------------------------------------------------------------------------


def test_request__withdrawn(world: World, browser: Client) -> None:
    world.guard()
    state = world.state("production")
    made = services.propose(
        state, on(rule(50)), actor=world.actor, version=state.version, reason=HOSTILE[:200]
    )
    page = main(browser, page_of(made))
    assert "On for 50 % of users." in page
    assert "<img src=x" not in page
    assert "Read and decide" in page
    browser.post(button(made, "withdraw"), {"reason": "Not yet"})
    made.refresh_from_db()
    assert made.status == "withdrawn"


def test_planned__cancelled(world: World, browser: Client) -> None:
    state = world.state("staging")
    made = services.schedule(
        state, on(), at=clock.now() + timedelta(days=1), actor=world.actor, version=state.version
    )
    assert "On for everybody" in main(browser, f"{BASE}scheduledchange/", show="open")
    browser.post(button(made, "cancel"), {"reason": "Not yet"})
    made.refresh_from_db()
    assert made.status == "cancelled"
