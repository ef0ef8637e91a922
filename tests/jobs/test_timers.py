from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from controlplane.audit.models import AuditEvent
from controlplane.jobs import leases, services, timers
from controlplane.jobs.models import Timer
from controlplane.lib import clock, context
from controlplane.lib.errors import Conflict, Invalid, NotAllowed
from tests import make
from tests.kit.racing import race

pytestmark = pytest.mark.django_db
KIND = "tests.ring"
PAST = timedelta(seconds=-10)


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Timer], Any]], None]:
    def register(handler: Callable[[Timer], Any]) -> None:
        monkeypatch.setitem(timers.HANDLERS, KIND, handler)

    return register


@pytest.fixture
def rung(handle: Any) -> list[str]:
    heard: list[str] = []
    handle(lambda timer: heard.append(timer.key))
    return heard


def promise(key: str = "k", after: timedelta = PAST, **fields: Any) -> Timer:
    return timers.set_timer(KIND, key=key, due_at=clock.now() + after, **fields)


def work() -> int:
    return timers.work(time.monotonic() + 5)


def state(key: str = "k") -> str:
    return Timer.objects.values_list("state", flat=True).get(key=key)


def test_due_timer__fires_once(rung: list[str]) -> None:
    promise()
    assert (work(), work()) == (1, 0)
    assert rung == ["k"]
    assert state() == leases.DONE


def test_later_timer__waits(rung: list[str]) -> None:
    promise(after=timedelta(minutes=1))
    assert work() == 0
    assert rung == []


def test_set_again__moves_the_promise_and_forgets_old_failures(rung: list[str]) -> None:
    first = promise()
    Timer.objects.filter(pk=first.pk).update(state=leases.DEAD, attempts=8, last_error="x")
    again = promise(after=timedelta(hours=1), payload={"n": 2})
    assert again.pk == first.pk
    assert (again.state, again.attempts, again.last_error) == (leases.WAITING, 0, "")
    assert again.payload == {"n": 2}
    assert work() == 0


def test_set__in_a_transaction_that_rolls_back__no_promise() -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        promise()
        raise RuntimeError
    assert not Timer.objects.exists()


def test_cancel__due_timer_stays_silent(rung: list[str]) -> None:
    promise()
    assert timers.cancel_timer("k")
    assert not timers.cancel_timer("k")
    assert work() == 0
    assert state() == leases.CANCELLED


def test_cancel_by_subject__only_its_own(rung: list[str]) -> None:
    promise("a", subject="incident:1")
    promise("b", subject="incident:1")
    promise("c", subject="incident:2")
    assert timers.cancel_timers(subject="incident:1") == 2
    work()
    assert rung == ["c"]


def test_handler_fails__its_work_rolls_back_and_it_is_tried_again(handle: Any) -> None:
    def fail(timer: Timer) -> None:
        promise("effect", after=timedelta(hours=1))
        raise ValueError("not today")

    handle(fail)
    promise()
    assert work() == 0
    row = Timer.objects.get(key="k")
    assert (row.state, row.attempts, row.last_error) == (leases.WAITING, 1, "ValueError: not today")
    assert not Timer.objects.filter(key="effect").exists()


def test_handler_fails_every_time__dead_and_the_others_go_on(handle: Any) -> None:
    def picky(timer: Timer) -> None:
        if timer.key == "bad":
            raise ValueError

    handle(picky)
    promise("bad", max_attempts=1)
    promise("good")
    assert work() == 1
    assert (state("bad"), state("good")) == (leases.DEAD, leases.DONE)


def test_handler_breaks_its_transaction__only_its_own_timer_fails(handle: Any) -> None:
    def broken(timer: Timer) -> None:
        if timer.key == "bad":
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1/0")

    handle(broken)
    promise("bad")
    promise("good")
    assert work() == 1
    assert state("bad") == leases.WAITING
    assert "division by zero" in Timer.objects.get(key="bad").last_error


def test_recurring__set_in_its_handler_from_the_old_due_time(handle: Any) -> None:
    step = timedelta(minutes=10)
    handle(lambda t: timers.set_timer(KIND, key=t.key, due_at=t.due_at + step))
    first = promise(after=timedelta(minutes=-25))
    work()
    row = Timer.objects.get(key="k")
    # 25 minutes late: fires for -25, -15 and -5 and stands at +5, with no drift.
    assert row.due_at == first.due_at + 3 * step
    assert row.state == leases.WAITING


def test_handler_cancels_itself__stays_cancelled(handle: Any) -> None:
    handle(lambda timer: timers.cancel_timer(timer.key))
    promise()
    assert work() == 1
    assert state() == leases.CANCELLED


def test_handler_sets_itself_and_then_fails__old_promise_stands(handle: Any) -> None:
    def both(timer: Timer) -> None:
        timers.set_timer(KIND, key=timer.key, due_at=clock.now() + timedelta(days=1))
        raise ValueError

    handle(both)
    first = promise()
    work()
    row = Timer.objects.get(key="k")
    assert row.due_at == first.due_at
    assert (row.state, row.attempts) == (leases.WAITING, 1)


