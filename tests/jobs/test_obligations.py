from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from controlplane.access.models import Workspace
from controlplane.audit.models import AuditEvent
from controlplane.jobs import obligations, timers
from controlplane.jobs.models import Obligation, ObligationRecord, Timer
from controlplane.lib import clock
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from tests import make
from tests.kit.racing import race

pytestmark = pytest.mark.django_db
SLUG = "tests.review"


@pytest.fixture(autouse=True)
def duties(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(obligations, "DUTIES", {})
    monkeypatch.setattr(obligations, "REMINDERS", [])
    declare()


def declare(slug: str = SLUG, **changes: Any) -> obligations.Duty:
    fields: dict[str, Any] = {
        "title": "Review the log",
        "owner_role": "security_lead",
        "cadence": "weekly",
        "evidence": "A signed extract.",
        "why": "Nobody else would see it.",
        "sign_role": "compliance",
    }
    return obligations.register(slug, **{**fields, **changes})


@pytest.fixture
def ws() -> Workspace:
    return make.workspace(time_zone="Europe/Berlin")


def opened(ws: Workspace, now: datetime | None = None) -> ObligationRecord:
    obligations.open_due(now)
    return ObligationRecord.objects.select_related("obligation").get(
        workspace=ws, obligation__slug=SLUG
    )


def act(ws: Workspace, *roles: str) -> Any:
    return make.actor(make.person(ws, *roles))


def test_open_due__each_workspace_gets_its_obligation_and_record(ws: Workspace) -> None:
    other = make.workspace()
    assert obligations.open_due() == 2
    assert obligations.open_due() == 0
    assert {row.workspace_id for row in Obligation.objects.all()} == {ws.pk, other.pk}


def test_record__begins_and_ends_at_local_midnight(ws: Workspace) -> None:
    record = opened(ws, datetime(2026, 11, 4, 12, tzinfo=UTC))
    assert record.period == "2026-W45"
    assert record.starts_at == datetime(2026, 11, 1, 23, tzinfo=UTC)
    assert record.due_at == datetime(2026, 11, 8, 23, tzinfo=UTC)
    assert str(record.ref) == "OBL-1"


def test_long_pause__missed_periods_get_their_records_within_bounds(ws: Workspace) -> None:
    start = datetime(2026, 1, 7, 12, tzinfo=UTC)
    opened(ws, start)
    obligations.open_due(start + timedelta(weeks=3))
    assert ObligationRecord.objects.count() == 4
    obligations.open_due(start + timedelta(weeks=40))
    assert ObligationRecord.objects.count() == 4 + obligations.CATCH_UP.value
    numbers = sorted(ObligationRecord.objects.values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def test_archived_workspace_or_inactive_obligation__no_new_records(ws: Workspace) -> None:
    record = opened(ws)
    obligations.change(
        record.obligation, actor=act(ws, "compliance"), active=False, owner_role="security_lead"
    )
    assert obligations.open_due(clock.now() + timedelta(weeks=2)) == 0


@pytest.mark.django_db(transaction=True)
def test_two_jobs_at_once__one_record_each_period() -> None:
    for number in range(3):
        make.workspace(f"racing-{number}")
    outcomes = race(3, lambda _: obligations.open_due())
    assert sum(outcomes) == 3
    assert ObligationRecord.objects.count() == 3


# --- Fulfil and sign ---------------------------------------------------------------------------


def test_owner_records_then_another_signs__complete_and_audited(ws: Workspace) -> None:
    record = opened(ws)
    recorded = obligations.fulfil(
        record, actor=act(ws, "security_lead"), note="read all", evidence_url="https://x.example/1"
    )
    assert recorded.status == "recorded"
    signed = obligations.sign(recorded, actor=act(ws, "compliance"), statement="seen")
    assert (signed.status, signed.version) == ("complete", 3)
    actions = AuditEvent.objects.filter(workspace_id=ws.pk, action__startswith="obligation.")
    assert sorted(actions.values_list("action", flat=True)) == [
        "obligation.fulfil",
        "obligation.sign",
    ]


def test_duty_without_signature__complete_at_once(ws: Workspace) -> None:
    obligations.DUTIES.clear()
    declare(sign_role="")
    record = obligations.fulfil(opened(ws), actor=act(ws, "security_lead"), note="done")
    assert record.status == "complete"


def test_recorder_cannot_sign__by_rule_and_by_the_database(ws: Workspace) -> None:
    both = act(ws, "security_lead", "compliance")
    record = obligations.fulfil(opened(ws), actor=both, note="done")
    with pytest.raises(NotAllowed, match="recorded it"):
        obligations.sign(record, actor=both, statement="me too")
    with pytest.raises(IntegrityError), transaction.atomic():
        ObligationRecord.objects.filter(pk=record.pk).update(signed_by_id=both.user_id)


def test_only_a_person_signs(ws: Workspace) -> None:
    record = obligations.fulfil(opened(ws), actor=act(ws, "security_lead"), note="done")
    with pytest.raises(NotAllowed):
        obligations.sign(record, actor=make.JOB, statement="automatic")


@pytest.mark.parametrize("role", ["viewer", "compliance", "release_manager"])
def test_fulfil__other_role__refused(ws: Workspace, role: str) -> None:
    with pytest.raises(NotAllowed, match="Security lead"):
        obligations.fulfil(opened(ws), actor=act(ws, role), note="done")


def test_sign__other_role__refused(ws: Workspace) -> None:
    record = obligations.fulfil(opened(ws), actor=act(ws, "security_lead"), note="done")
    with pytest.raises(NotAllowed, match="Compliance"):
        obligations.sign(record, actor=act(ws, "viewer"), statement="x")


def test_admin__may_stand_in_for_the_owner(ws: Workspace) -> None:
    assert obligations.fulfil(opened(ws), actor=act(ws, "workspace_admin"), note="done").recorded_by


def test_stranger__sees_and_does_nothing(ws: Workspace) -> None:
    record = opened(ws)
    stranger = act(make.workspace(), "workspace_admin", "security_lead")
    assert not ObligationRecord.objects.visible_to(stranger).filter(pk=record.pk).exists()
    with pytest.raises(NotAllowed):
        obligations.fulfil(record, actor=stranger, note="x")
    with pytest.raises(NotAllowed):
        obligations.change(
            record.obligation, actor=stranger, active=False, owner_role="security_lead"
        )


def test_twice_or_out_of_order__conflict(ws: Workspace) -> None:
    record, owner = opened(ws), act(ws, "security_lead")
    with pytest.raises(Conflict):
        obligations.sign(record, actor=act(ws, "compliance"), statement="early")
    obligations.fulfil(record, actor=owner, note="done")
    with pytest.raises(Conflict):
        obligations.fulfil(record, actor=owner, note="again")
    with pytest.raises(Conflict):
        obligations.fulfil(record, actor=owner, note="stale", version=1)


@pytest.mark.django_db(transaction=True)
def test_two_owners_at_once__one_record_stands() -> None:
    ws = make.workspace()
    record, owner = opened(ws), act(ws, "security_lead")
    outcomes = race(2, lambda n: obligations.fulfil(record, actor=owner, note=f"n{n}"))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "Conflict",
        "ObligationRecord",
    ]


def test_blank_note_or_unknown_role__invalid(ws: Workspace) -> None:
    record = opened(ws)
    with pytest.raises(Invalid):
        obligations.fulfil(record, actor=act(ws, "security_lead"), note=" ")
    with pytest.raises(Invalid):
        obligations.change(
            record.obligation, actor=act(ws, "compliance"), active=True, owner_role="executor"
        )


# --- Reminders ---------------------------------------------------------------------------------


def fire_all() -> None:
    for timer in Timer.objects.filter(kind="obligation.remind").order_by("due_at"):
        Timer.objects.filter(pk=timer.pk).update(ready_at=clock.now() - timedelta(seconds=1))
    timers.work(float("inf"))


def test_reminders__promised_with_the_record(ws: Workspace) -> None:
    record = opened(ws)
    due = sorted(Timer.objects.values_list("due_at", flat=True))
    assert due[1] == record.due_at
    assert record.starts_at < due[0] < record.due_at


def test_reminders__reach_the_handler_until_it_is_complete(ws: Workspace) -> None:
    heard: list[str] = []
    obligations.on_reminder(lambda record, moment: heard.append(moment))
    opened(ws)
    fire_all()
    assert heard == ["reminder", "overdue"]


def test_reminder__recorded_but_unsigned__asks_for_the_signature(ws: Workspace) -> None:
    heard: list[str] = []
    obligations.on_reminder(lambda record, moment: heard.append(moment))
    record = obligations.fulfil(opened(ws), actor=act(ws, "security_lead"), note="done")
    fire_all()
    assert heard == ["sign", "sign"]
    obligations.sign(record, actor=act(ws, "compliance"), statement="seen")
    Timer.objects.update(state="waiting")
    fire_all()
    assert heard == ["sign", "sign"]


def test_overdue__lists_what_is_late_and_unfinished(ws: Workspace) -> None:
    record = opened(ws, clock.now() - timedelta(weeks=3))
    assert record in ObligationRecord.objects.overdue()
    obligations.fulfil(record, actor=act(ws, "security_lead"), note="late")
    assert record in ObligationRecord.objects.overdue()


def test_register__twice_or_unknown_role__refused() -> None:
    assert declare() == declare()
    with pytest.raises(ValueError, match="twice"):
        declare(cadence="daily")
    with pytest.raises(ValueError, match="unknown role"):
        declare("tests.other", owner_role="nobody")
