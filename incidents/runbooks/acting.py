"""What the portal does in a step. Each answers with what came out of it, or raises; each is ended
by its limit."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.db.models import Q
from psycopg import sql
from psycopg.errors import InsufficientPrivilege, InvalidParameterValue

from controlplane.access import dbroles
from controlplane.access.models import Workspace
from controlplane.base import signals
from controlplane.base.models import Signal
from controlplane.catalog import probing
from controlplane.catalog.models import Integration, Probe, Service
from controlplane.catalog.services import breakers
from controlplane.jobs import services as timers
from controlplane.jobs.models import Timer
from controlplane.jobs.runs import ask_run
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotFound, Unavailable
from controlplane.lib.given import refuse
from controlplane.notify.models import OutboxMessage
from controlplane.notify.services.dead_letters import replay
from deployments.flags import services as flags
from deployments.flags.models import Flag
from incidents.runbooks import activity, allowed, numbers, reading, rights
from incidents.runbooks.reading import Step
from telemetry.queries import running as measures
from telemetry.queries.kinds import TIME
from telemetry.queries.shipped import SHIPPED

PROGRAM = (sys.executable, str(settings.BASE_DIR / "manage.py"))
PORTAL = "portal"
_WIDEST = 60


class TimeUp(Exception):
    """Its limit ended it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One step, by whom, where, with what was filled in."""

    step: Step
    actor: Actor
    workspace: Workspace
    reason: str = ""
    given: Mapping[str, str] = field(default_factory=dict)

    def said(self, name: str) -> str:
        """A line of the step, with what was filled in."""
        line = self.step.given[name]
        return reading.ASKED.sub(lambda found: self.given.get(found[1], ""), line).strip()


def limit_of(step: Step) -> int:
    """Seconds."""
    return int(numbers.COMMAND_S.value if step.kind == "command" else numbers.STEP_S.value)


def perform(call: Call) -> str:
    rights.require(call.step, call.actor, call.workspace)
    return ACTS[call.step.kind](call)


# --- Only looking -------------------------------------------------------------------------------


def _query(call: Call) -> str:
    """As the read-only role, in a transaction that is rolled back."""
    reader = dbroles.configured().reader
    if call.step.body not in allowed.questions():
        raise Conflict(
            "This question is none of those that the release asks: begin again by the newest text."
        )
    body = reading.ASKED.sub(r"%(\1)s", call.step.body.replace("%", "%%"))
    values: dict[str, str | int] = {**call.given, "workspace": call.workspace.pk}
    with limited(limit_of(call.step)), connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")
        _become(cursor, reader)
        cursor.execute(body, values)
        rows = cursor.fetchmany(numbers.ROWS_MOST.value + 1)
        heads = [column.name for column in cursor.description or ()]
        transaction.set_rollback(True)
    return table(heads, rows)


def _become(cursor: Any, reader: str) -> None:
    try:
        cursor.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(reader)))
    except DatabaseError as error:
        if not isinstance(error.__cause__, (InsufficientPrivilege, InvalidParameterValue)):
            raise
        said = f"The portal may not become {reader}: run manage.py db_roles."
        raise Unavailable(said) from error


def table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    most = numbers.ROWS_MOST.value
    cells = [[_cell(cell) for cell in row] for row in (heads, *rows[:most])]
    if len(cells) == 1:
        return "No rows."
    widths = [max(len(row[at]) for row in cells) for at in range(len(heads))]
    lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in cells]
    lines.insert(1, "  ".join("-" * width for width in widths))
    if len(rows) > most:
        lines.append(f"Only the first {most} rows.")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    said = "" if value is None else f"{value:.3g}" if isinstance(value, float) else str(value)
    said = " ".join(said.split())
    return said if len(said) <= _WIDEST else f"{said[: _WIDEST - 1]}…"


def _measure(call: Call) -> str:
    query = SHIPPED[call.step.given["question"]]
    with limited(limit_of(call.step)):
        found = measures.run(query, call.actor, call.workspace)
    rows = _newest_first(found.rows) if query.question.group_by == TIME else found.rows
    heads = [f"{each.name}{f' [{each.unit}]' if each.unit else ''}" for each in found.columns]
    return "\n".join(part for part in (table(heads, rows), found.note) if part)


def _newest_first(rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """What the incident is about comes last in time, and a moment in which nothing happened says
    nothing: a quiet night would fill the answer before it."""
    return [row for row in reversed(rows) if any(row[1:])]


def _look(call: Call) -> str:
    """Every probe of a service of the catalogue, once, now."""
    slug = call.said("service")
    if slug == PORTAL:
        probes = [Probe(url=url, timeout_s=5, expected_status=200) for url in ("/health", "/ready")]
    else:
        service = Service.objects.filter(workspace=call.workspace, slug=slug).first()
        if service is None:
            raise refuse("service", "There is no service of this slug here.")
        probes = list(Probe.objects.filter(service=service).exclude(url="").order_by("pk")[:5])
        if not probes:
            raise Conflict(f"{service.name} has no probe: nothing can be looked at.")
    sights = [(probe.url, probing.look(probe)) for probe in probes]
    said = [
        f"{url}: {'well' if sight.ok else sight.error or 'not well'}"
        + (f", {sight.latency_ms} ms" if sight.latency_ms is not None else "")
        for url, sight in sights
    ]
    if not all(sight.ok for _, sight in sights):
        raise Conflict("\n".join(said))
    return "\n".join(said)


def _command(call: Call) -> str:
    """A process of its own, so that one that hangs can be ended."""
    words = allowed.argv(call.step.given["run"], call.given)
    most = numbers.OUTPUT_MOST.value
    environment = {**os.environ, "NO_COLOR": "1", "CONTROLPLANE_NO_BOOTSTRAP": "1"}
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603 - a list of our own, no shell
            [*PROGRAM, *words], stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT,
            env=environment, cwd=settings.BASE_DIR, start_new_session=True,
        )  # fmt: skip
        try:
            code: int | None = process.wait(timeout=limit_of(call.step))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # what it started goes with it
            process.wait()
            code = None
        said.seek(0)
        output = said.read(most * 4).decode("utf-8", "replace")
    if code is None:
        raise TimeUp(output)
    if code:
        raise Conflict(f"{output.strip()}\nIt ended with {code}.".strip())
    return output


# --- What changes something ---------------------------------------------------------------------


def _terminate(call: Call) -> str:
    pid = call.said("pid")
    if not (pid.isascii() and pid.isdigit() and len(pid) < 10):
        raise refuse("pid", "The number of a process.")
    with limited(limit_of(call.step)):
        ended = activity.terminate(int(pid), actor=call.actor, reason=call.reason)
    return f"Ended process {ended.pid}, which had run for {ended.lasted_s:.0f} s: {ended.query}"


def _flag(call: Call) -> str:
    name = call.said("flag")
    flag = Flag.objects.of(call.workspace).filter(flag_name=name).first()
    if flag is None:
        raise refuse("flag", "There is no flag of this name here.")
    with limited(limit_of(call.step)):
        flags.kill(flag, actor=call.actor, reason=call.reason)
    return f"{name} is off everywhere."


def _breaker(call: Call) -> str:
    move, _, slug = call.said("breaker").partition(" ")
    row = Integration.objects.filter(workspace=call.workspace, slug=slug.strip()).first()
    if row is None:
        raise refuse("integration", "There is no integration of this slug here.")
    act = breakers.trip if move == "trip" else breakers.close
    with limited(limit_of(call.step)):
        act(row, actor=call.actor, reason=call.reason)
    return f"The breaker of {row.name} is {'open' if move == 'trip' else 'closed'}."


def _requeue(call: Call) -> str:
    what, _, name = call.said("what").partition(" ")
    with limited(limit_of(call.step)):
        return _AGAIN[what](call, name.strip())


def _message(call: Call, name: str) -> str:
    row = _named(OutboxMessage, call, uid=_uid(name))
    replay(row, actor=call.actor, reason=call.reason)
    return f"{row.topic} is sent again."


def _timer(call: Call, name: str) -> str:
    row = _named(Timer, call, uid=_uid(name))
    timers.run_timer_now(row, actor=call.actor, reason=call.reason)
    return f"{row.key} runs again."


def _signal(call: Call, name: str) -> str:
    if not (name.isascii() and name.isdigit() and len(name) < 19):
        raise refuse("id", "A number.")
    row = _named(Signal, call, pk=int(name))
    signals.replay(row, actor=call.actor, reason=call.reason)
    return f"{row.kind} is told again."


def _uid(name: str) -> uuid.UUID:
    try:
        return uuid.UUID(name)
    except ValueError:
        raise refuse("id", "The row's uid, as its page shows it.") from None


def _named(model: Any, call: Call, **where: Any) -> Any:
    """A row of the workspace the step is of; for a person also one of the installation they may
    see. The portal, which sees every row there is, keeps to the workspace."""
    here = Q(workspace=call.workspace)
    if not call.actor.sees_all:
        here |= Q(workspace=None)
    row = model.objects.visible_to(call.actor).filter(here, **where).first()
    if row is None:
        raise NotFound("There is no such row here.")
    return row


def _job(call: Call) -> str:
    run = ask_run(call.step.given["job"], actor=call.actor)
    return f"{run.name} is asked to run; its runs are at /admin/jobs/jobrun/."


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """One transaction whose statements, and their waits for locks, end by then."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout')")
        before = cursor.fetchone()[0]
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [f"{seconds}s"])
        yield
        if not transaction.get_rollback():
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [before])


_AGAIN: Mapping[str, Callable[[Call, str], str]] = {
    "outbox": _message, "timer": _timer, "signal": _signal,
}  # fmt: skip
ACTS: Mapping[str, Callable[[Call], str]] = {
    "query": _query, "measure": _measure, "look": _look, "command": _command,
    "terminate": _terminate, "flag": _flag, "breaker": _breaker, "requeue": _requeue, "job": _job,
}  # fmt: skip
