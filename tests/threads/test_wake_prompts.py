"""What somebody asks an agent to be told is told, whatever happens meanwhile; what was paused since
a wake was claimed waits; and what fails at once is tried no faster than what succeeds."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection

from controlplane.lib import clock
from controlplane.lib.errors import Conflict
from missions.threads import numbers, services
from missions.threads.models import WakeRun, WakeTrigger
from missions.threads.services import pausing
from missions.threads.waking import commands, delivering, gathering
from missions.threads.waking.adapters.pull import Pull
from missions.threads.waking.asking import ask_wake
from missions.threads.waking.delivering import deliver
from missions.threads.waking.services import settling
from missions.threads.waking.services.running import begin_run, end_run
from tests.kit.receivers import http_receiver
from tests.kit.waking import Night, program

pytestmark = pytest.mark.django_db


@pytest.fixture
def night(settings: Any) -> Night:
    settings.OUTGOING_ALLOW = ["127.0.0.1"]
    return Night()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The prompts that reached the runtime."""
    heard: list[str] = []
    send = Pull.send

    def sent(self: Pull, row: WakeTrigger) -> Any:
        heard.append(row.prompt)
        return send(self, row)

    monkeypatch.setattr(Pull, "send", sent)
    return heard


def ask(night: Night, prompt: str, **given: Any) -> WakeTrigger:
    talk = night.talk
    return ask_wake(
        talk.thread, talk.reviewer, actor=talk.operator, reason="Please.", prompt=prompt, **given
    )


def test_prompt__is_told_to_who_was_woken_just_now_and_answers(
    night: Night, told: list[str]
) -> None:
    night.session()
    night.post()
    assert night.turn() == ["live"]
    ask(night, "Look at the second finding.")
    night.beat()  # in answer to what came before the prompt
    assert night.turn() == ["live"]
    assert told == ["", "Look at the second finding."]
    assert night.tries == [("live", "sent")] * 2, "neither is told as a time out"
    night.beat()
    assert (night.wake.status, night.wake.acked_by) == ("delivered", "heartbeat")


def test_prompt__outlives_reading(night: Night, told: list[str]) -> None:
    night.session()
    night.post()
    ask(night, "Be brief.")
    night.ack(1)
    assert night.wake.state == "waiting"
    assert night.turn() == ["live"]
    night.ack(1)
    assert told == ["Be brief."]
    assert (night.wake.status, night.wake.result) == ("delivered", "triggered")


def test_prompt__that_comes_while_a_supervisor_has_it_in_hand_is_told(
    night: Night, told: list[str]
) -> None:
    night.session()
    night.post()
    (row,) = night.claim()
    scene = gathering.gather(row.pk)
    scene.row.lease_token = row.lease_token
    ask(night, "One more thing.")
    delivering._live(scene, night.place)
    assert told == ["One more thing."]


def test_prompt__beside_a_command_at_work_is_refused(night: Night) -> None:
    night.post()
    (row,) = night.claim()
    _, run = begin_run(row, "spawn", None, ["codex"], supervisor="h:1:x")
    settling.wait(row, 8)
    with pytest.raises(Conflict, match="at work"):
        ask(night, "And this.")
    end_run(run, "completed")
    assert ask(night, "And this.").prompt == "And this."


def test_force__of_who_was_told_waits_for_the_answer(night: Night) -> None:
    night.session()
    night.post()
    assert night.turn() == ["live"]
    assert ask(night, "", force=True).forced
    assert night.turn() == [], "it may answer any moment"
    night.later(numbers.ACK_SECONDS.value + 0.1)
    assert night.turn() == ["unanswered"]


def test_pause__after_the_claim_holds_it(night: Night, told: list[str]) -> None:
    night.session()
    night.post()
    (row,) = night.claim()
    scene = gathering.gather(row.pk)
    scene.row.lease_token = row.lease_token
    pausing.pause_thread(night.talk.thread, actor=night.talk.operator, paused=True, reason="Wait.")
    with pytest.raises(settling.Held):
        delivering._live(scene, night.place)
    assert told == []
    assert deliver(row, night.place) == "held"
    assert (night.wake.error_code, night.wake.live_tries) == ("WAKES_HELD", 0)
    night.later(60)
    assert night.turn() == []
    pausing.pause_thread(night.talk.thread, actor=night.talk.operator, paused=False)
    assert night.turn() == ["live"]


