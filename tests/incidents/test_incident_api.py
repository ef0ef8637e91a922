"""Incidents over the API: the same services as the console's, the version that was seen, and what
a program may do."""

from __future__ import annotations

from typing import Any

import pytest

from incidents.models import Incident
from tests import make
from tests.kit import incidents as kit
from tests.kit import settled
from tests.kit.api import Api
from tests.kit.incidents import Caller, Watchroom

pytestmark = pytest.mark.django_db
ALL = "/api/v1/incidents"


@settled.once
def room() -> Watchroom:
    room = Watchroom()
    room.everybody()
    return room


@settled.once
def caller(room: Watchroom) -> Caller:
    return Caller(room.primary)


def test_incident__walks_its_way_over_the_api(room: Watchroom, caller: Caller) -> None:
    made = caller.post(ALL, {"title": "Uploads fail", "severity": "sev2", "symptoms": "502."})
    one = f"{ALL}/{made['ref']}"
    assert (made["status"], made["severity"]) == ("detected", "sev2")
    told = caller.get(one)
    assert told["next"]["action"] == "acknowledge"
    assert told["next"]["allowed"] is True
    assert told["clocks"][0]["label"] == "Acknowledge"
    steps: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("acknowledge", {}, "detected"),
        ("triage", {"symptoms": "502.", "started_at": "2026-01-01T00:00:00Z",
                    "impact_percent": 30, "tenants": ["a"]}, "triaged"),
        ("severity", {"severity": "sev1", "reason": "All of them."}, "triaged"),
        ("mitigate", {}, "mitigating"),
        ("mitigated", {"how": "Rolled back."}, "mitigated"),
        ("watch", {}, "monitoring"),
        ("resolve", {"reason": "Quiet."}, "resolved"),
        ("reopen", {"reason": "It is back."}, "mitigating"),
        ("mitigated", {"how": "Once more."}, "mitigated"),
        ("watch", {}, "monitoring"),
        ("resolve", {"reason": "Quiet."}, "resolved"),
        ("review", {}, "review_pending"),
        ("close", {"reason": "Reviewed.", "root_cause": "A config."}, "closed"),
    )  # fmt: skip
    for verb, body, status in steps:
        if verb == "resolve":
            kit.looked(Incident.objects.get(ref=made["ref"]))
        if verb == "close":
            kit.reviewed(Incident.objects.get(ref=one.rpartition("/")[2]))
        told = caller.post(f"{one}/{verb}", body)
        assert told["status"] == status, verb
    assert told["next"]["action"] == ""
    assert (told["severity"], told["root_cause"]) == ("sev1", "A config.")


def test_list__filters(room: Watchroom, caller: Caller) -> None:
    first, second = room.quiet("sev1"), room.quiet("sev3", category="security")
    caller.post(f"{ALL}/{first.ref}/cancel", {"reason": "A drill."})

    def refs(**query: Any) -> list[str]:
        return [each["ref"] for each in caller.get(ALL, **query)["items"]]

    assert refs() == [second.ref, first.ref]
    assert refs(burning="true") == [second.ref]
    assert refs(severity="sev1") == [first.ref]
    assert refs(category="security", acknowledged="false") == [second.ref]


def test_merge_and_refusals__name_what_is_wrong(room: Watchroom, caller: Caller) -> None:
    row, target = room.quiet(), room.quiet()
    one = f"{ALL}/{row.ref}"
    assert (
        caller.refused("POST", f"{one}/merge", {"into": "INC-99", "reason": "No."}).status_code
        == 400
    )
    assert caller.refused("POST", f"{one}/close", {"reason": "No."}).status_code == 409
    assert caller.refused("POST", ALL, {"title": "x", "severity": "sev9"}).status_code == 400
    assert (
        caller.refused(
            "POST", ALL, {"title": "x", "severity": "sev1", "service": "none"}
        ).status_code
        == 400
    )
    old = caller.refused("POST", f"{one}/mitigate", {"version": row.version + 7})
    assert old.status_code == 409
    told = caller.post(f"{one}/merge", {"into": target.ref, "reason": "The same."})
    assert told["merged_into"] == target.ref


def test_tag__what_was_seen_is_compared(room: Watchroom) -> None:
    row = room.quiet()
    api = Api(browser=make.client(room.primary))
    one = f"{ALL}/{row.ref}"
    tag = api.get(one)["ETag"]
    done = api.send("POST", f"{one}/acknowledge", {}, If_Match=tag)
    assert done.status_code == 200
    late = api.send("POST", f"{one}/cancel", {"reason": "No."}, If_Match=tag)
    assert late.status_code == 412


def test_levels__are_listed_with_both_ladders(caller: Caller) -> None:
    found = caller.get("/api/v1/severity-levels")["items"]
    assert {"sev1", "sev4", "p0", "p2"} <= {each["code"] for each in found}
    assert all(each["shipped"] for each in found)


def test_stranger__finds_nothing(room: Watchroom) -> None:
    row = room.quiet()
    stranger = Caller(make.person(make.workspace(), "primary_operator"))
    assert stranger.refused("GET", f"{ALL}/{row.ref}").status_code == 404
    assert stranger.refused("POST", f"{ALL}/{row.ref}/cancel", {"reason": "x"}).status_code == 404
    viewer = Caller(make.person(room.workspace, "viewer"))
    assert viewer.refused("POST", f"{ALL}/{row.ref}/acknowledge", {}).status_code == 403
    assert Incident.objects.get().status == "detected"
