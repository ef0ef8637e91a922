"""The door for machines: every bad credential gets the same answer, and guessing gets none."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controlplane.access import credential_cache, keys
from controlplane.access.credentials import FAILURES, REFUSAL, authenticate_bearer, network_of
from controlplane.access.models import ApiKey, AttemptCounter
from controlplane.access.services.keys import revoke_key, touch_key
from controlplane.lib.errors import ControlPlaneError, RateLimited, Unauthorized
from tests import make

ADDRESS = "203.0.113.9"
START = datetime(2026, 10, 5, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    credential_cache.clear()


def outcome(header: str, address: str = ADDRESS) -> str:
    try:
        authenticate_bearer(header, address)
    except ControlPlaneError as error:
        return error.error_code
    return "in"


@pytest.mark.django_db
def test_bad_credentials__of_every_kind__get_one_answer() -> None:
    agent = make.agent(make.workspace())
    key, secret = make.key(agent)
    revoked, revoked_secret = make.key(agent)
    revoke_key(revoked, actor=make.JOB)
    forged = keys.make("local")
    same_id = keys.KeyText(forged.environment, key.prefix.rpartition("_")[2], forged.secret)
    headers = [
        "",
        "Bearer",
        "Bearer  ",
        f"Basic {secret}",
        secret,
        f"Bearer {forged.reveal()}",
        f"Bearer {same_id.reveal()}",
        f"Bearer {revoked_secret}",
        f"Bearer {secret}x",
        f"Bearer {secret} {secret}",
        "Bearer a.b.c",
        "Bearer " + "x" * 100_000,
    ]
    answers = set()
    for number, header in enumerate(headers):
        with pytest.raises(Unauthorized) as error:
            authenticate_bearer(header, f"203.0.113.{number}")
        answers.add((error.value.error_code, error.value.message, str(error.value.details)))
    assert answers == {("UNAUTHORIZED", REFUSAL, "{}")}
    assert outcome(f"bearer   {secret} ", "198.51.100.1") == "in"


@pytest.mark.django_db
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(
    st.one_of(
        st.text(max_size=200),
        st.text(max_size=200).map("Bearer {}".format),
        st.text(max_size=80).map("Bearer cp_local_{}".format),
        st.lists(st.binary(max_size=60), min_size=3, max_size=3).map(
            lambda parts: "Bearer " + ".".join(part.hex() for part in parts)
        ),
        st.sampled_from(["Bearer ..", "Bearer eyJ9.eyJ9.e30", "Bearer \ud800", "Bearer \x00"]),
    )
)
def test_malformed_credentials__however_many__are_never_an_error_of_ours(header: str) -> None:
    assert outcome(header) in {"UNAUTHORIZED", "RATE_LIMITED"}


@pytest.mark.django_db
def test_guessing__past_the_limit__is_held_back_until_the_window_has_passed() -> None:
    with time_machine.travel(START, tick=False) as clock:
        _, secret = make.key(make.agent(make.workspace()))
        seen = Counter(outcome(f"Bearer {keys.make('local').reveal()}") for _ in range(40))
        assert seen == {"UNAUTHORIZED": FAILURES.value, "RATE_LIMITED": 40 - FAILURES.value}
        with pytest.raises(RateLimited) as error:
            authenticate_bearer("Bearer nonsense", ADDRESS)
        assert error.value.retry_after
        assert outcome(f"Bearer {secret}") == "RATE_LIMITED", "not even a right guess gets in"
        assert outcome(f"Bearer {secret}", "198.51.100.7") == "in", "others are not concerned"
        clock.shift(timedelta(minutes=31))
        assert outcome(f"Bearer {secret}") == "in"


@pytest.mark.django_db
def test_guessing__beside_an_honest_caller__does_not_stop_that_caller() -> None:
    with time_machine.travel(START, tick=False) as clock:
        key, secret = make.key(make.agent(make.workspace()))
        assert outcome(f"Bearer {secret}") == "in"
        for _ in range(FAILURES.value + 5):
            outcome("Bearer nonsense")
        clock.shift(timedelta(seconds=credential_cache.SECONDS.value + 1))
        assert outcome(f"Bearer {secret}") == "in"
        revoke_key(key, actor=make.JOB)
        assert outcome(f"Bearer {secret}") == "RATE_LIMITED"


@pytest.mark.django_db(transaction=True)
def test_guessing__from_many_threads_at_once__is_counted_exactly() -> None:
    make.workspace()
    answers: list[str] = []
    ready = threading.Barrier(8)

    def guess() -> None:
        try:
            ready.wait(timeout=20)
            for _ in range(10):
                answers.append(outcome(f"Bearer {keys.make('local').reveal()}"))
        finally:
            connections.close_all()

    with time_machine.travel(START, tick=False):
        threads = [threading.Thread(target=guess) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=60)
    assert Counter(answers) == {"UNAUTHORIZED": FAILURES.value, "RATE_LIMITED": 80 - FAILURES.value}
    assert [row.count for row in AttemptCounter.objects.all()] == [FAILURES.value]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::99", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("", "unknown"),
        (None, "unknown"),
        ("not an address", "unknown"),
    ],
)
def test_address__is_counted_by_what_one_party_holds(address: str | None, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.django_db
def test_busy_caller__within_the_cache__costs_no_query() -> None:
    with time_machine.travel(START, tick=False) as clock:
        _, secret = make.key(make.agent(make.workspace()))
        outcome(f"Bearer {secret}")
        with CaptureQueriesContext(connection) as queries:
            for _ in range(5):
                assert outcome(f"Bearer {secret}") == "in"
        assert not queries.captured_queries
        clock.shift(timedelta(seconds=credential_cache.SECONDS.value))
        with CaptureQueriesContext(connection) as queries:
            assert outcome(f"Bearer {secret}") == "in"
        assert len(queries.captured_queries) == 1


@pytest.mark.django_db
def test_cache__holds_no_secret_and_no_key_past_its_end() -> None:
    _, secret = make.key(make.agent(make.workspace()), days=1)
    with time_machine.travel(
        datetime.now(UTC) + timedelta(days=1, seconds=-3), tick=False
    ) as clock:
        assert outcome(f"Bearer {secret}") == "in"
        assert secret not in repr(credential_cache._entries)
        clock.shift(timedelta(seconds=4))
        assert outcome(f"Bearer {secret}") == "UNAUTHORIZED"


@pytest.mark.django_db
def test_look_up__overtaken_by_a_revocation__is_not_remembered() -> None:
    _, secret = make.key(make.agent(make.workspace()))
    actor = authenticate_bearer(f"Bearer {secret}", ADDRESS)
    name = credential_cache.name_of(secret)
    seen = credential_cache.generation()
    credential_cache.forget()
    credential_cache.keep(name, actor, ends_at=2e10, seen=seen)
    assert credential_cache.find(name) is None


@pytest.mark.django_db
def test_last_use__is_written_at_most_once_a_minute() -> None:
    key, secret = make.key(make.agent(make.workspace()))
    with time_machine.travel(START + timedelta(days=365), tick=False):
        assert outcome(f"Bearer {secret}") == "UNAUTHORIZED"
    key.refresh_from_db()
    assert key.last_used_at is None, "a refused use is no use"
    now = datetime.now(UTC)
    with time_machine.travel(now, tick=False) as clock:
        for _ in range(13):
            outcome(f"Bearer {secret}")
            clock.shift(timedelta(seconds=5))
        key.refresh_from_db()
        assert key.last_used_at == now + timedelta(seconds=60)
        assert key.last_used_from == ADDRESS
        assert key.agent
        key.agent.refresh_from_db()
        assert key.agent.last_seen_at == now + timedelta(seconds=60)


@pytest.mark.django_db(transaction=True)
def test_last_use__of_a_row_somebody_holds__is_skipped_not_waited_for() -> None:
    key, _ = make.key(make.agent(make.workspace()))
    done = threading.Event()

    def touch() -> None:
        try:
            touch_key(ApiKey.objects.select_related("agent").get(pk=key.pk), ADDRESS)
            done.set()
        finally:
            connections.close_all()

    from django.db import transaction

    with transaction.atomic():
        ApiKey.objects.select_for_update().get(pk=key.pk)
        thread = threading.Thread(target=touch)
        thread.start()
        thread.join(timeout=3)
        assert done.is_set()
    key.refresh_from_db()
    assert key.last_used_at is None
