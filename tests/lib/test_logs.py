"""Log lines: the playbooks' fields, redacted, one line a record, whatever is thrown at them."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.lib import context
from controlplane.lib.logs import JsonFormatter, event
from controlplane.lib.redaction import MARK, pseudonym, scan

FIELDS = {
    "timestamp", "level", "service", "env", "correlation_id", "request_id", "tenantId",
    "mission_id", "user_id", "bd_issue", "event", "message", "context", "toolkit", "trace_id",
}  # fmt: skip


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonFormatter())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    @property
    def last(self) -> dict[str, Any]:
        value = json.loads(self.lines[-1])
        assert isinstance(value, dict)
        return value


@pytest.fixture
def handler() -> Lines:
    return Lines()


@pytest.fixture
def logger(handler: Lines) -> logging.Logger:
    logger = logging.Logger("tests.lib.logs", logging.DEBUG)
    logger.addHandler(handler)
    return logger


def test_every_field__is_there_and_null_when_unknown(
    logger: logging.Logger, handler: Lines
) -> None:
    logger.info("hello %s", "world")
    line = handler.last
    assert set(line) >= FIELDS
    assert (line["message"], line["level"], line["env"]) == ("hello world", "INFO", "dev")
    assert [line[name] for name in ("mission_id", "user_id", "bd_issue", "context")] == [None] * 4


@pytest.mark.parametrize(
    ("level", "word"),
    [(5, "DEBUG"), (10, "DEBUG"), (20, "INFO"), (25, "INFO"), (30, "WARN"), (40, "ERROR"),
     (50, "CRITICAL")],
)  # fmt: skip
def test_level__is_one_of_five_words(level: int, word: str, handler: Lines) -> None:
    handler.handle(logging.LogRecord("x", level, "", 0, "m", (), None))
    assert handler.last["level"] == word


def test_timestamp__utc_with_milliseconds(handler: Lines) -> None:
    record = logging.LogRecord("x", 20, "", 0, "m", (), None)
    record.created = 1_760_538_738.4571
    handler.handle(record)
    assert handler.last["timestamp"] == "2025-10-15T14:32:18.457Z"


def test_context__follows_the_work(logger: logging.Logger, handler: Lines) -> None:
    with context.bind(
        request_id="req_1", correlation_id="cor_1", workspace="demo", mission_id="MIS-7",
        user_ref="user:12", bd_issue="BD-9",
    ):  # fmt: skip
        event(logger, "mission.start", "begun", toolkit="gmail")
    line = handler.last
    assert line["event"] == "mission.start"
    assert (line["request_id"], line["correlation_id"], line["tenantId"]) == (
        "req_1",
        "cor_1",
        "demo",
    )
    assert (line["mission_id"], line["bd_issue"]) == ("MIS-7", "BD-9")
    assert line["user_id"] == pseudonym("user:12")
    assert line["context"] == {"toolkit": "gmail"}


def test_event__named_fields_stand_beside_the_message(
    logger: logging.Logger, handler: Lines
) -> None:
    event(logger, "x.y", "100% done %s", level=logging.WARNING, mission_id="MIS-1", n=1)
    line = handler.last
    assert (line["mission_id"], line["level"], line["context"]) == ("MIS-1", "WARN", {"n": 1})
    assert line["message"] == "100% done %s"


def test_secrets__do_not_reach_the_line(logger: logging.Logger, handler: Lines) -> None:
    token = "gh" + "p_" + "a1B2" * 9
    event(
        logger, "call.fail", f"to a.b@example.com with {token}", password="x", data=[{"m": token}]
    )
    try:
        raise RuntimeError(f"refused {token}")
    except RuntimeError:
        logger.exception("failed for %s", "c.d@example.com")
    text = "".join(handler.lines)
    assert token not in text
    assert "example.com" not in text
    assert handler.last["context"]["exception"]["type"] == "RuntimeError"
    assert MARK in handler.last["context"]["exception"]["traceback"]


def test_line_breaks_of_every_kind__stay_inside_the_line(
    logger: logging.Logger, handler: Lines
) -> None:
    logger.info('a\nb\r\nc\u2028d\x85e\x1b[31m\x00"}\n{"level":"FAKE"}')
    assert len(handler.lines[0].splitlines()) == 1
    assert handler.lines[0].isascii()
    assert handler.last["level"] == "INFO"


def test_broken_calls__are_logged_all_the_same(logger: logging.Logger, handler: Lines) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    logger.info("%s and %s", "one")
    assert handler.last["message"] == "%s and %s"
    event(logger, "x", value=Broken(), number=float("nan"), deep={"n": [float("inf")]})
    assert handler.last["context"]["value"] == "<Broken>"
    assert handler.last["context"]["number"] == "nan"
    logger.info("x", extra={"context": "not a mapping"})
    assert handler.last["context"] is None


def test_formatter_that_fails__says_so_and_leaves_the_record_out(
    handler: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(value: Any) -> Any:
        raise RuntimeError("redactor down")

    monkeypatch.setattr(sys.modules["controlplane.lib.logs"], "redact_fresh", failing)
    handler.handle(logging.LogRecord("x", 40, "", 0, "a.b@example.com", (), None))
    assert handler.last["event"] == "log.unformattable"
    assert "example.com" not in handler.lines[-1]


def test_long_traceback__keeps_its_end(logger: logging.Logger, handler: Lines) -> None:
    try:
        raise ValueError("x" * 50 + "\n" + "y " * 20_000 + "\nthe end")
    except ValueError:
        logger.exception("failed")
    assert handler.last["context"]["exception"]["traceback"].endswith("the end\n")


@given(st.recursive(st.none() | st.text() | st.floats() | st.binary(), st.lists, max_leaves=5))
def test_anything__makes_one_json_line(value: Any) -> None:
    handler = Lines()
    record = logging.LogRecord("x", 20, "", 0, value, (), None)
    record.__dict__.update(context={"v": value, "user_id": value}, event=value)
    handler.handle(record)
    assert len(handler.lines[0].splitlines()) == 1
    assert set(handler.last) >= {"timestamp", "level", "message"}


def test_our_own_words__are_not_searched_but_what_others_said_beside_them_is(
    logger: logging.Logger, handler: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    look = scan.hits

    def hits(texts: list[str]) -> list[int]:
        looked.extend(texts)
        return look(texts)

    monkeypatch.setattr(scan, "hits", hits)
    with context.bind(correlation_id="0123456789abcdef" * 2):
        event(logger, "http.request", ours=True, route="/api/v1/threads", status=200)
    assert handler.last["context"] == {"route": "/api/v1/threads", "status": 200}
    assert looked == []
    with context.bind(correlation_id="mail-a.b@example.com"):
        event(logger, "http.request", ours=True, route="/x")
    assert "example.com" not in handler.lines[-1]
    try:
        raise RuntimeError("refused a.b@example.com")
    except RuntimeError as error:
        event(logger, "http.request", ours=True, exc_info=error)
    assert "example.com" not in handler.lines[-1]


def test_secret_in_what_is_no_text__is_hidden_too(logger: logging.Logger, handler: Lines) -> None:
    event(logger, "x", error=ValueError("password=hunter2secret"), many=[ValueError("a@b.example")])
    assert "hunter2" not in str(handler.last)
    assert "b.example" not in str(handler.last)


def test_ids__our_own_are_not_searched_and_those_of_others_are(
    logger: logging.Logger, handler: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    look = scan.hits

    def hits(texts: list[str]) -> list[int]:
        looked.extend(texts)
        return look(texts)

    monkeypatch.setattr(scan, "hits", hits)
    own = context.new_id()
    theirs = "ada.lovelace@example.com"
    with context.bind(request_id=own, correlation_id=theirs):
        event(logger, "ids.seen")
    line = handler.last
    assert (line["request_id"], line["correlation_id"]) == (own, MARK)
    assert own not in looked
    assert theirs in looked
