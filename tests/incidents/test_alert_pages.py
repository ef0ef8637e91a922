"""Lists and pages of alerts, messages, silences, rules and sources in the console."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.lib.errors import Invalid
from incidents.intake import receiving
from incidents.intake.sources import find
from incidents.models import Alert, AlertSource, InboundEvent, Incident, RoutingRule, Silence
from incidents.routing import silences
from tests import make
from tests.kit import alerts as kit
from tests.kit import settled

pytestmark = pytest.mark.django_db


@settled.once
def here() -> Workspace:
    return make.workspace()


@settled.once
def source(here: Workspace) -> AlertSource:
    return kit.source(here).source


@settled.once
def admin(here: Workspace) -> Client:
    return make.client(make.person(here, "workspace_admin"))


def _list(model: str) -> str:
    return reverse(f"admin:incidents_{model}_changelist")


def _row(row: Any) -> str:
    return reverse(f"admin:incidents_{row._meta.model_name}_change", args=(row.uid,))


def _read(client: Client, path: str, **query: str) -> str:
    answer = client.get(path, query, follow=True)
    assert answer.status_code == 200, answer.content[:500]
    return unescape(answer.content.decode())


def _press(client: Client, row: Any, name: str, **data: str) -> Any:
    path = reverse(f"admin:incidents_{row._meta.model_name}_button", args=(row.uid, name))
    return client.post(path, data, follow=True)


# --- Sources ------------------------------------------------------------------------------------


def test_source__is_made_and_its_key_is_shown_once(admin: Client, here: Workspace) -> None:
    made = admin.post(
        reverse("admin:incidents_alertsource_add"),
        {"name": "Our Alertmanager", "format": "alertmanager", "severity": "warning",
         "labels": "env: production", "group_by": "alertname, service", "mapping": ""},
    )  # fmt: skip
    assert made.status_code == 200, made.content[:300]
    source = AlertSource.objects.get(name="Our Alertmanager")
    assert (source.labels, source.group_by) == ({"env": "production"}, ["alertname", "service"])
    key = next(word for word in re.findall(r"[A-Za-z0-9]{32}", made.content.decode()) if find(word))
    assert "no-store" in made["Cache-Control"]
    assert key not in _read(admin, _row(source))
    renewed = _press(admin, source, "renew", reason="it stood in a chat").content.decode()
    assert find(key) is None
    assert key not in renewed
    assert any(find(word) for word in re.findall(r"[A-Za-z0-9]{32}", renewed))


def test_source__shows_what_it_sent_and_is_switched_off(admin: Client, source: AlertSource) -> None:
    receiving.receive(source, "webhook", json.dumps(kit.group([kit.am_alert()])).encode())
    with pytest.raises(Invalid):
        receiving.receive(source, "webhook", b"nonsense")
    page = _read(admin, _row(source))
    assert "1 new" in page
    assert "Usual severity" in page
    assert '<li><span class="kit-severity' not in page  # as if something fired
    assert "What was refused last" in page
    assert "Refused something" in _read(admin, _list("alertsource"))
    _press(admin, source, "switch_off", reason="noise")
    source.refresh_from_db()
    assert not source.is_active
    _press(admin, source, "switch_on", reason="mended")
    source.refresh_from_db()
    assert source.is_active


def test_try_a_message__shows_what_would_become_of_it(admin: Client, source: AlertSource) -> None:
    path = reverse("incidents:try", args=(source.uid,))
    assert "HighErrorRate" in _read(admin, path)
    body = json.dumps(kit.group([kit.am_alert()]))
    page = unescape(
        admin.post(path, {"body": body, "content_type": "application/json"}).content.decode()
    )
    assert "It opens an incident of sev2" in page
    wrong = unescape(admin.post(path, {"body": "{"}).content.decode())
    assert "Its sender would be refused" in wrong
    assert not Alert.objects.exists()
    assert not InboundEvent.objects.exists()


def test_try_a_message__is_for_keepers_of_this_workspace(source: AlertSource) -> None:
    path = reverse("incidents:try", args=(source.uid,))
    assert make.client(make.person(source.workspace, "viewer")).get(path).status_code == 403
    other = make.client(make.person(make.workspace(), "workspace_admin"))
    assert other.get(path).status_code == 404
    assert Client().get(path).status_code in {302, 403}


# --- Alerts -------------------------------------------------------------------------------------


def test_alerts__say_how_each_stands_and_are_found_by_label(
    admin: Client, here: Workspace, source: AlertSource
) -> None:
    silences.create_silence(
        here, actor=make.JOB, matchers='instance="b"', comment="known to us",
        ends_at=clock.now() + timedelta(hours=1),
    )  # fmt: skip
    kit.tell(source, kit.incoming("One", instance="a"), kit.incoming("Two", instance="b"))
    page = _read(admin, _list("alert"))
    assert "One fires" in page
    assert "silenced" in page
    found = _read(admin, _list("alert"), q="instance=a")
    assert "One fires" in found
    assert "Two fires" not in found
    words = _read(admin, _list("alert"), q="Two")
    assert "Two fires" in words
    assert "One fires" not in words
    held = _read(admin, _row(Alert.objects.get(labels__instance="b")))
    assert "A silence holds for it: known to us" in held


def test_alert__is_ended_by_hand(admin: Client, source: AlertSource) -> None:
    kit.tell(source, kit.incoming(key="k"))
    alert = Alert.objects.get()
    page = _read(admin, _row(alert))
    assert Incident.objects.get().ref in page
    assert "What happened to it" in page
    _press(admin, alert, "end", reason="I looked")
    alert.refresh_from_db()
    assert alert.over_by == "hand"
    assert "I looked" in _read(admin, _row(alert))


def test_alert__hostile_texts_and_links_stay_texts(admin: Client, source: AlertSource) -> None:
    said = kit.incoming("<script>alert(1)</script>", instance="<img src=x onerror=alert(1)>")
    said.links = [{"href": "javascript:alert(1)", "text": "here"}]
    said.description = "<b>bold</b>"
    kit.tell(source, said)
    raw = admin.get(_row(Alert.objects.get())).content.decode()
    assert "<script>alert(1)" not in raw
    assert "<img src=x" not in raw
    assert "<b>bold" not in raw
    assert 'href="javascript' not in raw


def test_silence__is_asked_for_by_the_clock_of_its_reader(here: Workspace) -> None:
    user = make.person(here, "workspace_admin")
    User.objects.filter(pk=user.pk).update(time_zone="Asia/Tokyo")
    tokyo = make.client(user)
    path = reverse("admin:incidents_silence_add")
    assert "Empty: now. Asia/Tokyo time." in _read(tokyo, path)
    given = {
        "matchers": 'service="agent"', "comment": "Loaded on purpose",
        "starts_at": "2031-01-07T09:30", "ends_at": "2031-01-07T10:30",
    }  # fmt: skip
    assert tokyo.post(path, given).status_code == 302
    kept = Silence.objects.get(comment="Loaded on purpose")
    assert (kept.starts_at.isoformat(), kept.ends_at.isoformat()) == (
        "2031-01-07T00:30:00+00:00",
        "2031-01-07T01:30:00+00:00",
    )
    form = _read(tokyo, f"{_row(kept)}?edit=1")
    assert 'value="2031-01-07T09:30"' in form
    stranger = make.client(make.person(make.workspace(), "workspace_admin"))
    assert stranger.get(_row(kept), follow=True).status_code == 404


def test_lists__are_empty_for_strangers(source: AlertSource) -> None:
    kit.tell(source, kit.incoming())
    receiving.receive(source, "webhook", json.dumps(kit.group([kit.am_alert("Mine")])).encode())
    stranger = make.client(make.person(make.workspace(), "workspace_admin"))
    for model in ("alert", "alertsource", "inboundevent"):
        page = _read(stranger, _list(model), view="all")
        assert "HighErrorRate" not in page
        assert source.name not in page
    assert stranger.get(_row(Alert.objects.first())).status_code == 404
    assert stranger.get(_row(InboundEvent.objects.get())).status_code == 404


def test_alerts__list_asks_the_database_little(
    admin: Client, source: AlertSource, django_assert_max_num_queries: Any
) -> None:
    kit.tell(source, *(kit.incoming(instance=f"i{number}") for number in range(60)))
    _read(admin, _list("alert"))
    with django_assert_max_num_queries(20):
        _read(admin, _list("alert"), status__exact="firing")


# --- Messages -----------------------------------------------------------------------------------


def test_message__given_up_waits_and_is_read_again_or_seen(
    admin: Client, source: AlertSource
) -> None:
    with pytest.raises(Invalid):
        receiving.receive(source, "webhook", b'{"token": "Bearer abcdefghijklmnopqrstuvwxyz0123"}')
    row = InboundEvent.objects.get()
    assert "webhook of" in _read(admin, _list("inboundevent"))
    page = _read(admin, _row(row))
    assert "Why nothing was made of it" in page
    assert "abcdefghijklmnopqrstuvwxyz0123" not in page
    operator = make.client(make.person(source.workspace, "primary_operator"))
    assert "As it was sent" in _read(operator, _row(row))
    assert "Operators read it" in _read(
        make.client(make.person(source.workspace, "viewer")), _row(row)
    )
    _press(operator, row, "again")
    row.refresh_from_db()
    assert row.state == "waiting"
    receiving.work(float("inf"))
    _press(operator, row, "seen")
    row.refresh_from_db()
    assert row.seen_by


# --- Silences -----------------------------------------------------------------------------------


def _form(**given: str) -> dict[str, str]:
    ends = clock.now() + timedelta(hours=3)
    return {"matchers": 'instance="a"', "starts_at": "", "comment": "planned work",
            "ends_at": ends.strftime("%Y-%m-%dT%H:%M"), **given}  # fmt: skip


def test_silence__is_looked_at_first_and_then_made(admin: Client, source: AlertSource) -> None:
    kit.tell(source, kit.incoming(instance="a"), kit.incoming(instance="b"))
    add = reverse("admin:incidents_silence_add")
    looked = unescape(admin.post(add, {**_form(), "_look": "1"}).content.decode())
    assert "1 alert that fire now would be held back" in looked or "1 alert" in looked
    assert not Silence.objects.exists()
    assert admin.post(add, _form()).status_code == 302
    row = Silence.objects.get()
    assert Alert.objects.get(silence=row).labels["instance"] == "a"
    page = _read(admin, _row(row))
    assert "HighErrorRate fires" in page
    assert "In force" in page
    before = row.ends_at
    _press(admin, row, "extend")
    row.refresh_from_db()
    assert row.ends_at == before + timedelta(hours=1)
    _press(admin, row, "end", reason="done")
    row.refresh_from_db()
    assert row.ends_at <= clock.now()


def test_silence__form_refuses_what_can_not_be_read(admin: Client) -> None:
    add = reverse("admin:incidents_silence_add")
    for wrong in ({"matchers": "what"}, {"matchers": 'a=~"("'}, {"matchers": ""}, {"comment": ""}):
        answer = admin.post(add, _form(**wrong))
        assert answer.status_code == 200, wrong
        assert b"Not saved" in answer.content, wrong
    assert not Silence.objects.exists()


def test_silence__is_changed_without_losing_its_seconds(admin: Client, here: Workspace) -> None:
    row = silences.create_silence(
        here, actor=make.JOB, matchers='a="b"', comment="why",
        ends_at=clock.now() + timedelta(hours=1, seconds=7),
    )  # fmt: skip
    page = admin.get(_row(row), {"edit": "1"})
    seen = re.search(r'name="_seen" value="([^"]*)"', page.content.decode())
    assert seen is not None
    data = _form(
        matchers='a="b"', comment="another why", ends_at=row.ends_at.strftime("%Y-%m-%dT%H:%M"),
        starts_at=row.starts_at.strftime("%Y-%m-%dT%H:%M"), _seen=unescape(seen[1]),
    )  # fmt: skip
    assert admin.post(_row(row), data).status_code == 302
    changed = Silence.objects.get()
    assert (changed.comment, changed.ends_at) == ("another why", row.ends_at)


# --- Rules --------------------------------------------------------------------------------------


def _rule(**given: Any) -> dict[str, Any]:
    return {"slug": "quiet", "title": "Quiet", "position": "5", "opens": "nothing",
            "matchers": 'alertname="HighErrorRate"', "flaps": "4", "flap_window_s": "1 h",
            **given}  # fmt: skip


def test_rule__is_tried_against_the_last_day_and_then_made(
    admin: Client, source: AlertSource
) -> None:
    kit.tell(source, kit.incoming(), kit.incoming("Other"))
    add = reverse("admin:incidents_routingrule_add")
    looked = unescape(admin.post(add, {**_rule(), "_look": "1"}).content.decode())
    assert "Of 2 alerts of the last day this rule would decide 1, and 1 would" in looked
    assert not RoutingRule.objects.exclude(workspace=None).exists()
    assert admin.post(add, _rule()).status_code == 302
    row = RoutingRule.objects.exclude(workspace=None).get()
    assert "kept only" in _read(admin, _row(row))
    assert admin.post(add, _rule(slug="wrong", opens="incident")).status_code == 200
    _press(admin, row, "remove", reason="no more", typed="Quiet", confirm="Quiet")
    assert "Routing of alerts" in _read(admin, _list("routingrule"))


def test_shipped_rule__is_copied_and_comes_back(admin: Client, source: AlertSource) -> None:
    kit.tell(source, kit.incoming())
    shipped = RoutingRule.objects.get(slug="critical")
    assert "Change it for this workspace" in _read(admin, _row(shipped))
    _press(admin, shipped, "adapt")
    copy = RoutingRule.objects.get(slug="critical", workspace=source.workspace)
    assert "takes its place here" in _read(admin, _row(shipped))
    listed = _read(admin, _list("routingrule"), view="all")
    assert str(copy.uid) in listed
    assert str(shipped.uid) not in listed
    _press(admin, copy, "reset", reason="as it was")
    assert not RoutingRule.objects.filter(pk=copy.pk).exists()


def test_alert_and_its_message__lead_to_each_other(admin: Client, source: AlertSource) -> None:
    said = [kit.am_alert(instance=f"i{number}") for number in range(3)]
    receiving.receive(source, "webhook", json.dumps(kit.group(said)).encode())
    kit.tell(source, kit.incoming("Another"))
    message = InboundEvent.objects.get()
    assert set(receiving.brought(message).values_list("title", flat=True)) == {
        "HighErrorRate is seen"
    }
    alert = Alert.objects.filter(title="HighErrorRate is seen").latest("pk")
    assert receiving.brought_by(alert) == message
    assert receiving.brought_by(Alert.objects.get(title="Another fires")) is None
    page = _read(admin, _row(alert))
    assert "Fired" in page
    assert _row(message) in page
    assert _read(admin, _row(message)).count("HighErrorRate is seen") >= 3
