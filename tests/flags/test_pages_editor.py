"""The rule editor without script: it grows and shrinks, loses nothing that was typed, tells who
was faster, and asks where consent is wanted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.lib import clock
from deployments.flags import editing, services
from deployments.flags.models import ChangeRequest, FlagState, ScheduledChange, Segment
from tests import make
from tests.flags.forms import Form
from tests.kit import settled
from tests.kit.flags import World, on, rule
from tests.kit.inhabited import HOSTILE

pytestmark = pytest.mark.django_db


@settled.once
def world() -> World:
    return World()


@settled.once
def browser(world: World) -> Client:
    return make.client(world.person)


def url(world: World, where: str = "staging") -> str:
    return reverse("flags:edit", args=(world.flag.uid, where))


def settings(world: World, where: str = "staging") -> dict[str, Any]:
    return dict(world.state(where).settings)


def constraint(name: str, operator: str, *values: str, **more: object) -> dict[str, object]:
    return {"contextName": name, "operator": operator, "values": list(values), **more}


def test_saved_untouched__nothing_is_different(world: World, browser: Client) -> None:
    """Whatever a document holds goes through the form and comes back as it was."""
    services.create_segment(
        world.workspace, "eu", actor=world.actor, constraints=[constraint("region", "IN", "eu")]
    )
    world.make("other")
    world.put(
        on(
            rule(
                25, title="Some", stickiness="tenantId", group="kept", segments=["eu"],
                constraints=[
                    constraint("plan", "NOT_IN", "free", "a, with comma", inverted=True),
                    {"contextName": "age", "operator": "NUM_GT", "value": "17"},
                    constraint("mail", "STR_ENDS_WITH", "@x.org", caseInsensitive=True),
                ],
                variants=[{"name": "a", "weight": 1}, {"name": "b", "weight": 3}],
            ),
            rule(100, disabled=True),
            allow=["ann"], deny=["bob", "eve"],
            variants=[{
                "name": "x", "weight": 10, "payload": {"type": "json", "value": '{"a": 1}'},
                "overrides": [{"contextName": "userId", "values": ["7"]}],
            }],
            requires=[{"flag": "other", "enabled": True, "variants": ["y"]}],
        )
    )  # fmt: skip
    before = settings(world)
    form = Form(browser, url(world))
    assert "Nothing changed" in form.page
    assert form.press("save").status_code == 302
    assert settings(world) == before
    assert world.state().version == 2


def test_rule__built_by_buttons_alone(world: World, browser: Client) -> None:
    form = Form(browser, url(world))
    form.press("rule.add", on="1")
    form.press("constraint.add.0", r0__title="Europe first", r0__percent="10")
    form.press(
        "split.add.0", r0__c0__name="region", r0__c0__operator="IN",
        r0__c0__values="eu-west\r\neu-north\r\n", r0__stickiness="tenantId",
    )  # fmt: skip
    assert form.press("rule.add", r0__v0__name="new", r0__v0__weight="1").status_code == 200
    assert "10 % of tenants where region is one of eu-west or eu-north" in form.page
    assert form.press("save", r1__percent="5", reason="Begin in Europe").status_code == 302
    kept = settings(world)
    assert kept["on"] is True
    first, second = kept["rules"]
    assert first["title"] == "Europe first"
    assert first["percent"] == 10
    assert first["stickiness"] == "tenantId"
    assert first["constraints"][0]["values"] == ["eu-west", "eu-north"]
    assert first["variants"][0]["name"] == "new"
    assert second["percent"] == 5


def test_rule__moved_and_removed(world: World, browser: Client) -> None:
    world.put(on(*(rule(n, title=f"rule {n}") for n in (10, 20, 30))))
    form = Form(browser, url(world))
    assert "rule.up.0" not in form.presses
    form.press("rule.down.0")
    form.press("rule.remove.2")
    form.press("save")
    assert [each["percent"] for each in settings(world)["rules"]] == [20, 10]


def test_review__says_it_and_saves_nothing(world: World, browser: Client) -> None:
    form = Form(browser, url(world))
    assert form.press("look", on="1").status_code == 200
    assert "On for everybody." in form.page
    assert settings(world)["on"] is False


def test_late__sees_theirs_keeps_own__saves_knowingly(world: World, browser: Client) -> None:
    form = Form(browser, url(world))
    world.put(on(rule(5)), actor=world.lead)
    form.press("rule.add", on="1")
    answer = form.press("save", r0__percent="70", r0__title="Mine")
    assert answer.status_code == 409
    assert "changed this while you had it open" in form.page
    assert "What they changed" in form.page
    assert form.fields["r0-title"] == ["Mine"]
    assert form.fields["r0-percent"] == ["70"]
    assert settings(world)["rules"][0]["percent"] == 5
    assert form.press("save").status_code == 302
    assert settings(world)["rules"][0]["percent"] == 70


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"r0__percent": "101"}, "whole number from 0 to 100"),
        ({"r0__percent": "ten"}, "whole number"),
        ({"r0__percent": "٣"}, "whole number"),
        ({"allow": "a,b"}, "no commas"),
    ],
)
def test_refused__beside_what_it_is_about(
    world: World, browser: Client, typed: dict[str, str], said: str
) -> None:
    form = Form(browser, url(world))
    form.press("rule.add")
    answer = form.press("save", on="1", reason="as typed", **typed)
    assert answer.status_code == 400
    assert said in form.page
    assert form.fields["reason"] == ["as typed"]
    assert settings(world)["on"] is False


def test_refused__constraint_weights_and_circles(world: World, browser: Client) -> None:
    form = Form(browser, url(world))
    form.press("rule.add", on="1")
    form.press("constraint.add.0")
    form.press(
        "variant.add", r0__c0__name="mail", r0__c0__operator="REGEX", r0__c0__values="(a+)+(?=b)"
    )
    form.press("require.add", v0__name="x", v0__weight="0")
    assert form.press("save", q0__flag="nobody-knows").status_code == 400
    assert "RE2" in form.page
    assert form.page.count("field-wrong") >= 2
    assert settings(world)["on"] is False


def test_hostile_texts__shown_as_text(world: World, browser: Client) -> None:
    form = Form(browser, url(world))
    form.press("rule.add")
    form.press("constraint.add.0", r0__title=HOSTILE[:100])
    form.press("look", r0__c0__name=HOSTILE[:90], r0__c0__values=HOSTILE, allow=HOSTILE)
    assert "<img src=x" not in form.page
    assert form.fields["r0-c0-values"] == [HOSTILE]
    assert form.fields["r0-title"] == [HOSTILE[:100]]


@pytest.mark.parametrize(
    "press", ["rule.remove.9", "rule.up.0", "constraint.add.7", "x.y.z", "rule.add.1.2", "rule.²"]
)
def test_nonsense_pressed__no_error(world: World, browser: Client, press: str) -> None:
    form = Form(browser, url(world))
    answer = browser.post(form.url, {**form.fields, "do": press})
    assert answer.status_code == 200
    assert settings(world)["on"] is False


def test_form_of_another_flag__refused(world: World, browser: Client) -> None:
    other = world.make("another")
    form = Form(browser, reverse("flags:edit", args=(other.uid, "staging")))
    answer = browser.post(url(world), {**form.fields, "on": "1", "do": "save"})
    assert answer.status_code == 400
    assert browser.post(url(world), {"do": "save", "seen": "forged"}).status_code == 400
    assert settings(world)["on"] is False


def test_consent_wanted__becomes_a_request_with_its_approval(world: World, browser: Client) -> None:
    world.guard()
    form = Form(browser, url(world, "production"))
    assert "Ask for consent" in form.page
    answer = form.press("save", on="1", reason="All is well in staging")
    assert answer.status_code == 302
    asked = ChangeRequest.objects.get()
    assert asked.approval is not None
    assert settings(world, "production")["on"] is False
    page = browser.get(answer["Location"]).content.decode()
    assert reverse("admin:approvals_request_change", args=(asked.approval.uid,)) in page
    mine = reverse("admin:feature_flags_changerequest_change", args=(asked.uid,))
    assert mine in page
    assert "It would read" in browser.get(mine).content.decode()


def test_consent_wanted__off_goes_without(world: World, browser: Client) -> None:
    world.put(on(), "production")
    world.guard()
    form = Form(browser, url(world, "production"))
    assert form.press("save", on="0", reason="Too slow").status_code == 302
    assert settings(world, "production")["on"] is False
    assert not ChangeRequest.objects.exists()


def test_later__is_planned(world: World, browser: Client) -> None:
    form = Form(browser, url(world))
    at = clock.now() + timedelta(days=2)
    assert form.press("save", on="1", at=f"{at:%Y-%m-%dT%H:%M}").status_code == 302
    planned = ScheduledChange.objects.get()
    assert f"{planned.at:%Y-%m-%dT%H:%M}" == f"{at:%Y-%m-%dT%H:%M}"
    assert settings(world)["on"] is False
    page = browser.get(reverse("admin:feature_flags_flag_change", args=(world.flag.uid,)))
    assert "Planned" in page.content.decode()


def test_later__the_past_and_no_time_refused(world: World, browser: Client) -> None:
    for at in ("2020-01-01T00:00", "soon", "2026-99-99T10:00"):
        form = Form(browser, url(world))
        assert form.press("save", on="1", at=at).status_code == 400, at
    assert not ScheduledChange.objects.exists()


def test_like__begins_with_those_of_another_environment(world: World, browser: Client) -> None:
    world.put(on(rule(33)), "staging")
    form = Form(browser, f"{url(world, 'production')}?like=staging")
    assert form.fields["r0-percent"] == ["33"]
    assert form.press("save").status_code == 302
    assert settings(world, "production") == settings(world, "staging")


# --- Strangers ----------------------------------------------------------------------------------


def test_viewer__may_not_open_nor_send(world: World, browser: Client) -> None:
    form = Form(browser, url(world))
    viewer = make.client(make.person(world.workspace, "viewer"))
    assert viewer.get(url(world)).status_code == 403
    assert viewer.post(url(world), {**form.fields, "on": "1", "do": "save"}).status_code == 403
    assert settings(world)["on"] is False


def test_other_workspace__finds_nothing(world: World, browser: Client) -> None:
    form = Form(browser, url(world))
    stranger = make.client(make.person(make.workspace(), "release_manager"))
    for method in (stranger.get, stranger.post):
        assert method(url(world), form.fields).status_code == 404
    assert Client().get(url(world)).status_code in {302, 403}
    assert browser.get(url(world, "nowhere")).status_code == 404


def test_archived__not_edited(world: World, browser: Client) -> None:
    services.archive(world.flag, actor=world.actor, reason="No code asks")
    assert browser.get(url(world)).status_code == 400


# --- The switch and the segment -------------------------------------------------------------------


def test_switch__two_taps_on_and_off(world: World, browser: Client) -> None:
    where = reverse("flags:switch", args=(world.flag.uid, "staging"))
    for wanted in (True, False):
        form = Form(browser, where, "card")
        answer = browser.post(where, {**form.fields, "reason": "Look at it"})
        assert answer.status_code == 302
        assert settings(world)["on"] is wanted


def test_switch__somebody_was_faster(world: World, browser: Client) -> None:
    where = reverse("flags:switch", args=(world.flag.uid, "staging"))
    form = Form(browser, where, "card")
    world.put(on(rule(10)), actor=world.lead)
    answer = browser.post(where, {**form.fields, "reason": "Look at it"})
    assert answer.status_code == 409
    assert world.state().version == 2


def test_segment__made_and_changed_without_script(world: World, browser: Client) -> None:
    form = Form(browser, reverse("flags:segment_new"))
    form.press("constraint.add", name="In Europe", c0__name="region", c0__values="eu")
    form.press("constraint.remove.1")
    answer = form.press("save")
    assert answer.status_code == 302
    made = Segment.objects.get()
    assert made.slug == "in-europe"
    form = Form(browser, reverse("flags:segment", args=(made.uid,)))
    services.change_segment(
        made, actor=world.lead, version=made.version, constraints=[constraint("a", "IN", "b")]
    )
    assert form.press("save", c0__values="eu\nuk", reason="And the island").status_code == 409
    assert "Somebody changed this" in form.page
    assert form.fields["c0-values"] == ["eu\nuk"]
    assert form.press("save").status_code == 302
    made.refresh_from_db()
    assert made.constraints[0]["values"] == ["eu", "uk"]


def test_segment__strangers(world: World, browser: Client) -> None:
    made = services.create_segment(
        world.workspace, "eu", actor=world.actor, constraints=[constraint("region", "IN", "eu")]
    )
    where = reverse("flags:segment", args=(made.uid,))
    viewer = make.client(make.person(world.workspace, "viewer"))
    stranger = make.client(make.person(make.workspace(), "release_manager"))
    assert viewer.get(where).status_code == 403
    assert viewer.get(reverse("flags:segment_new")).status_code == 403
    assert stranger.get(where).status_code == 404
    assert browser.get(where).status_code == 200


def test_draft__of_any_document_is_that_document() -> None:
    document = {**on(rule(7, title="x")), "allow": ["a"], "unknown": [1]}
    kept = editing.to_settings(editing.from_settings(document))
    assert kept["rules"][0]["percent"] == 7
    assert kept["unknown"] == [1]
    assert kept["allow"] == ["a"]
    assert FlagState().settings["on"] is False
