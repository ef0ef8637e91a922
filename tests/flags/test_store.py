"""Memory that is true: no query when warm, honest when the database is away."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from ipaddress import IPv6Address
from typing import Any

import pytest
import time_machine
from django.db import OperationalError, connection, transaction

from controlplane.access.models import Workspace
from controlplane.lib import clock
from deployments.flags import is_enabled, services
from deployments.flags.models import Flag, FlagUsage, SdkToken, UnknownFlag
from deployments.flags.services.apps import App
from deployments.flags.serving import counting, loading
from deployments.flags.serving.store import Store, store
from tests import make
from tests.kit import sdk as flags
from tests.kit.sdk import Sdk, rule, where

pytestmark = pytest.mark.django_db
SPEC = {"Unleash-Client-Spec": "6.1.0"}


@pytest.fixture
def ws() -> Workspace:
    return make.workspace()


@pytest.fixture(autouse=True)
def looks_only_when_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTROLPLANE_FLAGS_LOOK_SECONDS", "3600")


def on(name: str, ws: Workspace, **context: Any) -> bool:
    return is_enabled(name, context, workspace=ws, environment=flags.PLACE)


def test_warm__no_answer_costs_a_query(ws: Workspace, django_assert_num_queries: Any) -> None:
    flags.flag(ws, "a", rules=[rule(50)])
    sdk, browser = Sdk(ws), Sdk(ws, "frontend")
    tag = sdk.features()["ETag"]
    bulk = sdk.evaluate("", {"targetingKey": "u"})["ETag"]
    browser.get("/unleash/api/frontend")
    on("a", ws)
    with django_assert_num_queries(0):
        assert sdk.evaluate("a", {"targetingKey": "u"}).status_code == 200
        assert sdk.evaluate("", {"targetingKey": "v"}).status_code == 200
        assert sdk.evaluate("", {"targetingKey": "u"}, **{"If-None-Match": bulk}).status_code == 304
        assert sdk.evaluate("unknown").status_code == 404
        assert sdk.features().status_code == 200
        assert sdk.features(**{"If-None-Match": tag}).status_code == 304
        assert sdk.get("/unleash/api/client/features/a", **SPEC).status_code == 200
        assert browser.get("/unleash/api/frontend?userId=1").status_code == 200
        told = {"appName": "x", "bucket": None}
        assert sdk.post("/unleash/api/client/metrics", told).status_code == 202
        assert sdk.post("/unleash/api/client/register", told).status_code == 202
        assert on("a", ws, userId="1") in {True, False}
        assert on("unknown", ws) is False


def test_wrong_token__costs_one_query_and_then_none(
    ws: Workspace, django_assert_num_queries: Any
) -> None:
    sdk = Sdk(ws)
    sdk.headers["Authorization"] = "default:staging.wrong"
    with django_assert_num_queries(1):
        for _ in range(5):
            assert sdk.features().status_code == 401


@time_machine.travel(clock.now(), tick=False)
def test_guessed_tokens__are_counted_before_the_database_is_asked(
    ws: Workspace, django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTROLPLANE_API_LIMIT_ANONYMOUS", "5")
    known, guesses = Sdk(ws), Sdk(ws)
    for each in (known, guesses):
        each.client.defaults["REMOTE_ADDR"] = str(IPv6Address(ws.uid.int))  # nobody else's

    def guess(number: int) -> int:
        guesses.headers["Authorization"] = f"default:staging.{number}"
        return int(guesses.features().status_code)

    assert known.features().status_code == 200
    said = [guess(number) for number in range(4)]
    with django_assert_num_queries(0):
        said += [guess(number) for number in range(4, 9)]
    assert said == [401] * 4 + [429] * 5
    assert known.features().status_code == 200  # whose token is held is no guess


def test_new_token__works_before_anybody_looked_again(ws: Workspace) -> None:
    assert Sdk(ws).features().status_code == 200
    later = Sdk(ws)
    assert later.features().status_code == 200


def test_inside__is_enabled_says_what_the_sdks_hear(ws: Workspace) -> None:
    flags.flag(ws, "eu", rules=[rule(constraints=[where("region", "IN", "eu")])])
    assert on("eu", ws, region="eu")
    assert not on("eu", ws, region="us")
    assert is_enabled("eu", workspace=ws.pk, environment="production") is False
    assert is_enabled("nothing", workspace=ws, default=True) is True
    assert is_enabled("eu", workspace=ws, environment="mars", default=True) is True
    counting.flush()
    row = FlagUsage.objects.get(environment__slug=flags.PLACE)
    assert (row.app, row.yes, row.no) == ("portal", 1, 1)
    assert UnknownFlag.objects.get().flag_name == "nothing"


@pytest.mark.django_db(transaction=True)
def test_change__makes_anew_only_what_it_touched(ws: Workspace) -> None:
    flags.flag(ws, "a")
    second = flags.flag(ws, "b")
    before = store.named(ws.pk, flags.PLACE)
    services.kill(second, actor=make.JOB)
    flags.heard()
    after = store.named(ws.pk, flags.PLACE)
    assert before is not None
    assert after is not None
    assert after.revision > before.revision
    assert after.features["a"] is before.features["a"]
    assert after.features["b"] is not before.features["b"]


def test_row_written_twice_by_one_transaction__is_read_as_it_stands(ws: Workspace) -> None:
    made = flags.flag(ws, "a")
    row = Flag.objects.filter(pk=made.pk)
    said = []
    for words in ("first", "second"):  # the version in PostgreSQL is the transaction's both times
        row.update(description=words)
        flags.heard()
        found = store.named(ws.pk, flags.PLACE)
        assert found is not None
        assert found.provisional
        said.append(found.features["a"]["description"])
    assert said == ["first", "second"]


def test_kill_by_sql__is_seen_like_any_other(ws: Workspace) -> None:
    flags.flag(ws, "a")
    assert on("a", ws)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE feature_flags SET enabled = false WHERE flag_name = 'a'")
    flags.heard()
    assert not on("a", ws)


def test_what_is_taken_back__is_forgotten(ws: Workspace) -> None:
    made = flags.flag(ws, "a")

    class Back(Exception):
        pass

    with pytest.raises(Back), transaction.atomic():
        services.kill(made, actor=make.JOB)
        flags.heard()
        assert not on("a", ws)
        raise Back
    flags.heard()
    assert on("a", ws)


def test_restored_database__makes_other_etags(ws: Workspace) -> None:
    flags.flag(ws, "a")
    first = store.named(ws.pk, flags.PLACE)
    assert first is not None
    told = {"a": {**first.features["a"], "description": "other words, the same revision"}}
    assert replace(first, features=told).digest != first.digest
    assert replace(first).digest == first.digest


# --- The database away --------------------------------------------------------------------------


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> Any:
    """From now on no question about flags is answered."""

    def gone(*args: Any) -> Any:
        raise OperationalError("the database is away")

    def leave() -> None:
        monkeypatch.setenv("CONTROLPLANE_FLAGS_LOOK_SECONDS", "0")
        monkeypatch.setattr(loading, "revisions", gone)
        monkeypatch.setattr(loading, "load", gone)
        monkeypatch.setattr(SdkToken.objects, "in_force", gone)

    return leave


def test_database_away__last_known_flags_and_it_says_so(
    ws: Workspace, away: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags.flag(ws, "a")
    sdk = Sdk(ws)
    assert "stale" not in sdk.evaluate().json()["metadata"]
    away()
    monkeypatch.setenv("CONTROLPLANE_FLAGS_STALE_SECONDS", "0")
    one, everything, features = sdk.evaluate("a"), sdk.evaluate(), sdk.features()
    assert one.json()["value"] is True
    assert one.json()["metadata"]["stale"] is True
    assert everything.json()["metadata"]["stale"] is True
    assert features.status_code == 200
    assert features["X-Flags-Age"].isdigit()
    assert on("a", ws)
    assert store.state().stale


def test_database_away__an_unseen_token_is_503_and_not_401(ws: Workspace, away: Any) -> None:
    sdk = Sdk(ws)
    away()
    for answer in (sdk.evaluate(), sdk.features()):
        assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert is_enabled("a", workspace=ws, environment=flags.PLACE, default=True) is True


def test_database_away__what_was_measured_is_refused_and_counts_wait(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from deployments.flags.services import counts, impact

    def gone(*args: Any, **told: Any) -> Any:
        raise OperationalError("the database is away")

    flags.flag(ws, "a")
    sdk = Sdk(ws)
    sdk.evaluate("a")
    sample = {"name": "errors", "type": "counter", "samples": [{"labels": {"x": "y"}, "value": 1}]}
    told = {"appName": "x", "bucket": None, "impactMetrics": [sample]}
    with monkeypatch.context() as patch:
        patch.setattr(impact, "keep", gone)
        patch.setattr(counts, "write", gone)
        answer = sdk.post("/unleash/api/client/metrics", told)
        assert (answer.status_code, answer.json()["name"]) == (503, "Unavailable")
        counting.flush()
    assert not FlagUsage.objects.exists()
    counting.flush()
    assert FlagUsage.objects.get().yes == 1


def test_fork__a_lock_held_by_nobody_is_none() -> None:
    found = Store()
    found._lock.acquire()
    found.watched_by = 1
    found.after_fork()
    taken = threading.Thread(target=found._lock.acquire, daemon=True)
    taken.start()
    taken.join(5)
    assert not taken.is_alive()
    assert found.watched_by == 0


def test_fork__counts_are_written_once_and_wait_for_no_lost_lock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counting, "written_in", os.getpid())
    counting.answered(1, App("x"), [counting.Answer("a", True, "")])
    with counting._lock, counting._writing:
        child = os.fork()
        if child == 0:  # says by its exit what it found; pytest must not go on in it
            free = counting._lock.acquire(timeout=5) and counting._writing.acquire(timeout=5)
            ok = free and counting.pending() == 0 and counting.written_in == 0
            os._exit(0 if ok else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert counting.pending() == 1
    counting.forget()


def test_last_use__of_a_token_is_noted(ws: Workspace) -> None:
    sdk = Sdk(ws)
    sdk.features()
    counting.flush()
    assert SdkToken.objects.get().last_used_at is not None
    assert SdkToken.objects.get().workspace == ws
