"""Over HTTP: requests for each CPU-second of the server, beside a view that checks the same token
behind the same middleware and answers a constant of the same size; and how soon a kill is seen.

By CPU-second of the server's own processes, so that neither the client nor a neighbour counts.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any, NamedTuple

from django.db import connection

from controlplane.access import services as access
from controlplane.access.models import Workspace
from controlplane.base.bench import Row, Run
from controlplane.catalog.models import Environment
from controlplane.lib import actors
from controlplane.lib.dsn import with_database
from deployments.flags import services
from deployments.flags.models import Flag, FlagState
from deployments.flags.models.flags import settings_off
from deployments.flags.services.tokens import issue_token

JOB = actors.job("bench")
FLAGS = 50
KILLS = 20
ROUNDS = 5
_CONTEXT = {"targetingKey": "u-17", "region": "eu", "plan": "team"}


class Question(NamedTuple):
    figure: str
    method: str
    path: str
    token: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Server:
    """The web process with one worker, asked over one connection that stays open."""

    def __init__(self, port: int) -> None:
        self.link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def ask(self, question: Question) -> http.client.HTTPResponse:
        headers = {
            "Authorization": question.token,
            "Content-Type": "application/json",
            **dict(question.headers),
        }
        self.link.request(question.method, question.path, question.body or None, headers)
        return self.link.getresponse()

    def cpu(self) -> float:
        """Seconds that the worker has computed, as it counts them itself: what the system tells
        of other processes is in hundredths."""
        self.link.request("GET", "/cpu")
        return float(self.link.getresponse().read())

    def per_cpu_second(self, question: Question, seconds: float) -> float:
        before, begun, count = self.cpu(), time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            for _ in range(20):
                self.ask(question).read()
            count += 20
        return count / max(self.cpu() - before, 1e-6)


def measure(run: Run) -> Iterator[Row]:
    workspace = access.create_workspace("bench-flags", actor=JOB)
    place = Environment.objects.get(workspace=workspace, slug="staging")
    made = [_flag(workspace, number) for number in range(FLAGS)]
    tokens = {kind: str.__str__(issue_token(place, actor=JOB, name=kind, kind=kind).secret)
              for kind in ("client", "frontend")}  # fmt: skip
    seconds = max(run.seconds, 0.5)
    with _serving() as server:
        for question in _questions(server, tokens):
            yield _beside_a_constant(server, question, seconds)
        yield _kills(server, made, tokens["client"])


def _flag(workspace: Workspace, number: int) -> Flag:
    flag = services.create_flag(workspace, f"bench-{number:02}", actor=JOB)
    rule = {
        "title": "half of Europe",
        "percent": 50,
        "stickiness": "default",
        "constraints": [{"contextName": "region", "operator": "IN", "values": ["eu", "uk"]}],
    }
    state = FlagState.objects.get(flag=flag, environment__slug="staging")
    wanted = {**settings_off(), "on": True, "rules": [rule]}
    services.change_settings(state, wanted, actor=JOB, version=state.version)
    return flag


def _questions(server: Server, tokens: dict[str, str]) -> Iterator[Question]:
    """Each kind of question; for a 304 the tag is asked for first."""
    body = json.dumps({"context": _CONTEXT}).encode()
    client, browser = tokens["client"], tokens["frontend"]
    spec = ("Unleash-Client-Spec", "6.1.0")
    bulk = Question(f"OFREP, {FLAGS} flags", "POST", "/ofrep/v1/evaluate/flags", client, body)
    features = Question(
        f"Unleash features, {FLAGS} flags", "GET", "/unleash/api/client/features", client,
        headers=(spec,),
    )  # fmt: skip
    yield bulk
    yield _unchanged(server, bulk)
    yield Question("OFREP, one flag", "POST", "/ofrep/v1/evaluate/flags/bench-07", client, body)
    yield features
    yield _unchanged(server, features)
    path = "/unleash/api/frontend?userId=u-17&properties[region]=eu"
    yield Question(f"Unleash frontend, {FLAGS} flags", "GET", path, browser)


def _unchanged(server: Server, question: Question) -> Question:
    answer = server.ask(question)
    answer.read()
    tag = ("If-None-Match", str(answer.headers["ETag"]))
    return question._replace(figure=f"{question.figure}, 304", headers=(*question.headers, tag))


def _beside_a_constant(server: Server, question: Question, seconds: float) -> Row:
    answer = server.ask(question)
    size = len(answer.read())
    if answer.status not in {200, 304}:
        raise RuntimeError(f"{question.path} answered {answer.status}")
    plain = question._replace(path=f"/constant/{size}")
    server.ask(plain).read()
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):  # in turns: what a neighbour costs, it costs both
        theirs.append(server.per_cpu_second(plain, seconds / ROUNDS))
        ours.append(server.per_cpu_second(question, seconds / ROUNDS))
    return Row(
        f"{question.figure} ({size:,} bytes)",
        median(ours),
        "requests/CPU-s",
        "constant of that size",
        median(theirs),
    )


def _kills(server: Server, made: list[Flag], token: str) -> Row:
    """From the kill's commit here to the first answer there that knows it."""
    body = json.dumps({"context": _CONTEXT}).encode()
    took = []
    for flag in made[:KILLS]:
        path = f"/ofrep/v1/evaluate/flags/{flag.flag_name}"
        question = Question("kill", "POST", path, token, body)
        services.kill(flag, actor=JOB, reason="measured")
        begun = time.perf_counter()
        while json.loads(server.ask(question).read())["metadata"]["why"] != "killed":
            if time.perf_counter() - begun > 5:
                raise RuntimeError("a kill was not seen")
        took.append((time.perf_counter() - begun) * 1000)
    return Row(
        "kill seen by another process, median",
        median(took),
        "ms",
        note=f"slowest of {KILLS}: {max(took):.0f} ms",
    )


# --- The server ---------------------------------------------------------------------------------


@contextmanager
def _serving() -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    name = connection.settings_dict["NAME"]
    env = {
        **os.environ,
        "DATABASE_URL": with_database(os.environ["DATABASE_URL"], name),
        "CONTROLPLANE_API_LIMIT_HOT": "100000000",
        "CONTROLPLANE_ENV": "local",
    }
    env.pop("DATABASE_OWNER_URL", None)
    command = [
        *(sys.executable, "-m", "granian", "deployments.flags.bench_server:application"),
        *("--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--http", "1"),
        *("--workers", "1", "--blocking-threads", "1", "--no-ws", "--log-level", "critical"),
    ]
    process = subprocess.Popen(  # noqa: S603 - our own program
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _until(lambda: _answers(port), process)
        yield Server(port)
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    try:
        link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        link.request("GET", "/health")
        return link.getresponse().status == 200
    except OSError:
        time.sleep(0.1)
        return False


def _until(ready: Callable[[], bool], process: subprocess.Popen[Any]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if ready():
            return
    raise RuntimeError("the measured server did not start")
