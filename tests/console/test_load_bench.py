"""Simulated users: what they send, what counts as answered, and what a profile asks for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import Resolver404, resolve

from controlplane.console.benches.load import acts, mix, place
from controlplane.console.benches.load.crowd import Crowd, Heard, parse, share
from controlplane.console.benches.load.measured import BARE, Measured, Side
from controlplane.console.benches.load.mix import Someone
from controlplane.console.benches.load.place import Used
from controlplane.console.benches.load.profiles import PROFILES

WORLD: dict[str, Any] = {
    "cookie": "cp_session",
    "sessions": ["s-0", "s-1"],
    "agents": [{"key": f"k-{n}", "thread": "0" * 8} for n in range(8)],
    "owner": "k-owner",
    "person": "p",
    "alerts": "a-key",
    "flags": "default:staging.x",
    "missions": ["/admin/missions/mission/1/change/"],
    "refs": ["MSN-1"],
    "incidents": ["/admin/incidents/incident/1/change/"],
    "requests": ["/admin/approvals/request/1/change/"],
    "threads": ["/admin/threads/thread/1/change/"],
}


def someone(number: int = 0) -> Someone:
    return Someone(number, WORLD, Random(3))


# --- What is sent ---------------------------------------------------------------------------------


def test_kinds__each_has_its_own_name_and_a_door_of_the_portal() -> None:
    assert len({kind.name for kind in mix.KINDS}) == len(mix.KINDS)
    for kind in mix.KINDS:
        ask = kind.make(someone(0 if kind.people else 5))
        try:
            resolve(ask.path.partition("?")[0])
        except Resolver404:
            pytest.fail(f"{kind.name}: {ask.path} leads nowhere")


def test_people_have_sessions__agents_have_keys__never_both() -> None:
    for number in range(10):
        who = someone(number)
        for _ in range(30):
            kind = mix.choose(who)
            headers = kind.make(who).headers
            assert kind.people == who.person
            assert ("Cookie" in headers) == who.person, kind.name
            assert ("Authorization" in headers) != who.person, kind.name


def test_all_doors_are_asked() -> None:
    done: Counter[str] = Counter()
    for number in range(10):
        who = someone(number)
        done.update(mix.choose(who).group for _ in range(200))
    assert set(done) == {mix.CONSOLE, mix.API, mix.AGENT}
    assert done[mix.AGENT] > done[mix.API] > done[mix.CONSOLE] * 0.5


def test_wire__is_one_request_with_its_length() -> None:
    wire = mix.post(someone(4)).wire()
    head, _, body = wire.partition(b"\r\n\r\n")
    assert b"\r\nContent-Length: %d" % len(body) in head
    assert json.loads(body)["body"]


def test_part_that_is_known__is_asked_with_its_tag() -> None:
    who = someone()
    assert "If-None-Match" not in mix.refresh(who).headers
    who.tags[mix.refresh(who).path] = '"t"'
    assert mix.refresh(who).headers["If-None-Match"] == '"t"'


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", (200, 12, "", False)),
        (b'HTTP/1.1 304 Not\r\nETag: "a"\r\nConnection: close\r\n\r\n', (304, 0, '"a"', True)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", (200, None, "", False)),
    ],
)
def test_parse(head: bytes, found: Any) -> None:
    assert parse(head) == found


# --- What is heard --------------------------------------------------------------------------------


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path.startswith("/chunks"):
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"3\r\nabc\r\n0\r\n\r\n")
            return
        self.send_response(503 if self.path == "/busy" else 200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads along."""


@pytest.fixture(scope="module")
def door() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Door)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_crowd__acts_once_a_second_and_counts_what_failed(door: int) -> None:
    heard = Crowd(door, 6, 0.9, WORLD, plain="/chunks").act()
    assert (heard.asked, heard.errors, len(heard.all_waits())) == (6, 0, 6)
    assert heard.cpu > 0
    assert len(heard.late) == 6
    busy = Crowd(door, 4, 0.9, WORLD, plain="/busy").act()
    assert (busy.busy, dict(busy.wrong)) == (4, {"plain: 503": 4})


