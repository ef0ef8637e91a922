"""OFREP: what the clients read, and what they are refused with."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from controlplane.access.models import Workspace
from controlplane.lib import clock
from deployments.flags import services
from deployments.flags.models import Flag
from deployments.flags.services.tokens import revoke_token
from tests import make
from tests.kit import sdk as flags
from tests.kit import settled
from tests.kit.ofrep import bulk_form, failure_form, fits, not_found_form, success_form
from tests.kit.sdk import Sdk, rule, variant, where

pytestmark = pytest.mark.django_db
ONE, ALL = "/ofrep/v1/evaluate/flags/new-planner", "/ofrep/v1/evaluate/flags"


@settled.once
def ws() -> Workspace:
    return make.workspace()


@settled.once
def sdk(ws: Workspace) -> Sdk:
    return Sdk(ws, "ofrep")


def test_flag__answers_with_all_that_clients_need(ws: Workspace, sdk: Sdk) -> None:
    flags.flag(ws, "new-planner")
    answer = sdk.evaluate("new-planner", {"targetingKey": "u-1"})
    assert answer.status_code == 200
    assert answer.json() == {
        "key": "new-planner", "value": True, "reason": "STATIC", "variant": "on",
        "metadata": {"why": "no_rules"},
    }  # fmt: skip
    assert fits(success_form(), answer.json())
    assert answer["Cache-Control"] == "no-store"


def test_reasons__are_the_protocols_own(ws: Workspace, sdk: Sdk) -> None:
    eu = [where("region", "IN", "eu")]
    flags.flag(ws, "off", on=False)
    flags.flag(ws, "half", rules=[rule(50)])
    flags.flag(ws, "eu", rules=[rule(title="Europe", constraints=eu)])
    flags.flag(ws, "named", allow=["u-1"], deny=["u-2"], rules=[rule(constraints=eu)])
    services.kill(flags.flag(ws, "dead"), actor=make.JOB, reason="it broke")

    def said(key: str, **context: Any) -> tuple[Any, ...]:
        answer = sdk.evaluate(key, {"targetingKey": "u-1", **context}).json()
        assert fits(success_form(), answer), answer
        return answer["value"], answer["reason"], answer["variant"], answer["metadata"]["why"]

    assert said("off") == (False, "DISABLED", "off", "off")
    assert said("dead") == (False, "DISABLED", "off", "killed")
    assert said("eu", region="eu") == (True, "TARGETING_MATCH", "on", "rule")
    assert said("eu", region="us") == (False, "TARGETING_MATCH", "off", "no_match")
    assert said("named") == (True, "TARGETING_MATCH", "on", "allowed")
    assert said("half")[1] == "SPLIT"
    told = sdk.evaluate("eu", {"targetingKey": "u-1", "region": "eu"}).json()
    assert told["metadata"]["rule"] == "Europe"


def test_titles_of_rules__are_not_told_to_browsers(ws: Workspace, sdk: Sdk) -> None:
    flags.flag(ws, "new-planner", rules=[rule(title="Pilot with ACME")])
    browser, who = Sdk(ws, "frontend"), {"targetingKey": "u-1"}
    inside, everything = sdk.evaluate("new-planner", who), sdk.evaluate("", who)
    assert b"ACME" in inside.content
    assert b"ACME" in everything.content
    seen = browser.evaluate("new-planner", who)
    assert seen.json() == {**inside.json(), "metadata": {"why": "rule"}}
    assert fits(success_form(), seen.json())
    held = {"If-None-Match": everything["ETag"]}
    answers = [browser.evaluate("", who), browser.evaluate("", who, **held)]
    answers += [browser.get("/unleash/api/frontend?userId=u-1")]
    for answer in answers:
        assert answer.status_code == 200
        assert b"new-planner" in answer.content
        assert b"ACME" not in answer.content


@pytest.mark.parametrize(
    ("kind", "off", "on", "sent"),
    [
        ("string", "blue", "green", '"green"'),
        ("integer", 0, 7, "7"),
        ("float", 0, 1, "1.0"),  # a client that asks for a float takes no 1
        ("float", 0.5, 2.5, "2.5"),
        ("object", {}, {"size": 3}, '{"size":3}'),
    ],
)
def test_values__have_the_declared_type(
    ws: Workspace, sdk: Sdk, kind: str, off: Any, on: Any, sent: str
) -> None:
    made = flags.flag(ws, "typed", value_type=kind, off_value=off, on_value=on)
    answer = sdk.evaluate("typed", {"targetingKey": "u-1"})
    assert f'"value":{sent}'.encode() in answer.content
    assert fits(success_form(), answer.json())
    services.kill(made, actor=make.JOB)
    flags.heard()
    assert sdk.evaluate("typed").json()["value"] == off


def test_variants__give_their_payload_as_the_flags_type(ws: Workspace, sdk: Sdk) -> None:
    flags.flag(
        ws, "limit", value_type="integer", off_value=1, on_value=5,
        variants=[variant("big", payload="50", kind="number")],
    )  # fmt: skip
    answer = sdk.evaluate("limit", {"targetingKey": "u-1"}).json()
    assert (answer["value"], answer["variant"]) == (50, "big")


def test_value_that_is_not_of_its_type__is_a_failure_of_this_flag_alone(
    ws: Workspace, sdk: Sdk
) -> None:
    flags.flag(ws, "whole", value_type="integer", off_value=1, on_value=5)
    flags.flag(ws, "sound")
    Flag.objects.filter(flag_name="whole").update(on_value="many")
    answer = sdk.evaluate("whole")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "GENERAL")
    assert fits(failure_form(), answer.json())
    everything = {each["key"]: each for each in sdk.evaluate().json()["flags"]}
    assert everything["whole"]["errorCode"] == "GENERAL"
    assert everything["sound"]["value"] is True


def test_targeting_key__is_wanted_only_where_a_percentage_decides(ws: Workspace, sdk: Sdk) -> None:
    flags.flag(ws, "plain")
    flags.flag(ws, "half", rules=[rule(50)])
    flags.flag(ws, "chance", rules=[rule(50, stickiness="random")])
    assert sdk.evaluate("plain").status_code == 200
    assert sdk.evaluate("chance").status_code == 200
    assert sdk.evaluate("half", {"sessionId": "s-1"}).status_code == 200
    answer = sdk.evaluate("half")
    assert (answer.status_code, answer.json()["errorCode"]) == (400, "TARGETING_KEY_MISSING")
    assert fits(failure_form(), answer.json())
    failed = [each for each in sdk.evaluate().json()["flags"] if "errorCode" in each]
    assert [each["key"] for each in failed] == ["half"]


def test_context_values__are_compared_as_texts(ws: Workspace, sdk: Sdk) -> None:
    only = [where("beta", "IN", "true"), where("n", "IN", "3"), where("x", "NOT_IN", "1")]
    flags.flag(ws, "typed", rules=[rule(constraints=only)])
    context = {"targetingKey": "u", "beta": True, "n": 3.0, "x": {"nested": 1}}
    assert sdk.evaluate("typed", context).json()["value"] is True


def test_unknown_flag__is_404_with_its_code(sdk: Sdk) -> None:
    answer = sdk.evaluate("no-such-flag")
    assert answer.status_code == 404
    assert fits(not_found_form(), answer.json())


# --- All at once --------------------------------------------------------------------------------


def test_bulk__holds_every_flag_and_an_etag(ws: Workspace, sdk: Sdk) -> None:
    flags.flag(ws, "a")
    flags.flag(ws, "b", on=False)
    answer = sdk.evaluate("", {"targetingKey": "u-1"})
    assert fits(bulk_form(), answer.json())
    assert [each["key"] for each in answer.json()["flags"]] == ["a", "b"]
    assert answer.json()["metadata"]["environment"] == flags.PLACE
    tag = answer["ETag"]
    again = sdk.evaluate("", {"targetingKey": "u-1"}, **{"If-None-Match": tag})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", tag)


def test_etag__changes_with_flags_context_environment_and_time(
    ws: Workspace, sdk: Sdk, time_machine: Any
) -> None:
    time_machine.move_to("2026-01-01T00:00:00Z", tick=False)
    made = flags.flag(ws, "a")
    until = {"contextName": "currentTime", "operator": "DATE_BEFORE",
             "value": "2026-01-02T00:00:00Z"}  # fmt: skip
    flags.flag(ws, "b", rules=[rule(constraints=[until])])
    first = sdk.evaluate("", {"targetingKey": "u"})
    assert sdk.evaluate("", {"targetingKey": "v"})["ETag"] != first["ETag"]
    production = Sdk(ws, "ofrep", place="production")
    assert production.evaluate("", {"targetingKey": "u"})["ETag"] != first["ETag"]
    flags.heard()  # the token made it another revision
    first = sdk.evaluate("", {"targetingKey": "u"})
    time_machine.move_to("2026-01-02T00:00:01Z", tick=False)
    later = sdk.evaluate("", {"targetingKey": "u"}, **{"If-None-Match": first["ETag"]})
    assert later.status_code == 200
    assert [each["value"] for each in later.json()["flags"]] == [True, False]
    services.kill(made, actor=make.JOB)
    flags.heard()
    assert (
        sdk.evaluate("", {"targetingKey": "u"}, **{"If-None-Match": later["ETag"]}).status_code
        == 200
    )


@pytest.mark.parametrize("sent", ['"x"', "*", "not a tag at all", '"unended', "W/"])
def test_odd_if_none_match__never_fails(sdk: Sdk, sent: str) -> None:
    assert sdk.evaluate("", {}, **{"If-None-Match": sent}).status_code in {200, 304}


# --- What is refused ----------------------------------------------------------------------------

BROKEN = {
    "half": b'{"context": {',
    "deep": b'{"context":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "deep object": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "list": b"[]",
    "text": b'"x"',
    "nan": b'{"context": {"a": NaN}}',
    "twice": b'{"context": {"a": 1, "a": 2}}',
    "not utf-8": b'{"context": {"a": "\xff"}}',
    "nul": b'{"context": {"a": "\\u0000"}}',
    "surrogate": b'{"context": {"a": "\\ud800"}}',
    "endless": b'{"context": {"a": ' + b"9" * 5_000 + b"}}",
    "5 MB": b'{"context": {"a": "' + b"x" * 5_000_000 + b'"}}',
}
ODD: dict[str, bytes] = {
    "context is a list": b'{"context": []}',
    "context is a text": b'{"context": "u-1"}',
    "key is a number": b'{"context": {"targetingKey": 7}}',
    "key is an object": b'{"context": {"targetingKey": {}}}',
}


@pytest.mark.parametrize("path", [ONE, ALL])
@pytest.mark.parametrize("name", [*BROKEN, *ODD])
def test_malformed_body__is_400_with_code_and_details(
    ws: Workspace, sdk: Sdk, path: str, name: str
) -> None:
    flags.flag(ws, "new-planner")
    answer = sdk.raw("POST", path, BROKEN.get(name) or ODD[name])
    assert answer.status_code == 400, answer.content[:300]
    told = answer.json()
    assert told["errorCode"] == ("INVALID_CONTEXT" if name in ODD else "PARSE_ERROR")
    assert told["errorDetails"]
    assert path == ALL or fits(failure_form(), told)


def test_no_body_no_context__is_an_empty_one(ws: Workspace, sdk: Sdk) -> None:
    flags.flag(ws, "new-planner")
    for body in (b"", b"{}", b'{"context": null}', b'{"context": {}, "other": 1}'):
        assert sdk.raw("POST", ONE, body).json()["value"] is True
    assert sdk.raw("POST", ONE, b"{}", "text/plain").json()["errorCode"] == "PARSE_ERROR"


def test_hostile_names__are_unknown_flags(sdk: Sdk) -> None:
    for key in ("%00", "%ff", "a%20b", "x" * 3_000, "%F0%9F%A7%A8", "..", "<script>"):
        answer = sdk.raw("POST", f"{ALL}/{key}", b"{}")
        assert answer.status_code in {400, 404}, key


@pytest.mark.parametrize("path", [ONE, ALL])
def test_wrong_token__is_401(ws: Workspace, path: str) -> None:
    portal_key = make.key(make.agent(ws))[1]
    for sent in ("", "Bearer x", "x", f"Bearer {portal_key}", "default:staging." + "0" * 64):
        answer: Any = Client().post(
            path, "{}", content_type="application/json", headers={"Authorization": sent}
        )
        assert answer.status_code == 401
        assert answer.json()["errorDetails"]
        assert "WWW-Authenticate" in answer


def test_token__is_taken_as_bearer_plain_or_api_key(ws: Workspace) -> None:
    flags.flag(ws, "new-planner")
    secret = str.__str__(flags.token(ws, "ofrep").secret)
    for headers in ({"Authorization": f"Bearer {secret}"}, {"Authorization": secret},
                    {"X-API-Key": secret}):  # fmt: skip
        answer = Client().post(ONE, "{}", content_type="application/json", headers=headers)
        assert answer.status_code == 200


def test_expired_and_revoked_tokens__are_401(ws: Workspace, time_machine: Any) -> None:
    short, revoked = Sdk(ws, "ofrep", days=1), Sdk(ws, "ofrep")
    assert short.evaluate().status_code == revoked.evaluate().status_code == 200
    revoke_token(revoked.issued.token, actor=make.JOB)
    flags.heard()
    assert revoked.evaluate().status_code == 401
    time_machine.move_to(clock.now().replace(year=clock.now().year + 1))
    assert short.evaluate().status_code == 401


def test_token__opens_its_own_environment_only(ws: Workspace) -> None:
    flags.flag(ws, "here")
    flags.flag(make.workspace(), "theirs")
    sdk, production = Sdk(ws, "ofrep"), Sdk(ws, "ofrep", place="production")
    assert [each["key"] for each in sdk.evaluate().json()["flags"]] == ["here"]
    assert sdk.evaluate("theirs").status_code == 404
    assert production.evaluate("here").json()["value"] is False


def test_archived_workspace__shuts_its_tokens_out(ws: Workspace) -> None:
    sdk = Sdk(ws, "ofrep")
    assert sdk.evaluate().status_code == 200
    Workspace.objects.filter(pk=ws.pk).update(archived_at=clock.now())
    flags.heard()
    assert sdk.evaluate().status_code == 401


def test_other_methods__are_405(sdk: Sdk) -> None:
    answer = sdk.get(ONE)
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "errorDetails" in answer.json()


def test_too_many__is_429_with_whole_seconds(
    ws: Workspace, sdk: Sdk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTROLPLANE_API_LIMIT_HOT", "2")
    answers = [sdk.evaluate() for _ in range(4)]
    assert answers[-1].status_code == 429
    assert answers[-1]["Retry-After"].isdigit()
    assert "errorDetails" in answers[-1].json()


def test_browsers__may_ask_from_any_site(ws: Workspace) -> None:
    asked: Any = Client().options(ONE, headers={"Origin": "https://shop.example"})
    assert (asked.status_code, asked["Access-Control-Allow-Origin"]) == (204, "*")
    assert "Authorization" in asked["Access-Control-Allow-Headers"]
    answer = Sdk(ws, "frontend").evaluate()
    assert "ETag" in answer["Access-Control-Expose-Headers"]


def test_secret__is_shown_once_and_kept_as_a_hash(ws: Workspace) -> None:
    issued = flags.token(ws)
    issued.token.refresh_from_db()
    assert str.__str__(issued.secret).startswith("default:staging.")
    assert str.__str__(issued.secret) not in json.dumps(str(vars(issued.token)))
    assert "redacted" in repr(issued.secret)
