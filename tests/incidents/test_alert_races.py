"""Two senders of one group at the same moment, on connections of their own: one incident, one
call, every alert once; and the database away: 503, which every sender repeats."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from django.db import OperationalError, connection, connections

from incidents.intake import receiving
from incidents.models import Alert, EscalationRun, InboundEvent, Incident
from tests import make
from tests.kit import alerts as kit


@pytest.mark.django_db(transaction=True)
@pytest.mark.servers
def test_two_at_once__are_one_incident_and_one_call() -> None:
    source = kit.source(make.workspace()).source
    gate, failed = threading.Barrier(4), list[BaseException]()

    def send(number: int) -> None:
        # Two say the same, two overlap with them: in another order each.
        said = [kit.am_alert(instance=f"i{each}") for each in range(number % 2 * 20, 60)]
        body = json.dumps(kit.group(said if number < 2 else said[::-1])).encode()
        try:
            gate.wait(timeout=20)
            receiving.receive(source, "webhook", body)
        except BaseException as error:  # noqa: BLE001 - told to the test
            failed.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(timeout=60)
    assert failed == []
    incident = Incident.objects.get()
    assert (incident.alert_count, incident.firing_count) == (60, 60)
    assert Alert.objects.count() == 60
    assert EscalationRun.objects.count() == 1
    assert set(InboundEvent.objects.values_list("state", flat=True)) == {"done"}


@pytest.mark.django_db
def test_database_away__is_answered_503_and_never_429(monkeypatch: pytest.MonkeyPatch) -> None:
    made = kit.source(make.workspace())
    path = f"/api/v1/alerts/alertmanager/{made.key}"
    said = kit.group([kit.am_alert()])

    def away(*_: Any, **__: Any) -> Any:
        raise OperationalError("the connection is closed")

    with monkeypatch.context() as outage:
        outage.setattr(receiving, "keep", away)
        assert kit.post(path, said).status_code == 503
    assert not connection.needs_rollback
    for _ in range(30):
        assert kit.post(path, said).status_code == 202
    assert Incident.objects.count() == 1


@pytest.mark.django_db
def test_too_large_and_held_back__have_answers_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = kit.source(make.workspace(), per_minute=1)
    path = f"/api/v1/alerts/alertmanager/{made.key}"
    assert kit.post(path, b"[" + b" " * (33 * 1024 * 1024)).status_code == 413
    answers = [kit.post(path, kit.group([kit.am_alert()])).status_code for _ in range(3)]
    assert set(answers) <= {202, 429}
    assert 429 in answers
    assert kit.post(f"{path[:-1]}!", {}).status_code == 401
