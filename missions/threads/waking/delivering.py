"""One claimed wake, one step further."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from django.db import connection

from controlplane.jobs.leases import LeaseLost
from missions.threads import services
from missions.threads.models import RuntimeSession, WakeAttempt, WakeTrigger
from missions.threads.services.common import PORTAL
from missions.threads.waking import commands, envelope
from missions.threads.waking.adapters import adapter_of
from missions.threads.waking.commands import Templates
from missions.threads.waking.deciding import Step, backoff, decide
from missions.threads.waking.gathering import Scene, gather
from missions.threads.waking.runs import Keeper
from missions.threads.waking.services import running, settling
from missions.threads.waking.services.settling import Held

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """The supervisor at whose hands it happens."""

    name: str
    keeper: Keeper


def deliver(claimed: WakeTrigger, place: Place) -> str:
    """What was done, in a word."""
    scene = gather(claimed.pk)
    scene.row.lease_token = claimed.lease_token  # ours, whoever has the row by now
    step = decide(scene.facts)
    try:
        return _take(scene, step, place)
    except Held as held:
        settling.hold(scene.row, held.code, held.seconds)
        return "held"
    except LeaseLost:
        logger.info("wake %s is somebody else's now, or was answered", claimed.uid)
        return "lost"


def _take(scene: Scene, step: Step, place: Place) -> str:
    row = scene.row
    match step.kind:
        case "cancel":
            settling.cancel(row, step.code)
        case "settle":
            settling.settle(row, by=step.by, result=step.result)
        case "wait":
            settling.wait(row, step.seconds)
        case "unanswered":
            _unanswered(scene, step)
        case "untried":
            settling.untried(row, code=step.code)
        case "hold":
            settling.hold(row, step.code, step.seconds)
        case "defer":
            settling.defer(row, step.code, step.seconds)
        case "dead":
            settling.give_up(row, step.code)
        case "live":
            _live(scene, place)
        case "resume":
            assert scene.resumed is not None
            _command(scene, "resume", scene.resumed, step.code, place)
        case "spawn":
            _command(scene, "spawn", None, step.code, place)
    return step.kind


def _unanswered(scene: Scene, step: Step) -> None:
    broke = step.code == "RUNTIME_CRASHED"
    settling.unanswered(scene.row, code=step.code, broke=broke, wait=step.seconds)


def _live(scene: Scene, place: Place) -> None:
    session = scene.live
    assert session is not None
    if session.adapter == RuntimeSession.Adapter.COMMAND:
        _command(scene, "live", session, "", place)
        return
    row = scene.row
    attempt = settling.begin(row, "live", session, session.adapter, supervisor=place.name)
    row.session = session
    _let_go()
    began = time.monotonic()
    sent = adapter_of(session).send(row)
    took = time.monotonic() - began
    if not sent.ok:
        _note_failure(session)
        _not_sent(scene, attempt, sent.code, sent.detail, took)
        return
    settling.session_answered(session)
    settling.sent(row, attempt, detail=sent.detail, took=took, acknowledged=sent.acknowledged)


def _command(
    scene: Scene, path: str, session: RuntimeSession | None, code: str, place: Place
) -> None:
    row = scene.row
    templates = scene.spawned if session is None else commands.for_resume(session)
    assert templates is not None
    argv = _argv(path, templates)
    summary = "" if session else services.summarize_thread(row.thread, actor=PORTAL)["summary"]
    shown = commands.fill(argv, {**commands.values(row, session, "{prompt}")})
    attempt, run = running.begin_run(
        row, path, session, shown, supervisor=place.name, code=code
    )  # fmt: skip
    prompt = envelope.write(row, summary=summary)
    filled = commands.fill(argv, commands.values(row, session, prompt))
    began = time.monotonic()
    why = place.keeper.start(run, filled, commands.environment(row), templates.folder)
    took = time.monotonic() - began
    if why:
        _not_sent(scene, attempt, "COMMAND_FAILED", why, took)
    else:
        settling.sent(row, attempt, detail="", took=took)
        running.look_if_ended(run)


def _argv(path: str, templates: Templates) -> tuple[str, ...]:
    return templates.spawn if path == "spawn" else templates.resume


def _not_sent(scene: Scene, attempt: WakeAttempt, code: str, detail: str, took: float) -> None:
    row = scene.row
    row.refresh_from_db(fields=["live_tries", "resume_tries", "spawn_tries"])
    settling.not_sent(
        row, attempt, code=code, detail=detail, took=took,
        wait=backoff(scene.with_tries(row)),
    )  # fmt: skip


def _note_failure(session: RuntimeSession) -> None:
    if settling.session_failed(session):
        logger.warning("runtime session %s was switched off: it never answers", session.uid)


def _let_go() -> None:
    """Nobody waits for the outside world while they hold a connection of the pool."""
    if not connection.in_atomic_block:
        connection.close()