def test_unknown_kind__is_left_for_the_release_that_knows_it() -> None:
    timers.set_timer("tests.unknown", key="k", due_at=clock.now() + PAST)
    assert work() == 0
    assert state() == leases.WAITING
    assert leases.backlog(Timer)["due"] == 1


def test_handler__runs_under_the_timers_own_correlation_id(handle: Any) -> None:
    seen: list[str] = []
    handle(lambda timer: seen.append(context.current().correlation_id))
    promise("incident:7:escalate")
    work()
    assert seen == ["incident:7:escalate"]


@pytest.mark.django_db(transaction=True)
def test_cancelled_while_its_handler_runs__handlers_work_rolls_back(handle: Any) -> None:
    def slow(timer: Timer) -> None:
        promise("effect", after=timedelta(hours=1))
        other_session(lambda: timers.cancel_timer("k"))

    handle(slow)
    promise()
    assert work() == 0
    assert state() == leases.CANCELLED
    assert not Timer.objects.filter(key="effect").exists()


def other_session(act: Callable[[], Any]) -> None:
    """Do something as another process would, committed at once."""

    def run() -> None:
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=10)
    assert not thread.is_alive()


@pytest.mark.django_db(transaction=True)
def test_worker_killed_in_its_handler__another_does_it_after_the_lease(handle: Any) -> None:
    class Killed(BaseException):
        """Not an Exception: like SIGKILL, it leaves no chance to report."""

    calls: list[int] = []

    def die_once(timer: Timer) -> None:
        calls.append(timer.attempts)
        promise(f"effect-{timer.attempts}", after=timedelta(hours=1))
        if timer.attempts == 1:
            raise Killed

    handle(die_once)
    promise()
    with pytest.raises(Killed):
        work()
    assert state() == leases.LEASED
    assert work() == 0, "leased: not before the lease is over"
    Timer.objects.filter(key="k").update(ready_at=Now() - timedelta(seconds=1))
    assert work() == 1
    assert calls == [1, 2]
    assert not Timer.objects.filter(key="effect-1").exists()
    assert Timer.objects.filter(key="effect-2").exists()


@pytest.mark.django_db(transaction=True)
def test_many_workers_many_timers__each_fires_once(handle: Any) -> None:
    handle(lambda timer: promise(f"effect:{timer.key}", after=timedelta(hours=1)))
    for number in range(80):
        promise(f"k{number}")
    race(4, lambda _: work())
    work()
    assert Timer.objects.filter(key__startswith="effect:").count() == 80
    assert Timer.objects.filter(state=leases.DONE, attempts=1).count() == 80


# --- By hand -----------------------------------------------------------------------------------


def test_cancel_by_hand__needs_a_reason_and_leaves_it_in_the_audit() -> None:
    ws = make.workspace()
    operator = make.actor(make.person(ws, "primary_operator"))
    timer = promise(after=timedelta(hours=1), workspace_id=ws.pk)
    with pytest.raises(Invalid):
        services.cancel_timer(timer, actor=operator, reason=" ")
    services.cancel_timer(timer, actor=operator, reason="customer withdrew")
    assert state() == leases.CANCELLED
    event = AuditEvent.objects.get(action="timer.cancel")
    assert (event.reason, event.workspace_id) == ("customer withdrew", ws.pk)
    with pytest.raises(Conflict):
        services.cancel_timer(timer, actor=operator, reason="again")


def test_run_now__waiting_or_dead_timer_is_due_at_once(rung: list[str]) -> None:
    ws = make.workspace()
    operator = make.actor(make.person(ws, "primary_operator"))
    timer = promise(after=timedelta(hours=1), workspace_id=ws.pk)
    services.run_timer_now(timer, actor=operator)
    assert work() == 1
    with pytest.raises(Conflict):
        services.run_timer_now(timer, actor=operator)
    Timer.objects.filter(pk=timer.pk).update(state=leases.DEAD)
    services.run_timer_now(timer, actor=operator)
    assert work() == 1


@pytest.mark.parametrize("role", ["viewer", "compliance", None])
def test_by_hand__stranger_or_wrong_role__refused(role: str | None) -> None:
    ws, other = make.workspace(), make.workspace()
    person = make.person(ws, role) if role else make.person(other, "workspace_admin")
    timer = promise(after=timedelta(hours=1), workspace_id=ws.pk)
    for act in (services.cancel_timer, services.run_timer_now):
        with pytest.raises(NotAllowed):
            act(timer, actor=make.actor(person), reason="x")
    assert state() == leases.WAITING


def test_timer_of_the_installation__workspace_operator_may_look_not_touch() -> None:
    operator = make.actor(make.person(make.workspace(), "primary_operator"))
    timer = promise(after=timedelta(hours=1))
    assert timer in Timer.objects.visible_to(operator)
    with pytest.raises(NotAllowed):
        services.cancel_timer(timer, actor=operator, reason="x")


def test_visible_to__other_workspace__nothing() -> None:
    ws, other = make.workspace(), make.workspace()
    promise(workspace_id=ws.pk)
    assert not Timer.objects.visible_to(make.actor(make.person(other, "workspace_admin"))).exists()
