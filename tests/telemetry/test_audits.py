"""The telemetry audit: what it finds, what it won't say."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from controlplane.access.models import Workspace
from controlplane.lib import clock
from telemetry import rollups, simulate
from telemetry.audits import kinds
from telemetry.audits.reporting import as_markdown
from telemetry.models import Gap
from tests import make
from tests.kit.audits import CALL, call, line, run
from tests.kit.telemetry import event, forget, tell

pytestmark = pytest.mark.django_db
VIEW = {"toolkit": "hubspot", "has_preview": True, "time_on_panel": 4}


def found_by(workspace: Workspace, rule: str, events: list[dict[str, Any]]) -> list[str]:
    receipt = tell(workspace, events)
    assert receipt.accepted == len(events), receipt.verdicts
    return [gap["about"] for gap in line(run(workspace), rule)["gaps"]]


@pytest.mark.parametrize(
    ("rule", "events", "about"),
    [
        ("T1", [event("no_such_thing"), call()], ["no_such_thing"]),
        ("T1", [event("tool_router_call", context=CALL)], []),
        ("T2", [call(mission_id=None), call()], ["composio_tool_call"]),
        ("T2", [event("home_tile_opened", mission_id=None)], []),
        ("T3", [call(context={"duration_ms": "long"})], ["composio_tool_call"]),
        ("T3", [call(context={"toolkit": None})], ["composio_tool_call"]),
        ("T3", [call()], []),
        # A field of the event tells what the key of its context would.
        (
            "T3",
            [call(context={"toolkit": None, "duration_ms": None}, toolkit="x", duration_ms=9)],
            [],
        ),
        ("T3", [event("session_created", context={"session_id": "s"})], ["session_created"]),
        ("T3", [event("session_created", session_id="s", duration_ms=3)], []),
        ("T3", [event("inspection_viewed", stage=None, context=VIEW)], ["inspection_viewed"]),
        ("T3", [event("inspection_viewed", context=VIEW)], []),
        (
            "T3",
            [call(context={"meta_tool": "COMPOSIO_MAGIC"})],
            ["composio_tool_call meta_tool"],
        ),
        (
            "T3",
            [event("intent_submitted", context={"intent_length": 3, "source": "dream"})],
            ["intent_submitted"],
        ),
        (
            "T9",
            [call(sent_at=(clock.now() - timedelta(hours=1)).isoformat())],
            ["composio_tool_call"],
        ),
        ("T9", [call(stage="limbo")], ["composio_tool_call stage"]),
    ],
)
def test_rule__finds_what_it_asks_for(
    rule: str, events: list[dict[str, Any]], about: list[str]
) -> None:
    assert found_by(make.workspace(), rule, events) == about


def test_text_under_a_name_nobody_described__is_told_and_no_gap() -> None:
    workspace = make.workspace()
    router = {**CALL, "meta_tool": "COMPOSIO_CREATE_PLAN", "payload_sha": "9f86d081"}
    tell(workspace, [call(context=router), call(context={"customer_email": "a@b.example"})])
    assert line(run(workspace), "T13")["status"] == "ok"
    tell(workspace, [call(context={"mood": "calm", "tries": 3}), event("no_such", context=CALL)])
    told = line(run(workspace), "T13")
    assert (told["status"], told["text"]) == ("info", "composio_tool_call mood (1)")
    assert not Gap.objects.filter(workspace=workspace, rule="T13").exists()
    assert line(run(make.workspace()), "T13")["status"] != "info"


@pytest.mark.slow
def test_a_made_up_week__holds_nothing_to_find() -> None:
    """What agents are shown as an example must be what the audit asks of them."""
    workspace = make.workspace()
    forget()
    end = clock.now()
    events = simulate.events(7, end - timedelta(days=7), end, 1.5)
    simulate.deliver(events, simulate.inside(workspace, relieve=rollups.settle))
    rollups.settle()
    found = {each["rule"]: each["gaps"] for each in run(workspace).rules}
    assert {rule: gaps for rule, gaps in found.items() if gaps and rule != "T8"} == {}
    absent = {name for gap in found["T8"] for name in gap["details"]["events"]}
    assert absent <= {"approval_delegated", "undo_completed"}, "the rarest may miss a week"


def test_same_id_at_two_times__found() -> None:
    one = call(event_id="order-1")
    two = {**one, "occurred_at": (clock.now() - timedelta(hours=2)).isoformat()}
    assert found_by(make.workspace(), "T9", [one, two]) == ["composio_tool_call id"]


def test_secret_in_a_stored_row__found() -> None:
    """As an older redactor, or somebody with the owner's password, would have left it."""
    workspace = make.workspace()
    tell(workspace, [call() for _ in range(5)])
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE telemetry_events SET message = %s WHERE id ="
            " (SELECT id FROM telemetry_events LIMIT 1)",
            ["mail ada@example.org"],
        )
    gaps = line(run(workspace), "T4")["gaps"]
    assert [gap["about"] for gap in gaps] == ["composio_tool_call"]
    assert "ada" not in json.dumps(gaps)


