"""Guessing: a limit per account and per address that holds whoever guesses how fast."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.access import attempts, numbers, services
from controlplane.access.models import AccountLock, AttemptCounter
from controlplane.audit.models import AuditEvent
from controlplane.lib import defaults
from controlplane.lib.errors import NotAllowed, RateLimited
from tests import make
from tests.kit.racing import race

LOGIN = "/access/login/"
START = "2026-10-05T09:00:00Z"
MOST = numbers.FAILURES_PER_ACCOUNT.value


def guess(email: str, password: str = "not the right one", *, at: str = "203.0.113.7") -> Any:
    return Client(REMOTE_ADDR=at).post(LOGIN, {"email": email, "password": password})


@pytest.fixture
def clock(time_machine: Any) -> Any:
    time_machine.move_to(START, tick=False)
    return time_machine


@pytest.mark.django_db
@pytest.mark.parametrize("known", [True, False])
def test_account__after_five_failures__pauses_and_opens_again(clock: Any, known: bool) -> None:
    user = make.person(make.workspace(), "viewer")
    make.enrol(user)
    email = user.email if known else "nobody@example.org"
    for number in range(MOST):
        assert guess(email, at=f"203.0.113.{number}").status_code == 200
    refused = guess(email, make.PASSWORD)  # also with the right password
    assert refused.status_code == 429
    wait = int(refused["Retry-After"])
    assert 0 < wait <= 20 * 60
    clock.shift(wait - 5)
    assert guess(email, make.PASSWORD).status_code == 429
    clock.shift(10)
    assert guess(email, make.PASSWORD).status_code == (302 if known else 200)


@pytest.mark.django_db
def test_account__known_and_unknown__wait_equally_long(clock: Any) -> None:
    known = make.person(make.workspace(), "viewer").email
    waits = []
    for email in (known, "nobody@example.org"):
        for _ in range(MOST):
            guess(email)
        waits.append(guess(email)["Retry-After"])
    assert waits[0] == waits[1]


@pytest.mark.django_db
def test_pause__is_recorded_once_and_is_no_lock(clock: Any) -> None:
    user = make.person(make.workspace(), "viewer")
    browser = make.sign_in(user)
    for _ in range(MOST + 3):
        guess(user.email)
    rows = AuditEvent.objects.filter(action="session.start", outcome="denied")
    assert [(row.details or {})["pauses"] for row in rows.order_by("id")] == [False] * (
        MOST - 1
    ) + [True]
    assert not AccountLock.objects.exists()
    assert browser.get("/access/account/").status_code == 200  # nobody is thrown out by guessing


@pytest.mark.django_db
def test_account__success__forgets_the_failures(clock: Any) -> None:
    user = make.person(make.workspace(), "viewer")
    make.enrol(user)
    for _ in range(3):
        for _ in range(MOST - 1):
            guess(user.email)
        assert guess(user.email, make.PASSWORD).status_code == 302


@pytest.mark.django_db
def test_address__many_accounts_from_one__is_refused_and_others_are_not(clock: Any) -> None:
    for number in range(numbers.FAILURES_PER_ADDRESS.value):
        assert guess(f"person{number}@example.org").status_code == 200
    assert guess("fresh@example.org").status_code == 429
    assert guess("fresh@example.org", at="203.0.113.8").status_code == 200


@pytest.mark.django_db
def test_address__right_passwords__do_not_count(clock: Any) -> None:
    user = make.person(make.workspace(), "viewer")
    make.enrol(user)
    for _ in range(numbers.FAILURES_PER_ADDRESS.value + 2):
        assert guess(user.email, make.PASSWORD).status_code == 302


@pytest.mark.django_db
def test_forged_forwarded_header__does_not_make_a_new_address(clock: Any) -> None:
    for number in range(numbers.FAILURES_PER_ADDRESS.value):
        Client(REMOTE_ADDR="203.0.113.7", HTTP_X_FORWARDED_FOR=f"198.51.100.{number}").post(
            LOGIN, {"email": f"person{number}@example.org", "password": "x"}
        )
    assert guess("fresh@example.org").status_code == 429


@pytest.mark.django_db(transaction=True)
def test_account__guesses_all_at_once__no_more_than_the_limit_are_checked() -> None:
    make.person(make.workspace(), "viewer", email="robin@example.org")
    answers = race(12, lambda number: guess("robin@example.org", at=f"203.0.113.{number}"))
    codes = [answer.status_code for answer in answers]
    assert codes.count(200) == MOST, codes
    assert codes.count(429) == 12 - MOST


@pytest.mark.django_db(transaction=True)
def test_account__right_password_among_guesses_at_once__may_pass_but_raises_no_limit() -> None:
    user = make.person(make.workspace(), "viewer", email="robin@example.org")
    make.enrol(user)
    passwords = ["wrong"] * 11 + [make.PASSWORD]
    answers = race(12, lambda n: guess("robin@example.org", passwords[n], at=f"203.0.113.{n}"))
    codes = [answer.status_code for answer in answers]
    assert codes.count(200) <= 2 * MOST  # a success in between forgets what was before it
    assert codes.count(429) >= 1


@pytest.mark.django_db
def test_forgive__by_an_admin__lets_them_try_now(clock: Any) -> None:
    ws = make.workspace()
    admin = make.person(ws, "workspace_admin")
    user = make.person(ws, "viewer")
    make.enrol(user)
    for _ in range(MOST):
        guess(user.email)
    assert guess(user.email, make.PASSWORD).status_code == 429
    assert services.forgive_failures(user, actor=make.actor(admin))
    assert guess(user.email, make.PASSWORD).status_code == 302


@pytest.mark.django_db
def test_forgive__by_a_stranger__is_refused(clock: Any) -> None:
    ws = make.workspace()
    user = make.person(ws, "viewer")
    colleague = make.person(ws, "primary_operator")
    stranger = make.person(make.workspace(), "workspace_admin")
    for person in (colleague, stranger, user):
        with pytest.raises(NotAllowed):
            services.forgive_failures(user, actor=make.actor(person))


@pytest.mark.django_db
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.integers(min_value=0, max_value=400), min_size=1, max_size=60))
def test_window__whatever_the_rhythm__never_lets_more_than_the_limit_through(
    clock: Any, steps: list[int]
) -> None:
    """No window holds more than the limit, and no burst around a boundary does: the share of
    the window before is an estimate, so a patient guesser gains some tries, never at once."""
    limit = attempts.Limit("test", _default(5), _default(15))
    AttemptCounter.objects.all().delete()
    clock.move_to(START, tick=False)
    now = 0
    let_in: list[int] = []
    waits: list[float] = []
    for step in steps:
        now += step
        clock.shift(step)
        try:
            attempts.take(limit, "somebody")
            let_in.append(now)
        except RateLimited as error:
            waits.append(error.retry_after or 0)
    assert all(wait > 0 for wait in waits)
    for span, most in ((900, 2 * 5 - 1), (180, 5 + 1)):
        spans = [sum(1 for t in let_in if start <= t < start + span) for start in let_in]
        assert max(spans, default=0) <= most
    fixed = [sum(1 for t in let_in if t // 900 == k) for k in range(60)]
    assert max(fixed) <= 5


@pytest.mark.django_db
def test_retry_after__is_kept__by_whoever_waits_that_long(clock: Any) -> None:
    limit = attempts.Limit("test", _default(5), _default(15))
    for pause in (0, 100, 700, 50, 899, 1, 450):
        clock.shift(pause)
        with pytest.raises(RateLimited) as refused:
            for _ in range(6):
                attempts.take(limit, "somebody")
        clock.shift((refused.value.retry_after or 0) + 1)
        attempts.take(limit, "somebody")


@pytest.mark.django_db
def test_counter__holds_no_text_that_was_typed() -> None:
    attempts.take(attempts.PASSWORD_BY_ACCOUNT, "typed-into-the-wrong-field")
    assert "typed" not in AttemptCounter.objects.get().bucket


def _default(value: int) -> defaults.Default[int]:
    return defaults.Default("test.number", value, "", "test")
