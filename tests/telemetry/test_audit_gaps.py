"""What the telemetry audit makes of what it found: gaps with their items, and the analyst's
signature."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from controlplane.access.principals import actor_for_agent
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from controlplane.work.models import Item
from controlplane.work.services import closing
from telemetry import audits
from telemetry.audits import kinds
from telemetry.audits.rules import shapes
from telemetry.models import Gap
from tests import make
from tests.kit.audits import call, line, run
from tests.kit.telemetry import event, tell

pytestmark = pytest.mark.django_db


def test_gap__one_row_and_one_item_however_often() -> None:
    workspace = make.workspace()
    tell(workspace, [event("no_such_thing")])
    first = run(workspace)
    assert (first.result, first.gaps > 0) == ("findings", True)
    gap = Gap.objects.get(rule="T1")
    item = Item.objects.get(key=gap.item, project__workspace=workspace)
    assert list(item.labels) == ["telemetry-gap"]
    tell(workspace, [event("no_such_thing")])
    run(workspace)
    again = Gap.objects.get(rule="T1")
    assert (again.pk, again.item, again.total) == (gap.pk, gap.item, 2)
    assert item.comments.count() == 1
    assert list(audits.blocking_gaps(workspace.pk).filter(rule="T1")) == [again]
    assert not audits.blocking_gaps(make.workspace().pk).exists()


def test_gap__no_longer_found__closed_with_its_item_by_a_check_only() -> None:
    workspace = make.workspace()
    tell(workspace, [event("no_such_thing")])
    run(workspace)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry_events")
    run(workspace, "spot")
    assert Gap.objects.get(rule="T1").status == "open"
    run(workspace)
    gap = Gap.objects.get(rule="T1")
    assert gap.status == "closed"
    assert Item.objects.get(key=gap.item, project__workspace=workspace).is_closed
    tell(workspace, [event("no_such_thing")])
    run(workspace)
    gap.refresh_from_db()
    assert gap.status == "open"
    assert not Item.objects.get(key=gap.item, project__workspace=workspace).is_closed


def test_check_of_an_hour__closes_nothing() -> None:
    """What is silent for a minute is not mended; a deployment must not be let through by it."""
    workspace = make.workspace()
    tell(workspace, [event("no_such_thing", at=clock.now() - timedelta(hours=5))])
    run(workspace)
    recent = clock.now() - timedelta(hours=1)
    assert line(run(workspace, since=recent), "T1")["gaps"] == []
    assert Gap.objects.get(rule="T1").status == "open"
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry_events")
    run(workspace, since=clock.now() - timedelta(hours=25))
    assert Gap.objects.get(rule="T1").status == "closed"


def test_sample_of_many__closes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """T4 looks at so many events: what it did not meet among more than those may still be there."""
    workspace = make.workspace()
    tell(workspace, [call()])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE telemetry_events SET message = 'mail ada@example.org'")
    run(workspace)
    assert Gap.objects.get(rule="T4").status == "open"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE telemetry_events SET message = ''")
    tell(workspace, [call() for _ in range(3)])
    monkeypatch.setenv("CONTROLPLANE_TELEMETRY_AUDIT_SAMPLE", "2")
    assert line(run(workspace), "T4")["status"] == "ok"
    assert Gap.objects.get(rule="T4").status == "open"
    monkeypatch.delenv("CONTROLPLANE_TELEMETRY_AUDIT_SAMPLE")
    run(workspace)
    assert Gap.objects.get(rule="T4").status == "closed"


def test_part_of_very_many__closes_nothing_and_is_another_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace = make.workspace()
    tell(workspace, [call()])
    with connection.cursor() as cursor:
        cursor.execute("UPDATE telemetry_events SET message = 'mail ada@example.org'")
    run(workspace)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE telemetry_events SET message = ''")
    monkeypatch.setattr(shapes, "LARGE", 1)
    assert line(run(workspace), "T4")["status"] == "ok"
    assert Gap.objects.get(rule="T4").status == "open", "1 of 128 was looked at"
    window = kinds.Window(workspace.pk, clock.now() - timedelta(days=1), clock.now(), 9)
    assert len({tuple(shapes._part(window)) for _ in range(20)}) > 1


def test_a_name_for_each_event__opens_no_item_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLPLANE_TELEMETRY_AUDIT_GAPS", "3")
    workspace = make.workspace()
    tell(workspace, [event(f"made_up_{n}") for n in range(9)] + [event("made_up_7")])
    gaps = line(run(workspace), "T1")["gaps"]
    assert [(gap["about"], gap["total"]) for gap in gaps] == [
        ("made_up_7", 2), ("made_up_0", 1), ("others", 7),
    ]  # fmt: skip
    assert Item.objects.filter(project__workspace=workspace, title__contains="T1").count() == 3


def test_item_closed_by_hand__opened_anew_while_it_is_found() -> None:
    workspace = make.workspace()
    tell(workspace, [event("no_such_thing")])
    run(workspace)
    before = Gap.objects.get(rule="T1").item
    item = Item.objects.get(key=before, project__workspace=workspace)
    closing.close_item(item, actor=make.JOB, reason="done, I think")
    run(workspace)
    after = Item.objects.get(key=Gap.objects.get(rule="T1").item, project__workspace=workspace)
    assert not after.is_closed


def test_rule_that_fails__makes_the_run_failed() -> None:
    workspace = make.workspace()
    tell(workspace, [event("no_such_thing")])

    def broken(window: kinds.Window) -> kinds.Answer:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")
        return kinds.OK

    entry = kinds.RULES["T7"]
    kinds.RULES["T7"] = kinds.Rule("T7", entry.title, broken, entry.modes)
    try:
        found = run(workspace)
    finally:
        kinds.RULES["T7"] = entry
    assert (found.result, found.exit_code) == ("failed", 2)
    assert "T7" in found.error
    assert not Gap.objects.exists()


def test_sign__by_the_analyst_once() -> None:
    workspace = make.workspace()
    found = run(workspace)
    analyst = make.actor(make.person(workspace, "telemetry_analyst"))
    for stranger in (
        make.actor(make.person(workspace, "release_manager")),
        make.actor(make.person(make.workspace(), "telemetry_analyst")),
    ):
        with pytest.raises(NotAllowed):
            audits.sign(found, actor=stranger)
    assert audits.sign(found, actor=analyst, note="read").signed_by == analyst.ref
    with pytest.raises(Conflict):
        audits.sign(found, actor=analyst)


def test_key_that_may_audit_and_no_more__its_findings_are_kept_all_the_same() -> None:
    workspace = make.workspace()
    tell(workspace, [event("no_such_thing")])
    agent = make.agent(workspace, role="")
    key, _ = make.key(agent, scopes=["telemetry.*"])
    caller = actor_for_agent(agent, key=key, scopes=["telemetry.*"])
    audits.audit(workspace, actor=caller, mode="check")
    gap = Gap.objects.get(rule="T1")
    item = Item.objects.get(key=gap.item, project__workspace=workspace)
    assert item.created_by == "audit"


def test_strangers__may_not_audit() -> None:
    workspace = make.workspace()
    for stranger in (
        make.actor(make.person(workspace, "viewer")),
        make.actor(make.person(make.workspace(), "telemetry_analyst")),
    ):
        with pytest.raises(NotAllowed):
            audits.audit(workspace, actor=stranger)
    with pytest.raises(Invalid):
        run(workspace, since=clock.now() + timedelta(hours=1))