def test_pace__counts_what_failed_too(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """A runtime that refuses at once, asked for in many threads, is no storm."""
    monkeypatch.setenv(numbers.TRIGGERS_PER_MINUTE.env_name, "2")
    with http_receiver() as runtime:
        runtime.answers = [(500, {}, b"")] * 20
        night.webhook(runtime.url)
        for n in range(5):
            thread = night.talk.begin(title=f"Thread {n}")
            night.talk.post("executioner", thread=thread, to={"role": "reviewer"})
        said = night.turn()
        assert sorted(said) == [*["hold"] * 3, *["live"] * 2]
        ids = {each.headers["Idempotency-Key"] for each in runtime.received}
        assert len(ids) == 2
    night.later(61)
    assert "live" in night.turn()


@pytest.mark.django_db(transaction=True)
def test_supervisor_that_was_stopped__used_up_no_try(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each restart would otherwise cost whoever was just spawned its only one."""
    allowed = {"default": {"spawn": [*program("import time; time.sleep(600)"), "{prompt}"]}}
    monkeypatch.setenv(commands.ENVIRONMENT, json.dumps(allowed))
    monkeypatch.setenv(numbers.KILL_GRACE_SECONDS.env_name, "0.2")
    night.post()
    (row,) = night.claim()
    assert deliver(row, night.place) == "spawn"
    night.place.keeper.end_all()
    assert WakeRun.objects.get().status == "killed"
    (row,) = night.claim()
    assert deliver(row, night.place) == "untried"
    assert (night.wake.spawn_tries, night.tries) == (0, [("spawn", "stopped")])
    (row,) = night.claim()
    assert deliver(row, night.place) == "spawn"
    night.place.keeper.end_all()


@pytest.mark.django_db(transaction=True)
def test_command_that_ended_before_its_wake_was_given_back__is_not_waited_for(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        commands.ENVIRONMENT, json.dumps({"default": {"spawn": [*program("pass"), "{prompt}"]}})
    )
    start = night.place.keeper.start

    def at_once(*given: Any) -> str:
        why = start(*given)
        night.place.keeper.join()
        return why

    monkeypatch.setattr(night.place.keeper, "start", at_once)
    night.post()
    (row,) = night.claim()
    assert deliver(row, night.place) == "spawn"
    assert night.claim(), "looked at again at once"


def test_session_of_another_agent__is_not_started_under_its_name(
    night: Night, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its id is read beside what it said; whoever beats under it gets no prompt into it."""
    ok = [*program("pass"), "{session_id}"]
    monkeypatch.setenv(commands.ENVIRONMENT, json.dumps({"codex": {"resume": ok}}))
    owner = services.heartbeat(
        "c0ffee", actor=night.talk.by("executioner"), runtime="codex", resumable=True
    )
    services.heartbeat("c0ffee", actor=night.talk.by("reviewer"), runtime="codex", resumable=True)
    night.talk.asleep()
    row = night.post()
    assert gathering.gather(row.pk).resumed is None
    assert gathering._can_resume(owner, clock.now()), "its owner is"
    type(night.talk.reviewer).objects.filter(pk=owner.agent_id).update(is_active=False)
    assert gathering.gather(row.pk).resumed is not None, "taken over from who is switched off"


@pytest.mark.django_db(transaction=True)
@pytest.mark.servers
def test_acknowledging__takes_rows_as_a_heartbeat_does(night: Night) -> None:
    """Two sessions of one agent, one beats, one acknowledges: neither waits for the other's."""
    night.session()
    row = night.post()
    assert night.turn() == ["live"]
    order = _order_of_ack(night)
    assert order.index("threads_agentpulse") < order.index("threads_waketrigger")
    assert WakeTrigger.objects.get(pk=row.pk).acked_by == "cursor"


def _order_of_ack(night: Night) -> list[str]:
    """In which order the statement writes to its tables, as triggers see it."""
    tables = ("threads_agentpulse", "threads_participant", "threads_waketrigger")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS writing (n serial, name text)")
        cursor.execute(
            "CREATE OR REPLACE FUNCTION note_writing() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN INSERT INTO writing (name) VALUES (TG_TABLE_NAME); RETURN NEW; END $$"
        )
        for table in tables:
            cursor.execute(
                f"CREATE TRIGGER noting BEFORE INSERT OR UPDATE ON {table}"
                " FOR EACH ROW EXECUTE FUNCTION note_writing()"
            )
        try:
            night.ack(1)
            cursor.execute("SELECT name FROM writing ORDER BY n")
            return [name for (name,) in cursor.fetchall()]
        finally:
            for table in tables:
                cursor.execute(f"DROP TRIGGER noting ON {table}")
            cursor.execute("DROP FUNCTION note_writing()")
            cursor.execute("DROP TABLE writing")