def test_crowd__nobody_there__is_no_answer() -> None:
    heard = Crowd(1, 3, 0.9, WORLD, plain="/").act()
    assert dict(heard.wrong) == {"plain: no answer": 3}


def heard(waits: list[float], wrong: int = 0, busy: int = 0) -> Heard:
    found = Heard(seconds=10, wanted=len(waits) + wrong, cpu=1.0)
    for wait in waits:
        found.took(mix.KINDS[0], 200, wait)
    for number in range(wrong):
        found.took(mix.KINDS[0], 503 if number < busy else 500, 0.1)
    return found


def test_share__of_sorted_waits() -> None:
    assert share([float(n) for n in range(100)], 0.95) == 95.0
    assert share([], 0.95) == 0.0
    assert share([1.0], 0.99) == 1.0


def test_profiles__ask_what_was_agreed() -> None:
    wanted = {name: (each.users, each.p95_ms, each.errors) for name, each in PROFILES.items()}
    assert wanted == {
        "baseline": (100, 200, 0.0),
        "baseline2x": (200, 200, 0.0),
        "peak": (500, 500, 0.001),
        "stress": (1_000, None, 0.01),
    }
    assert (PROFILES["baseline"].missions, PROFILES["peak"].missions) == (1_000, 5_000)


def test_judged__says_each_thing_that_was_missed() -> None:
    baseline, stress = PROFILES["baseline"], PROFILES["stress"]
    assert baseline.judged(heard([0.05] * 100), [], 0.2) == []
    (slow,) = baseline.judged(heard([0.05] * 90 + [0.4] * 10), [], 0.2)
    assert "p95 400 ms, at most 200" in slow
    (failed,) = baseline.judged(heard([0.05] * 99, wrong=1), [], 0.2)
    assert "1 of 100 acts failed" in failed
    (fell,) = baseline.judged(heard([0.05]), ["web: 1 of 3 processes fell"], 0.2)
    assert "web" in fell
    (never,) = baseline.judged(heard([0.05]), [], None)
    assert "not at all" in never
    few = heard([0.05] * 50)
    few.wanted = 100
    (reached,) = baseline.judged(few, [], 0.2)
    assert "50%" in reached
    assert stress.judged(heard([9.0] * 50, wrong=50, busy=50), [], 9.0) == []
    assert len(stress.judged(heard([9.0] * 90, wrong=10), [], 11.0)) == 2


def test_measured__ratios_costs_and_leaks() -> None:
    found = Measured(PROFILES["baseline"], heard=heard([0.02] * 100))
    found.before = {"web": Used(10.0, 100 << 20)}
    found.after = {"web": Used(10.5, 130 << 20)}
    found.plain = {BARE: Side(0.001, 0.004, 0.01)}
    found.recovered_s = 0.3
    rows = {row.figure + row.baseline: row for row in found.rows()}
    assert rows["CPU of web for an act" + BARE].value == pytest.approx(5.0)
    assert rows["CPU of web for an act" + BARE].ratio == pytest.approx(5.0)
    assert rows["all acts, p95" + BARE].ratio == pytest.approx(2.0)
    assert rows["memory of the web processes, afterbefore"].ratio == pytest.approx(1.3)
    document = found.as_document()
    assert document["memory_grown_mb"] == {"web": 30.0}
    assert document["missed"] == []
    json.dumps(document)


def test_sentence__for_a_page__says_what_was_missed() -> None:
    found = Measured(PROFILES["baseline"], heard=heard([0.05] * 100))
    found.plain, found.recovered_s = {BARE: Side(0.001, 0.004, 0.01)}, 0.3
    said = found.sentence()
    assert said.startswith("`baseline`: 100 users, 10 s, 100 acts: p50 50, p95 50, p99 50 ms")
    assert "(a bare Django view p95 10 ms)" in said
    assert said.endswith("What was asked for was kept.")
    found.recovered_s = None
    assert "never well again" in found.sentence()
    assert "Missed: baseline: recovered not at all" in found.sentence()


# --- One act after the other ----------------------------------------------------------------------