def test_silent_execution__found_until_it_ends() -> None:
    workspace = make.workspace()
    start = clock.now() - timedelta(minutes=20)

    def at(minutes: float, name: str, mission: str) -> dict[str, Any]:
        return event(name, at=start + timedelta(minutes=minutes), mission_id=mission)

    events = [at(0, "execution_started", "MIS-1"), at(0, "execution_started", "MIS-2")]
    events += [at(0.5 * n, "session_heartbeat", "MIS-1") for n in range(1, 10)]
    events += [at(0.5 * n, "session_heartbeat", "MIS-2") for n in range(1, 10)]
    events += [at(5, "mission_completed", "MIS-2")]
    assert found_by(workspace, "T11", events) == ["MIS-1"]


def test_silence_of_what_began_before_the_window__found_by_a_spot() -> None:
    """Right after a deployment: what it silenced began long before."""
    workspace = make.workspace()
    start = clock.now() - timedelta(hours=3)

    def at(minutes: float, name: str, mission: str) -> dict[str, Any]:
        return event(name, at=start + timedelta(minutes=minutes), mission_id=mission)

    events = [at(0, "execution_started", name) for name in ("MIS-1", "MIS-2", "MIS-3")]
    events += [at(n, "session_heartbeat", name) for n in range(1, 180) for name in ("MIS-1",)]
    events += [at(n, "session_heartbeat", "MIS-2") for n in range(1, 170)]
    events += [at(1, "session_heartbeat", "MIS-3"), at(2, "execution_completed", "MIS-3")]
    tell(workspace, events)
    rollups.settle()
    gaps = line(run(workspace, "spot"), "T11")["gaps"]
    assert [gap["about"] for gap in gaps] == ["MIS-2"]
    assert 600 < gaps[0]["details"]["longest_s"] < 720


def test_what_ended_before_it_looks__is_not_silent_since() -> None:
    """On the first day it looks at, a mission began and ended before the first moment."""
    workspace = make.workspace()
    oldest = clock.now() - timedelta(days=14)
    day = oldest.replace(hour=0, minute=0, second=0, microsecond=0)
    began, ended = day + (oldest - day) / 4, day + (oldest - day) / 2
    names = ("execution_started", "execution_completed")
    tell(workspace, [event(name, at=at, mission_id="MIS-1")
                     for name, at in zip(names, (began, ended), strict=True)])  # fmt: skip
    rollups.settle()
    assert line(run(workspace), "T11")["gaps"] == []


def test_visited_stage__what_never_came_is_named_once() -> None:
    workspace = make.workspace()
    tell(workspace, [event("execution_started"), call()])
    rollups.settle()
    gaps = line(run(workspace), "T8")["gaps"]
    assert [gap["about"] for gap in gaps] == ["execute_observe"]
    absent = gaps[0]["details"]["events"]
    assert "evidence_bundle_generated" in absent
    assert not {"composio_tool_call", "undo_completed"} & set(absent)


