"""How the status page is read: by many, at once, and while the database is away."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from controlplane.lib.errors import Unavailable
from incidents.status import services, serving, web
from tests import make
from tests.kit.status import Public

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh(settings: Any, tmp_path: Path) -> Iterator[None]:
    settings.STATE_DIR = tmp_path
    serving.forget()
    yield
    serving.forget()


def test_reading__asks_no_database_and_answers_what_is_unchanged_shortly() -> None:
    here = Public(is_first=True)
    here.write()
    here.read()
    asked: list[str] = []

    def away(execute: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(away):
        answer = Client().get("/status/acme/")
        again = Client().get("/status/acme/", headers={"If-None-Match": answer["ETag"]})
    assert (asked, again.status_code) == ([], 304)
    assert "public" in answer["Cache-Control"]
    assert "Acme works" in Client().get("/status/").content.decode()
    told = Client().get("/status/api/v2/status.json")
    assert told["Access-Control-Allow-Origin"] == "*"
    assert told.json()["page"]["name"] == "Acme works"


def test_database_away__the_last_page_is_read_also_by_a_new_process() -> None:
    here = Public()
    here.write()
    here.read()

    def away(*_: Any) -> Any:
        raise OperationalError("the server closed the connection")

    serving.forget()  # a process that was just started
    with connection.execute_wrapper(away):
        assert "Acme works" in here.read()
        here.read("history")
    services.change_page(here.page, actor=make.JOB, is_open=False)
    serving.forget()
    here.read(status=404)
    serving.forget()
    with connection.execute_wrapper(away):  # no copy, and nobody to ask: that is no "no"
        answer = Client().get("/status/acme/")
        for path in ("/status/", "/status/api/v2/status.json", "/status/acme/history"):
            assert Client().get(path).status_code == 503, path
        assert Client().get("/status/Not%20a%20name/").status_code == 404
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert "public" not in answer.get("Cache-Control", "")


@pytest.mark.django_db(transaction=True)
def test_made_up_names__are_one_question_and_no_thread_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = Public()
    here.write()
    began: list[str] = []

    class Counted(threading.Thread):
        def start(self) -> None:
            began.append(self.name)
            super().start()

    monkeypatch.setattr(serving, "Thread", Counted)
    monkeypatch.setattr(serving, "WAIT_S", SimpleNamespace(value=20.0))
    monkeypatch.setattr(serving, "FRESH_S", SimpleNamespace(value=60.0))
    assert [serving.bundle(f"made-up-{each}") for each in range(50)] == [None] * 50
    assert began == ["status page *"]
    assert serving.bundle("acme") is not None
    assert began == ["status page *", "status page acme"]
    assert (serving._asking, serving._running) == ({}, [])
    assert set(serving._known) == {"acme"}


@pytest.mark.django_db(transaction=True)
def test_many_pages_at_once__are_asked_for_by_few(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"page-{each}" for each in range(40)]
    monkeypatch.setattr(serving, "WAIT_S", SimpleNamespace(value=0.0))
    monkeypatch.setattr(serving, "_there", (time.monotonic() + 60, frozenset(names)))
    end, asked = threading.Event(), []

    def silent(name: str, known: Any) -> Any:
        asked.append(name)
        assert end.wait(20)
        return known

    monkeypatch.setattr(serving, "_from_rows", silent)
    for name in names:
        with pytest.raises(Unavailable):
            serving.bundle(name)
    threads = [each for each in threading.enumerate() if each.name.startswith("status page")]
    assert len(threads) == serving._MOST_ASKING
    end.set()
    for each in threads:
        each.join(20)
    assert (serving._asking, serving._running) == ({}, [])


@pytest.mark.django_db(transaction=True)
def test_database_silent__one_reader_waits_a_moment_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = Public()
    here.write()
    known = serving.bundle("acme")
    assert known is not None
    monkeypatch.setattr(serving, "FRESH_S", SimpleNamespace(value=-1.0))  # every copy is old
    monkeypatch.setattr(serving, "WAIT_S", SimpleNamespace(value=0.05))
    end, asked = threading.Event(), []

    def silent(name: str, known: Any) -> Any:
        asked.append(name)
        assert end.wait(20)
        return known

    monkeypatch.setattr(serving, "_from_rows", silent)
    assert serving.bundle("acme") is known  # after a moment, though nothing was said
    assert [serving.bundle("acme") for _ in range(20)] == [known] * 20
    assert asked == ["acme"]
    monkeypatch.setattr(serving, "GIVE_UP_S", SimpleNamespace(value=-1.0))
    for _ in range(20):  # another connection is asked, but not one for each reader
        assert serving.bundle("acme") is known
    assert 2 <= len(asked) <= serving._MOST_HANGING + 1
    serving.forget()
    assert serving.bundle("acme") == known  # a process that was just started, from the disk
    end.set()


def test_reading__packed_for_whoever_takes_it_and_each_with_its_tag() -> None:
    here = Public()
    here.write()
    plain = Client().get("/status/acme/")
    zipped = Client().get("/status/acme/", headers={"Accept-Encoding": "br, gzip;q=0.8"})
    assert (zipped["Content-Encoding"], zipped["Vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(zipped.content) == plain.content
    assert zipped["ETag"] != plain["ETag"]
    for accept, status in (("gzip", 304), ("identity", 200), ("gzip;q=0", 200)):
        again = Client().get(
            "/status/acme/",
            headers={"Accept-Encoding": accept, "If-None-Match": zipped["ETag"]},
        )
        assert (again.status_code, "Content-Encoding" in again) == (status, False), accept
    age = f"public, max-age={web.MAX_AGE_S.value}"
    assert zipped["Cache-Control"].startswith(age)


def test_reading__who_is_signed_in_reads_it_too_while_the_database_is_away() -> None:
    here = Public()
    here.write()
    here.read()
    browser = make.client(here.room.admin)
    browser.get("/admin/")

    def away(*_: Any) -> Any:
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(away):
        assert browser.get("/status/acme/").status_code == 200


def test_copy__that_cant_be_removed__keeps_nobody_from_reading(
    settings: Any, tmp_path: Path
) -> None:
    settings.STATE_DIR = tmp_path
    (tmp_path / "status" / "gone.page").mkdir(parents=True)  # unlink fails on a folder
    assert Client().get("/status/gone/").status_code == 404