class _Alone:
    """Of a portal what is looked at: where it is, and what it has computed."""

    def __init__(self, port: int) -> None:
        self.port, self.looks = port, 0

    def used(self) -> dict[str, Used]:
        self.looks += 1
        return {"web": Used(self.looks * 1.0, 0), "postgres": Used(self.looks * 0.5, 0)}


def test_acts__cost_of_each_kind_is_shared_by_its_acts(
    door: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = mix.Kind("pages", 1, lambda _: mix.Ask("GET", "/", {}), mix.API)
    monkeypatch.setattr(mix, "KINDS", [kind])
    monkeypatch.setattr(acts, "IDLE_S", 0.01)
    portal: Any = _Alone(door)
    ((name, cost),) = acts._measured(portal, WORLD, 0.0)
    assert (name, cost.acts, cost.web) == ("pages", acts.LEAST, 1000 / acts.LEAST)
    assert cost.postgres == 0.0, "what it computes while idle is not of the acts"


def test_acts__wrong_answer__is_no_cost(door: int, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = mix.Kind("pages", 1, lambda _: mix.Ask("GET", "/busy", {}), mix.API)
    monkeypatch.setattr(mix, "KINDS", [kind])
    monkeypatch.setattr(acts, "IDLE_S", 0.01)
    portal: Any = _Alone(door)
    with pytest.raises(RuntimeError, match="pages was answered with 503"):
        list(acts._measured(portal, WORLD, 0.0))


def test_acts__table__cheapest_first() -> None:
    costs = {"home": acts.Cost(60, 20, 90, 30), "flags": acts.Cost(1, 0.4, 2, 900)}
    beside = {"raw WSGI": acts.Cost(0.2, None, 0.3, 5_000)}
    assert acts.table(costs, beside).splitlines()[2:] == [
        "| Raw WSGI | 0.2 |  |",
        "| Flags | 1.0 | 0.4 |",
        "| Home | 60.0 | 20.0 |",
    ]
    figures = {row.figure: row for row in acts.rows(costs, beside)}
    assert figures["home, web"].ratio == 300
    assert figures["home, PostgreSQL"].value == 20


def test_fell__names_programs_that_lost_a_process() -> None:
    before = {"web": frozenset({1, 2, 3}), "stream": frozenset({7})}
    assert place.fell(before, {"web": frozenset({1, 2, 3, 4}), "stream": frozenset({7})}) == []
    assert place.fell(before, {"web": frozenset({1, 9}), "stream": frozenset({7})}) == [
        "web: 2 of 3 processes fell"
    ]


@pytest.mark.django_db
def test_command__profile_that_is_none__says_which_there_are() -> None:
    with pytest.raises(CommandError, match="baseline2x"):
        call_command("bench", "load", "--profile", "moon", "--seconds", "1")


@pytest.mark.slow
@pytest.mark.chaos
def test_command__short_run__prints_kinds_costs_and_ratios(tmp_path: Path) -> None:
    """A portal of its own. Its times are the machine's: only what must not fail is asked for."""
    file = tmp_path / "load.json"
    command = [sys.executable, "manage.py", "bench", "load", "--seconds", "5", "--rows", "60"]
    with subprocess.Popen(
        [*command, "--json", str(file)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, env={**os.environ, "CONTROLPLANE_NO_BOOTSTRAP": "1"},
    ) as done:  # fmt: skip
        try:
            said, _ = done.communicate(timeout=600)
        finally:
            done.terminate()  # and with it the portal that it started
    assert file.exists(), said[-3_000:]
    report = json.loads(file.read_text())
    found = report["load"]
    assert found["asked"] > 100
    assert found["fell"] == []
    assert found["wrong"] == {}
    assert found["recovered_s"] is not None
    figures = {row["figure"]: row for row in report["benches"]["load"]}
    assert figures["CPU of web for an act"]["ratio"] > 1
    for kind in ("people at the console, p50", "agents at work, p50", "- flags evaluated, p50"):
        assert figures[kind]["value"] > 0
    assert done.returncode == bool(found["missed"])