def test_what_happens_by_chance__is_missed_of_many_missions_only() -> None:
    """One mission is undone or not; of thirty without an undo somebody looks."""
    workspace = make.workspace()
    tell(workspace, [event("execution_started", mission_id=f"MIS-{n}") for n in range(29)])
    rollups.settle()
    few = run(workspace)
    assert "undo_completed" not in line(few, "T8")["gaps"][0]["details"]["events"]
    tell(workspace, [event("execution_started", mission_id="MIS-30")])
    rollups.settle()
    many = run(workspace)
    assert "undo_completed" in line(many, "T8")["gaps"][0]["details"]["events"]
    assert many.known > few.known  # the share that came is of what is wanted
    assert run(make.workspace()).coverage is None


def test_nothing_reported__is_not_clean_by_all_rules() -> None:
    found = run(make.workspace())
    said = {each["rule"]: each["status"] for each in found.rules}
    assert {said["T5"], said["T10"]} == {"not_applicable"}
    assert {said["T6"], said["T7"], said["T8"]} == {"insufficient"}
    assert found.coverage is None


def test_reserved_rule__answered_by_whoever_registers(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make.workspace()
    monkeypatch.setattr(kinds.BOOK, "providers", {})

    @kinds.provide("T5")
    def stages(window: kinds.Window) -> kinds.Answer:
        return kinds.answer([kinds.Found("MIS-9", "MIS-9 left define without a word.")])

    assert line(run(workspace), "T5")["gaps"][0]["about"] == "MIS-9"
    with pytest.raises(ValueError, match="answered here"):
        kinds.provide("T1")


def test_rule_with_an_added_question__tells_both(monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make.workspace()
    tell(workspace, [call()])
    monkeypatch.setattr(kinds.BOOK, "added", {})
    assert "nothing is compared" in line(run(workspace), "T9")["text"]
    said = kinds.Answer("insufficient", "No mission was there.")
    kinds.add_to("T9")(lambda window: said)
    found = line(run(workspace), "T9")
    assert (found["status"], found["text"]) == ("insufficient", "No mission was there.")
    tell(workspace, [call(stage="limbo")])
    kinds.add_to("T9")(lambda window: kinds.answer([kinds.Found("MIS-9", "Out of its stage.")]))
    gaps = line(run(workspace), "T9")["gaps"]
    assert [gap["about"] for gap in gaps] == ["composio_tool_call stage", "MIS-9"]
    with pytest.raises(ValueError, match="provide it"):
        kinds.add_to("T5")


# --- The command --------------------------------------------------------------------------------


def command(*words: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("audit_telemetry", *words, stdout=out)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    except CommandError as error:
        return error.returncode, str(error)
    return 0, out.getvalue()


def test_command__codes_and_forms() -> None:
    workspace = make.workspace("quiet-place")
    assert command("--workspace", "quiet-place", "--mode", "spot")[0] == 0
    tell(workspace, [event("no_such_thing")])
    code, text = command("--workspace", "quiet-place", "--mode", "spot", "--since", "2h")
    assert (code, "no_such_thing" in text) == (1, True)
    code, text = command("--workspace", "quiet-place", "--json")
    assert (code, json.loads(text)[0]["result"]) == (1, "findings")
    code, text = command("--mode", "report")
    assert (code, text.startswith("# Telemetry audit of quiet-place")) == (1, True)
    assert command("--workspace", "nowhere")[0] == 2
    assert command("--since", "yesterday-ish")[0] == 2
    assert command("--since", "99999999999d")[0] == 2
    assert command("--since", f"{'9' * 5_000}d")[0] == 2
    assert command("--since", "\u00b2d")[0] == 2
    assert command("--mode", "report", "--output", "/nowhere/at/all.md")[0] == 2


def test_report__speaks_of_coverage() -> None:
    workspace = make.workspace()
    tell(workspace, [call()])
    text = as_markdown(run(workspace, "report"))
    assert "Coverage: " in text
    assert "| T5 | A mission that left a stage has reported so | not applicable yet" in text


def test_report__what_senders_call_things_is_no_markup() -> None:
    workspace = make.workspace()
    start = clock.now() - timedelta(minutes=20)
    named = "[click](//evil.example) <img src=x> | `x`"
    tell(workspace, [event("execution_started", at=start, mission_id=named)])
    text = as_markdown(run(workspace, "report"))
    assert r"\[click\](//evil.example) \<img src=x\> \| \`x\`" in text
    assert "[click](" not in text
