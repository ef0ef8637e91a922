"""What each sender says is read as it means it; what can't be read is refused, alert by alert."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.lib.errors import Invalid
from controlplane.lib.ids import uuid7
from incidents.intake import formats  # noqa: F401 - registers readers
from incidents.intake.formats.common import moment_of
from incidents.intake.formats.generic import at, check_mapping
from incidents.intake.normal import Incoming, Read, fingerprint, merged
from incidents.intake.receiving import READERS
from tests.kit import alerts as kit

RECEIVED = datetime(2026, 3, 1, 12, tzinfo=UTC)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["alerts", "labels", "status", "payload", "event_action", "type", "id",
                         "severity", "summary", "startsAt", "endsAt", "data", "source",
                         "specversion", "links", "custom_details", "dedup_key", "annotations"]),
        inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


def _read(
    format: str, said: Any, form: str = "webhook", *, content_type: str = "application/json",
    headers: dict[str, str] | None = None, mapping: dict[str, str] | None = None,
) -> Read:  # fmt: skip
    source: Any = SimpleNamespace(mapping=mapping or {})
    row: Any = SimpleNamespace(
        created_at=RECEIVED, uid=uuid7(), content_type=content_type, headers=headers or {}
    )
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return READERS[format, form](source, row, body)


GROUP = {
    "receiver": "portal", "status": "firing", "version": "4", "truncatedAlerts": 2,
    "groupKey": '{}:{alertname="HighErrorRate", service="agent"}',
    "externalURL": "http://alerts.example:9093", "newer": {"field": 1},
    "alerts": [
        {
            "status": "firing", "fingerprint": "b9f6d5caebbc3403",
            "startsAt": "2026-11-21T08:57:19.577158102Z", "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "http://127.0.0.1:9090/graph?g0.expr=x",
            "labels": {"alertname": "HighErrorRate", "instance": "a1", "severity": "critical"},
            "annotations": {"runbook_url": "http://run.example/agent_health",
                            "summary": "Error rate 6.2% for 5m"},
        },
        {
            "status": "resolved", "fingerprint": "c917dbfe068514a4",
            "startsAt": "2026-11-21T08:57:19.577158102Z", "endsAt": "2026-11-21T08:57:22Z",
            "generatorURL": "", "annotations": {},
            "labels": {"alertname": "HighErrorRate", "instance": "a2", "severity": "critical"},
        },
    ],
}  # fmt: skip


def test_alertmanager__each_alert_counts_for_itself_not_its_group() -> None:
    read = _read("alertmanager", GROUP)
    fires, over = read.alerts
    assert (fires.status, over.status, read.truncated) == ("firing", "resolved", 2)
    assert fires.key == "b9f6d5caebbc3403"
    assert fires.title == "Error rate 6.2% for 5m"
    assert fires.starts_at == datetime(2026, 11, 21, 8, 57, 19, 577158, tzinfo=UTC)
    assert fires.ends_at is None  # the year 1 is no time
    assert over.ends_at == datetime(2026, 11, 21, 8, 57, 22, tzinfo=UTC)
    assert {link["text"] for link in fires.links} == {
        "Where it comes from", "Runbook", "Alertmanager",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ({"status": "firing", "labels": {}}, "at least one label"),
        ({"status": "firing", "labels": {"a": ""}}, "at least one label"),
        ({"status": "maybe", "labels": {"a": "b"}}, "firing or resolved"),
        ({"status": "firing", "labels": {f"l{n}": "x" for n in range(101)}}, "At most 100"),
        ("no object", "object"),
    ],
)
def test_alertmanager__a_bad_alert_leaves_the_others(broken: Any, why: str) -> None:
    read = _read("alertmanager", {**GROUP, "alerts": [GROUP["alerts"][0], broken]})  # type: ignore[index]
    assert [alert.key for alert in read.alerts] == ["b9f6d5caebbc3403"]
    assert [refused.index for refused in read.refused] == [1]
    assert why in read.refused[0].reason


def test_prometheus__says_by_its_end_whether_an_alert_fires() -> None:
    alert = {"labels": {"alertname": "Down", "instance": "x"}, "startsAt": "2026-03-01T11:59:00Z"}
    read = _read(
        "alertmanager",
        [
            {**alert, "endsAt": "2036-03-01T12:04:00Z"},
            {**alert, "endsAt": "2026-03-01T11:59:30Z"},
            {"labels": alert["labels"], "startsAt": "0001-01-01T00:00:00.000Z",
             "endsAt": "0001-01-01T00:00:00.000Z"},
            {**alert, "endsAt": "2026-03-01T11:58:00Z"},
        ],
        "api",
    )  # fmt: skip
    assert [each.status for each in read.alerts] == ["firing", "resolved", "firing"]
    assert read.refused[0].reason == "start time must be before end time"
    assert len({each.key for each in read.alerts}) == 1


def test_pagerduty__trigger_acknowledge_resolve() -> None:
    payload = {"summary": "Disk is full", "source": "db1", "severity": "error", "component": "db",
               "custom_details": {"num_firing": "3", "nested": {"a": 1}}}  # fmt: skip
    fired = _read(
        "pagerduty", {"event_action": "trigger", "dedup_key": "k1", "payload": payload}, "event"
    )
    alert = fired.alerts[0]
    assert (alert.key, alert.status, fired.answer) == ("k1", "firing", {"dedup_key": "k1"})
    assert alert.labels["component"] == "db"
    assert alert.labels["num_firing"] == "3"
    taken = _read("pagerduty", {"event_action": "acknowledge", "dedup_key": "k1"}, "event")
    assert (taken.alerts, taken.acknowledged) == ([], ["k1"])
    over = _read("pagerduty", {"event_action": "resolve", "dedup_key": "k1"}, "event")
    assert over.alerts[0].status == "resolved"


def test_pagerduty__makes_a_key_where_none_is_sent() -> None:
    said = {"event_action": "trigger",
            "payload": {"summary": "x" * 5_000, "source": "s", "severity": "info"}}  # fmt: skip
    read = _read("pagerduty", said, "event")
    assert read.answer["dedup_key"] == read.alerts[0].key
    assert len(read.alerts[0].title) <= 1_024
    assert "x" * 5_000 in read.alerts[0].description


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({}, "event_action"),
        ({"event_action": "explode"}, "event_action"),
        ({"event_action": "resolve"}, "dedup_key"),
        ({"event_action": "trigger", "dedup_key": "k" * 256}, "too long"),
        ({"event_action": "trigger", "dedup_key": 5}, "string"),
        ({"event_action": "trigger"}, "payload"),
        ({"event_action": "trigger", "payload": {"summary": "s", "source": "s"}}, "severity"),
        ({"event_action": "trigger",
          "payload": {"summary": "s", "source": "s", "severity": "bogus"}}, "must be one of"),
    ],
)  # fmt: skip
def test_pagerduty__refuses_with_a_list_of_errors(said: Any, error: str) -> None:
    with pytest.raises(Invalid) as refused:
        _read("pagerduty", said, "event")
    assert any(error in each for each in refused.value.details["errors"])


EVENT = {"specversion": "1.0", "type": "job.failed", "source": "/ci", "id": "7",
         "subject": "nightly", "time": "2026-03-01T11:00:00Z",
         "data": {"severity": "critical", "summary": "It failed"}}  # fmt: skip


def test_cloudevents__what_is_over_finds_what_fires() -> None:
    structured = "application/cloudevents+json"
    fires = _read("cloudevents", EVENT, content_type=structured).alerts[0]
    over = _read(
        "cloudevents", {**EVENT, "type": "job.resolved", "id": "8"}, content_type=structured
    ).alerts[0]
    assert (fires.status, over.status) == ("firing", "resolved")
    assert fires.key == over.key
    assert (fires.title, fires.severity) == ("It failed", "critical")


def test_cloudevents__with_attributes_in_headers() -> None:
    headers = {f"ce-{name}": str(EVENT[name]) for name in ("specversion", "type", "source", "id")}
    read = _read("cloudevents", {"title": "Failed", "severity": "warning"}, headers=headers)
    assert (read.alerts[0].title, read.alerts[0].labels["alertname"]) == ("Failed", "job.failed")


def test_cloudevents__one_bad_event_of_a_batch_leaves_the_others() -> None:
    read = _read(
        "cloudevents", [EVENT, {"specversion": "0.3"}],
        content_type="application/cloudevents-batch+json",
    )  # fmt: skip
    assert (len(read.alerts), [each.index for each in read.refused]) == (1, [1])


def test_grafana__reads_its_own_words_and_a_template_of_somebodys() -> None:
    own = {**GROUP, "version": "1", "orgId": 1, "title": "[FIRING:1] x", "state": "alerting"}
    assert [each.status for each in _read("grafana", own).alerts] == ["firing", "resolved"]
    other = _read("grafana", {"what": "Broken", "how": "critical"},
                  mapping={"title": "$.what", "severity": "$.how"})  # fmt: skip
    assert (other.alerts[0].title, other.alerts[0].severity) == ("Broken", "critical")


def test_generic__reads_by_its_mapping_and_else_by_usual_names() -> None:
    said = {"event": {"name": "Broken", "items": [{"id": "x9"}]}, "state": "closed"}
    mapping = {"title": "$.event.name", "key": "event.items[0].id", "status": "$.state"}
    alert = _read("generic", said, mapping=mapping).alerts[0]
    assert (alert.title, alert.key, alert.status) == ("Broken", "x9", "resolved")
    apprise = {"version": "1.0", "title": "T", "message": "B", "attachments": [], "type": "failure"}
    alert = _read("generic", apprise).alerts[0]
    assert (alert.title, alert.description, alert.severity) == ("T", "B", "failure")
    assert _read("generic", {**apprise, "type": "success"}).alerts[0].status == "resolved"


@pytest.mark.parametrize(
    "mapping", [{"nope": "$.a"}, {"title": "a..b"}, {"title": 5}, [], {"title": "$[x]"}]
)
def test_mapping__that_leads_nowhere_is_refused(mapping: Any) -> None:
    with pytest.raises(Invalid):
        check_mapping(mapping)


def test_path__of_what_is_not_there_is_nothing() -> None:
    assert at("$.a.b[2].c", {"a": {"b": [1]}}) is None
    assert at("$", {"a": 1}) == {"a": 1}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-03-01T08:30:00.123456789+02:00", datetime(2026, 3, 1, 6, 30, 0, 123456, tzinfo=UTC)),
        ("2026-03-01T08:30:00+00:00Z", datetime(2026, 3, 1, 8, 30, tzinfo=UTC)),  # a client's slip
        ("2026-03-01 08:30:00", datetime(2026, 3, 1, 8, 30, tzinfo=UTC)),
        (1772353800, datetime(2026, 3, 1, 8, 30, tzinfo=UTC)),
        (1772353800000, datetime(2026, 3, 1, 8, 30, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None), ("0001-01-01T00:00:00+14:00", None), ("soon", None),
        ("2026-13-01T00:00:00Z", None), (True, None), (1e300, None), (None, None), ([], None),
    ],
)  # fmt: skip
def test_moment__of_many_spellings(text: Any, found: datetime | None) -> None:
    assert moment_of(text) == found


def test_same_key_twice__the_last_one_counts_and_the_first_is_counted() -> None:
    one = Incoming("k", "firing", "", "first", annotations={"summary": "s"})
    two = Incoming("k", "resolved", "", "second")
    (alert,) = merged([one, two])
    assert (alert.title, alert.repeats, alert.annotations) == ("second", 1, {"summary": "s"})


def test_fingerprint__is_of_what_is_said_not_of_its_order() -> None:
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})
    assert fingerprint({"a": "1b", "c": ""}) != fingerprint({"a": "1", "bc": ""})


@pytest.mark.parametrize(
    ("format", "form"),
    [("alertmanager", "webhook"), ("alertmanager", "api"), ("pagerduty", "event"),
     ("pagerduty", "change"), ("grafana", "webhook"), ("cloudevents", "webhook"),
     ("generic", "webhook")],
)  # fmt: skip
@given(said=JSON)
def test_anything__is_read_or_refused_and_never_breaks(format: str, form: str, said: Any) -> None:
    """The stranger: whatever is sent."""
    try:
        read = _read(format, said, form)
    except Invalid:
        return
    assert all(alert.key and alert.title and alert.labels for alert in read.alerts)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b'{"a": "\\u0000"}', b"[" * 5000])
def test_broken_body__is_refused(body: bytes) -> None:
    for format, form in READERS:
        if format == "email":  # whose text may be anything
            continue
        with pytest.raises(Invalid):
            _read(format, body, form)


def test_secrets__are_redacted_wherever_they_stand_and_however_often() -> None:
    secret = "Bearer abcdefghijklmnopqrstuvwxyz0123456789"
    each = kit.am_alert(annotations={"summary": secret, "description": secret}, note=secret)
    for alert in _read("alertmanager", kit.group([each, each])).alerts:
        said = [alert.title, alert.description, alert.labels["note"], *alert.annotations.values()]
        assert not any("abcdefghijklmnopqrstuvwxyz" in text for text in said)
