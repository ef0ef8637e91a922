"""`manage.py redact`, as a process: a filter that streams, needs no database and survives bytes."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from controlplane.console.management.commands.redact import redact_stream
from controlplane.lib.redaction import CAP, MARK, TRUNCATED

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "-----BEGIN OPENSSH PRI" + "VATE KEY-----", "-----END OPENSSH PRI" + "VATE KEY-----"


def run(text: bytes, *, json_lines: bool = False) -> bytes:
    target = io.BytesIO()
    redact_stream(io.BytesIO(text), target, json_lines=json_lines)
    return target.getvalue()


@pytest.mark.slow
def test_process__answers_each_line_before_the_next_is_sent() -> None:
    environment = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "manage.py"), "redact"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**environment, "CONTROLPLANE_NO_BOOTSTRAP": "1"},
        cwd=ROOT,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for _ in range(2):
            process.stdin.write(b"from a.b@example.com\n")
            process.stdin.flush()
            assert process.stdout.readline() == f"from {MARK}\n".encode()
        process.stdin.close()
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.stdin.close()
        process.stdout.close()
        process.wait()


def test_lines__keep_their_breaks_and_their_odd_bytes() -> None:
    text = b"a\r\n\n\xff\xfe a.b@example.com \xc3\n\tlast a.b@example.com"
    mark = MARK.encode()
    assert run(text) == b"a\r\n\n\xff\xfe " + mark + b" \xc3\n\tlast " + mark


def test_private_key__across_lines_is_gone_and_what_follows_is_there() -> None:
    body = "".join(f"b3BlbnNzaC1rZXktdjE{n}\n" for n in range(5))
    result = run(f"start\n{BEGIN}\n{body}{END}\nafter\n".encode()).decode()
    assert result == f"start\n{MARK}\n" + f"{MARK}\n" * 6 + "after\n"


def test_private_key__without_an_end_hides_no_prose() -> None:
    result = run(f"{BEGIN}\nb3BlbnNz\nthe file was torn here\nand goes on\n".encode()).decode()
    assert result == f"{MARK}\n{MARK}\nthe file was torn here\nand goes on\n"


def test_json_record__keeps_its_spelling_when_its_text_suffices() -> None:
    line = '{"a":1.50,  "email": "a.b@example.com", "é": "\\u00e9"}\n'
    assert run(line.encode()).decode() == line.replace("a.b@example.com", MARK)
    clean = '[1,  2.0, {"stage":"define"}]\n'
    assert run(clean.encode()).decode() == clean


def test_json_record__escaped_name_does_not_help() -> None:
    result = json.loads(run(b'{"pass\\u0077ord": "zz", "n": 1}\n'))
    assert result == {"password": MARK, "n": 1}


def test_json_lines__one_value_in_one_value_out() -> None:
    values = ["plain", "to a.b@example.com", "tab\tand \u2028 break", {"password": "x"}, 5, ""]
    text = "\n".join(json.dumps(value) for value in values) + "\n\nnot json a.b@example.com\n"
    lines = run(text.encode(), json_lines=True).decode().split("\n")
    assert [json.loads(line) for line in lines if line] == [
        "plain",
        f"to {MARK}",
        "tab\tand \u2028 break",
        {"password": MARK},
        5,
        "",
        f"not json {MARK}",
    ]
    assert len(lines) == 9


def test_endless_line__is_cut_and_the_next_one_is_read() -> None:
    result = run(b"x" * 20_000_000 + b"\nnext\n")
    first, second, _ = result.split(b"\n")
    assert first.decode().endswith(TRUNCATED)
    assert len(first) <= CAP
    assert second == b"next"
