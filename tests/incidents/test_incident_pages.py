"""The console's pages of incidents: what burns first, one step at a time, the ladder, and who may
not see them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.base.registries import home_rows, palette_verbs
from controlplane.lib import clock
from controlplane.work import services as work
from deployments.flags import services as flags
from incidents import links
from incidents.models import Alert, Incident, SeverityLevel
from incidents.records import joining, levels
from incidents.response import updates
from incidents.shown import cockpit
from tests import make
from tests.kit import alerts, settled
from tests.kit import incidents as kit
from tests.kit.deployments import deliver
from tests.kit.incidents import Watchroom

pytestmark = pytest.mark.django_db
LIST = "/admin/incidents/incident/"


@settled.once
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


@settled.once
def browser(room: Watchroom) -> Client:
    return make.client(room.primary)


def url(row: Incident, slug: str) -> str:
    return reverse("burning:move", args=(row.uid, slug))


def page(browser: Client, row: Incident) -> str:
    answer = browser.get(links.page_of(row), follow=True)
    assert answer.status_code == 200, answer.content[:500]
    return answer.content.decode()


def press(browser: Client, row: Incident, slug: str, **given: Any) -> Any:
    row.refresh_from_db()
    answer = browser.post(url(row, slug), {"version": row.version, **given})
    row.refresh_from_db()
    return answer


def test_list__what_burns_stands_first_and_in_few_questions(
    room: Watchroom, browser: Client, django_assert_max_num_queries: Any
) -> None:
    grave = room.quiet("sev1", title="All is out")
    for number in range(12):
        room.quiet("sev3", title=f"Small {number}")
    room.quiet("sev1", title="Was out")
    browser.get(f"{LIST}?standing=burning")
    with django_assert_max_num_queries(14):
        told = browser.get(f"{LIST}?standing=burning").content.decode()
    assert told.index("All is out") < told.index("Small 11")
    assert "Nobody has acknowledged it" in told
    assert "SEV-1" in told
    assert grave.ref in told
    found = browser.get(f"{LIST}?view=all&q={grave.ref}").content.decode()
    assert "All is out" in found
    assert "Small 3" not in found


def questions(browser: Client, row: Incident) -> int:
    page(browser, row)
    with CaptureQueriesContext(connection) as asked:
        page(browser, row)
    return sum("SAVEPOINT" not in each["sql"] for each in asked)


def test_page__warm__few_questions_however_much_happened(room: Watchroom, browser: Client) -> None:
    row = room.incident("sev2", title="Missions fail")
    room.tick()
    fresh = questions(browser, row)
    press(browser, row, "acknowledge")
    assert row.item is not None
    for number in range(12):
        work.comment(row.item, actor=room.by(room.primary), text=f"Looked at node {number}.")
    assert row.acknowledged_at is not None
    assert max(fresh, questions(browser, row)) <= 40


def test_page__one_button_at_a_time_all_the_way(room: Watchroom, browser: Client) -> None:
    row = room.incident("sev2", title="Missions fail")
    room.tick()
    told = page(browser, row)
    assert "Acknowledge." in told
    assert "Engineering lead" in told
    steps: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("acknowledge", "detected", {}),
        ("triage", "triaged", {"symptoms": "They stop.", "started_at": "2026-01-01T10:00",
                               "impact_percent": "30", "severity": "sev1",
                               "category": "service", "tenants": "a, b"}),
        ("mitigate", "mitigating", {}),
        ("mitigated", "mitigated", {"how": "Rolled back."}),
        ("watch", "monitoring", {}),
        ("resolve", "resolved", {"reason": "Quiet.", "root_cause": ""}),
        ("review", "review_pending", {}),
        ("close", "closed", {"reason": "Reviewed.", "root_cause": "A config."}),
    )  # fmt: skip
    for slug, status, given in steps:
        if slug == "resolve":
            kit.looked(row)
        if slug == "close":
            kit.reviewed(row)
        assert f"/move/{slug}/" in page(browser, row), slug
        answer = press(browser, row, slug, **given)
        assert answer.status_code == 302, (slug, answer.content[-1500:])
        assert row.status == status
    assert (row.severity, row.tenants, row.root_cause) == ("sev1", ["a", "b"], "A config.")
    told = page(browser, row)
    for words in ("acknowledged the incident", "mitigated the incident", "closed the incident"):
        assert words in told, words


def test_form__keeps_what_was_typed_and_names_the_field(room: Watchroom, browser: Client) -> None:
    row = room.quiet()
    answer = press(browser, row, "triage", symptoms="They stop here.", impact_percent="300",
                   started_at="2099-01-01T10:00", severity="sev3", category="service")  # fmt: skip
    assert answer.status_code == 400
    assert "They stop here." in answer.content.decode()
    assert row.status == "detected"


def test_form__an_old_page_is_refused(room: Watchroom, browser: Client) -> None:
    row = room.quiet()
    old = row.version
    press(browser, row, "acknowledge")
    answer = browser.post(url(row, "cancel"), {"version": old, "reason": "No."})
    assert answer.status_code == 409
    row.refresh_from_db()
    assert row.status == "detected"


def test_merge__offers_what_burns_here_only(room: Watchroom, browser: Client) -> None:
    row, target = room.quiet("sev3"), room.quiet("sev2", title="The real one")
    Watchroom().quiet("sev2", title="Elsewhere")
    told = browser.get(url(row, "merge")).content.decode()
    assert "The real one" in told
    assert "Elsewhere" not in told
    press(browser, row, "merge", into=target.pk, reason="The same.")
    assert row.merged_into_id == target.pk
    assert "It goes on as" in page(browser, row)
    assert row.ref in page(browser, target)


def test_alerts__ten_thousand_come_fifty_at_a_time(
    room: Watchroom, browser: Client, django_assert_max_num_queries: Any
) -> None:
    row = room.quiet("sev2")
    source = alerts.source(room.workspace).source
    alerts.tell(
        source, *(alerts.incoming("Quiet", severity="info", pod=str(n)) for n in range(120))
    )
    joining.join(row, list(Alert.objects.values_list("pk", flat=True)), clock.now())
    told = page(browser, row)
    assert "120 of 120 firing" in told
    assert told.count("Quiet fires") < 15
    first = reverse("burning:alerts", args=(row.uid,))
    browser.get(first)
    seen = 0
    at: str | None = first
    while at is not None:
        with django_assert_max_num_queries(14):
            answer = browser.get(at)
        seen += len(answer.context["alerts"])
        assert len(answer.context["alerts"]) <= 50
        after = answer.context["after"]
        at = f"{first}?before={after}&show=firing" if after else None
    assert seen == 120
    assert browser.get(f"{first}?before=x").status_code == 200
    # Told apart, and ended together: what fires would keep the incident from being watched.
    assert browser.get(f"{first}?show=firing").content.decode().count("pod=") == 50
    assert browser.post(first, {"reason": ""}).status_code == 302
    assert row.alerts.filter(status="firing").count() == 120
    viewer = make.client(make.person(room.workspace, "viewer"))
    assert "All that fire are over" not in viewer.get(first).content.decode()
    assert viewer.post(first, {"reason": "No."}).status_code == 403
    answer = browser.post(first, {"reason": "The pods are back."})
    assert answer["Location"] == links.page_of(row)
    row.refresh_from_db()
    assert (row.firing_count, row.alerts.filter(status="firing").count()) == (0, 0)


def test_new__opens_one_and_calls(room: Watchroom, browser: Client) -> None:
    answer = browser.post(reverse("burning:new"), {
        "title": "Uploads fail", "severity": "sev2", "category": "service",
        "symptoms": "", "service": "", "environment": "", "started_at": "",
    })  # fmt: skip
    assert answer.status_code == 302, answer.content[-2000:]
    row = Incident.objects.get()
    assert (row.title, row.origin, row.escalations.count()) == ("Uploads fail", "person", 1)
    assert browser.post(reverse("burning:new"), {"title": ""}).status_code == 400


def test_talk__people_are_heard_on_its_page(room: Watchroom, browser: Client) -> None:
    row = room.quiet()
    deliver()
    assert row.item is not None
    work.comment(row.item, "The pool is full.", actor=room.by(room.lead))
    told = page(browser, row)
    assert "The pool is full." in told
    assert told.count("is open as SEV-3") == 0


def test_talk__an_update_is_by_whoever_wrote_it__by_name(room: Watchroom, browser: Client) -> None:
    row = room.quiet()
    updates.post_update(row, actor=room.by(room.primary), text="We look.", audience="internal")
    deliver()
    talk = cockpit.talk(room.by(room.primary), row, 20)
    said = [one for one in talk if "We look." in one["body"]]
    assert [one["who"] for one in said] == [f"user:{room.primary.pk} {room.primary.email}"]
    assert f"{room.primary.email} commented" not in page(browser, row)


def test_home_and_palette__lead_to_what_burns(room: Watchroom) -> None:
    row = room.quiet("sev1")
    actor = room.by(room.primary)
    home = home_rows.get("incidents.burning")
    assert home is not None
    (found,) = home.rows(actor, room.workspace.pk)
    assert row.ref in found.title
    assert found.tone == "bad"
    verb = palette_verbs.get("incident-acknowledge")
    assert verb is not None
    assert [one.url for one in verb.find(actor, room.workspace.pk, row.ref)] == [
        url(row, "acknowledge")
    ]


def test_ladder__a_workspace_has_its_own_rung_and_gives_it_back(room: Watchroom) -> None:
    keeper = make.client(room.admin)
    told = keeper.get(reverse("burning:levels")).content.decode()
    assert "SEV-1" in told
    assert "P2" in told
    assert "at once Engineering lead, Security lead" in told
    assert "engineering_lead" not in told
    row = reverse(
        "admin:incidents_severitylevel_change", args=(levels.of(room.workspace.pk)["sev1"].pk,)
    )
    page = keeper.get(row, follow=True).content.decode()
    assert "engineering_lead" not in page
    assert "seconds" not in page
    assert re.search(r"<dt>Acknowledge</dt><dd><time[^>]*>5 min<", page)
    at = reverse("burning:level", args=("incident", "sev3"))
    form = keeper.get(at).context["form"]
    given = {name: form[name].value() for name in form.fields}
    given = {name: "" if value is None else value for name, value in given.items()}
    given |= {"ack_s": "10", "pages": "on", "version": form.initial.get("version", "")}
    assert keeper.post(at, given).status_code == 302
    assert levels.of(room.workspace.pk)["sev3"].ack_s == 600
    assert levels.of(make.workspace().pk)["sev3"].ack_s == 300
    assert keeper.post(at, {**given, "at_once": "nobody_such"}).status_code == 400
    assert keeper.post(at, {"drop": "1"}).status_code == 302
    assert levels.of(room.workspace.pk)["sev3"].ack_s == 300
    assert SeverityLevel.objects.filter(workspace=room.workspace).count() == 0
    assert make.client(room.primary).get(at).status_code == 403


def test_stranger__sees_nothing(room: Watchroom) -> None:
    row = room.quiet()
    stranger = make.client(make.person(make.workspace(), "primary_operator"))
    for at in (links.page_of(row), url(row, "cancel"), reverse("burning:alerts", args=(row.uid,))):
        assert stranger.get(at).status_code == 404, at
    assert row.title not in stranger.get(f"{LIST}?view=all").content.decode()
    viewer = make.client(make.person(room.workspace, "viewer"))
    told = page(viewer, row)
    assert "disabled" in told
    assert viewer.post(url(row, "cancel"), {"reason": "No."}).status_code == 403


def test_triage__is_asked_beside_what_changed_shortly_before(
    room: Watchroom, browser: Client
) -> None:
    flags.create_flag(room.workspace, "new-planner", actor=room.by(room.lead))
    row = room.quiet("sev2")
    told = browser.get(url(row, "triage")).content.decode()
    assert "What changed within a day before" in told
    assert "new-planner" in told
    assert "new-planner" not in browser.get(url(row, "severity")).content.decode()
