"""What a bad network and a bad server do to a command: one clear line, and never twice done."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from controlplane.bd import folder as folders
from tests.kit.bd import Bd

OK = b'{"result": {"id": "bd-1", "title": "T", "status": "open", "priority": 2}, "notes": []}'


def answer(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def refusal(status: str, code: str, message: str) -> bytes:
    error = {"code": code, "message": message, "details": {}, "request_id": "r-1"}
    return answer(json.dumps({"error": error}).encode(), status)


class Server:
    """Answers each connection with the next of these bytes; None resets it."""

    def __init__(self, *answers: bytes | None, path: Path | None = None) -> None:
        self.answers = list(answers)
        self.asked: list[bytes] = []
        self._socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self._socket.bind(str(path) if path else ("127.0.0.1", 0))
        self._socket.listen()
        self.url = f"unix://{path}" if path else f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        for each in self.answers:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(20)
                self.asked.append(_request(connection))
                if each is None:
                    linger = struct.pack("ii", 1, 0)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                else:
                    connection.sendall(each)
        # One more call is refused; left open it would wait for an answer until `bd` gives up.
        self._socket.close()

    def end(self) -> None:
        with suppress(OSError):  # wakes a thread that still waits for a connection
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(20)

    def header(self, index: int, name: str) -> str:
        lines = self.asked[index].decode("latin-1").split("\r\n")
        found = [line.partition(": ")[2] for line in lines if line.startswith(f"{name}: ")]
        return found[0] if found else ""


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length: "):
            while len(body) < int(line.partition(b": ")[2]):
                body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


Serve = Callable[..., tuple[Bd, Server]]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    made: list[Server] = []

    def begin(*answers: bytes | None, path: Path | None = None) -> tuple[Bd, Server]:
        server = Server(*answers, path=path)
        made.append(server)
        bd = Bd(tmp_path, url=server.url, key="secret-key")
        folders.connect(str(bd.beads), {"backend": "controlplane", "project_id": "p-1"})
        return bd, server

    yield begin
    for server in made:
        server.end()


def test_reset__a_writing_is_sent_once_more_under_the_same_key(serve: Serve) -> None:
    bd, server = serve(None, answer(OK))
    assert "Created issue: bd-1" in bd.ok("create", "T")
    keys = [server.header(index, "Idempotency-Key") for index in (0, 1)]
    assert keys[0] == keys[1] != ""
    assert bd.beads.joinpath("last-touched").read_text() == "bd-1\n"


def test_first_sending_still_at_work__waits_for_its_answer(serve: Serve) -> None:
    busy = refusal("409 Conflict", "CONFLICT", "Under way.").replace(
        b"\r\n", b"\r\nRetry-After: 0\r\n", 1
    )
    bd, server = serve(None, busy, busy, answer(OK))
    assert "Created issue: bd-1" in bd.ok("create", "T")
    assert len({server.header(index, "Idempotency-Key") for index in range(4)}) == 1


def test_reset_twice__says_that_nobody_knows(serve: Serve) -> None:
    bd, server = serve(None, None, answer(OK))
    out, said = bd.refused("create", "T", "--json")
    assert out == ""
    assert "broke" in said
    assert "look before you try again" in said
    assert len(server.asked) == 2
    assert not bd.beads.joinpath("last-touched").exists()


def test_reading__carries_no_key_and_writes_nothing(serve: Serve) -> None:
    bd, server = serve(answer(b'{"result": [], "notes": ["a note"]}'))
    before = sorted((path.name, path.stat().st_mtime_ns) for path in bd.beads.iterdir())
    stamp = bd.beads.stat().st_mtime_ns
    done = bd.run("list", "--json")
    assert (done.stdout, done.stderr) == (b"[]\n", b"a note\n")
    assert server.header(0, "Idempotency-Key") == ""
    assert server.header(0, "Authorization") == "Bearer secret-key"
    after = sorted((path.name, path.stat().st_mtime_ns) for path in bd.beads.iterdir())
    assert (after, bd.beads.stat().st_mtime_ns) == (before, stamp)


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (refusal("401 Unauthorized", "UNAUTHENTICATED", "The key is unknown."), "this key"),
        (refusal("503 Service Unavailable", "UNAVAILABLE", "Later."), "can't do this now: Later."),
        (refusal("500 Error", "INTERNAL", "Broken."), "(request r-1)"),
        (refusal("429 Too Many", "RATE_LIMITED", "Wait 3 s."), "slow down"),
        (answer(b"<html>", "502 Bad Gateway"), "not ready (status 502)"),
        (answer(b"hello"), "not as the portal does"),
        (answer(b"[]", "404 Not Found"), "status 404"),
        (answer(b"", "302 Found", "Location: https://evil.test/\r\n"), "status 302"),
    ],
)
def test_refusals__one_clear_line_and_exit_1(serve: Serve, sent: bytes, said: str) -> None:
    bd, server = serve(sent)
    out, error = bd.refused("update", "bd-1", "--status", "open", "--json")
    assert out == ""
    assert said in error
    assert len(server.asked) == 1
    assert not bd.beads.joinpath("last-touched").exists()


def test_torn_or_foreign_answers__are_no_answers(serve: Serve) -> None:
    torn = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    bd, _ = serve(torn, torn, b"SSH-2.0-x\r\n\r\n", b"SSH-2.0-x\r\n\r\n")
    for words in ("torn off", "no HTTP server"):
        assert words in bd.refused("list", "--json")[1]


def test_chunks__are_put_together(serve: Serve) -> None:
    parts = [b'{"result": [', b'], "notes": []}']
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    bd, _ = serve(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    assert bd.json("list") == []


def test_unix_socket(serve: Serve, tmp_path: Path) -> None:
    bd, _ = serve(answer(b'{"result": [], "notes": []}'), path=tmp_path / "s")
    assert bd.json("list") == []


@pytest.mark.slow
def test_silence__ends_in_time(serve: Serve, tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        bd = Bd(tmp_path, url=f"http://127.0.0.1:{silent.getsockname()[1]}", key="k")
        folders.connect(str(bd.beads), {"backend": "controlplane", "project_id": "p-1"})
        assert "in time" in bd.refused("list", env={"CONTROLPLANE_TIMEOUT": "1"})[1]


def test_nobody_there__names_the_address(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        bd = Bd(tmp_path, url=url, key="k")
        folders.connect(str(bd.beads), {"backend": "controlplane", "project_id": "p-1"})
        said = bd.refused("close", "bd-1", "--reason", "x", "--json")[1]
        assert f"the portal at {url} can't be reached" in said
        assert "manage.py up" in said


def test_export__torn_off__leaves_the_old_file(serve: Serve) -> None:
    whole = b'{"id":"bd-1"}\n'
    torn = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + whole
    bd, _ = serve(torn, answer(whole + b'{"id":'), answer(whole))
    target = bd.folder / "out.jsonl"
    target.write_text("old\n")
    for _ in range(2):
        assert "torn off" in bd.refused("export", "-o", "out.jsonl")[1]
        assert target.read_text() == "old\n"
    bd.ok("export", "-o", "out.jsonl")
    assert target.read_bytes() == whole
    assert [path.name for path in bd.folder.iterdir() if "tmp" in path.name] == []


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"id":"a"}\n{"id":"\xff"}\n', "line 2: invalid UTF-8"),
        (b'{"id":"a"}\n\n{"id":"b"', "line 3: the last line is torn off"),
    ],
)
def test_import__a_broken_file_is_not_even_sent(serve: Serve, data: bytes, said: str) -> None:
    bd, server = serve()
    (bd.folder / "in.jsonl").write_bytes(data)
    assert said in bd.refused("import", "in.jsonl")[1]
    assert said in bd.refused("import", "-", given=data)[1]
    assert server.asked == []


def test_import__a_large_file_is_sent_packed(serve: Serve) -> None:
    bd, server = serve(answer(b'{"lines":1,"created":1}'), answer(b'{"result":{},"notes":[]}'))
    data = b'{"id":"a","title":"' + b"x" * 400_000 + b'"}\n'
    (bd.folder / "in.jsonl").write_bytes(data)
    bd.ok("import", "in.jsonl")
    assert server.header(0, "Content-Encoding") == "gzip"
    assert gzip.decompress(server.asked[0].partition(b"\r\n\r\n")[2]) == data


def test_import__more_than_the_portal_takes__says_what_to_do(serve: Serve) -> None:
    bd, _ = serve(refusal("413 Payload Too Large", "TOO_LARGE", "Too large."))
    said = bd.refused("import", "-", given=b'{"id":"a","title":"b"}\n')[1]
    assert "nothing was imported" in said
    assert "in parts" in said


def test_text__with_nul_in_a_file__is_named_by_its_flag(serve: Serve) -> None:
    bd, server = serve()
    assert "--description holds" in bd.refused("create", "T", "--stdin", given=b"a\x00")[1]
    assert server.asked == []


def test_arguments__invalid_utf8_is_refused_before_sending(serve: Serve) -> None:
    bd, server = serve()
    assert "invalid UTF-8" in bd.refused("create", b"T\xff")[1]
    assert server.asked == []


def test_readonly__refuses_every_writing_before_sending(serve: Serve) -> None:
    bd, server = serve()
    for argv in (("create", "T"), ("ready", "--claim"), ("dep", "add", "a", "b")):
        out, said = bd.refused("--readonly", *argv, "--json")
        assert out == ""
        assert '"error":"operation' in said
    assert server.asked == []


@pytest.mark.parametrize("argv", ["version", "help", "list --json", "list", "import"])
@pytest.mark.parametrize(
    ("how", "code"), [(">/dev/full", 1), (">&-", 0), ("2>&- >/dev/full", 1), ("<&- >&- 2>&-", 0)]
)
def test_streams_that_take_nothing__end_with_0_or_1(
    serve: Serve, argv: str, how: str, code: int
) -> None:
    bd, _ = serve(answer(b'{"result": [], "notes": ["note"]}'))
    code = 1 if argv == "import" else code
    said = bd.shell(f"bd {argv} {how} && echo 0 || echo $?")
    assert said == f"{code}\n"


# --- Which stream -----------------------------------------------------------------------------

_UNKNOWN = refusal("404 Not Found", "NOT_FOUND", "no issue found")
_TAKEN = refusal("409 Conflict", "CONFLICT", "issue already claimed by kim")
_GUARD = refusal("422 Unprocessable Content", "GATE_NOT_MET", "blocked by open issues")
_OPTION = refusal("400 Bad Request", "INVALID", "invalid priority")


@pytest.mark.parametrize(
    ("argv", "sent", "stream"),
    [
        ("create T -p 9", _OPTION, "stderr"),
        ("list --status x", _OPTION, "stderr"),
        ("ready --sort x", _OPTION, "stderr"),
        ("stale --days 1", _OPTION, "stderr"),
        ("delete x --force", _UNKNOWN, "stderr"),
        ("dep add a b", _TAKEN, "stdout"),
        ("comment a text", _UNKNOWN, "stdout"),
        ("comments a", _UNKNOWN, "stdout"),
        ("label add a b", _UNKNOWN, "stdout"),
        ("show a", _UNKNOWN, "stdout"),
        ("update a -p 9", _OPTION, "stdout"),
        ("update a --claim", _TAKEN, "plain"),
        ("ready --claim", _TAKEN, "plain"),
        ("update a -p 1", _UNKNOWN, "plain"),
        ("close a", _UNKNOWN, "stdout"),
        ("close a --reason x", _GUARD, "plain"),
        ("reopen a", _UNKNOWN, "stdout"),
        ("create T --body-file /nowhere", b"", "stderr"),
        ("create T --due someday", b"", "stderr"),
        ("comment a --file /nowhere", b"", "stdout"),
    ],
)
def test_errors__stand_where_clients_look(
    serve: Serve, argv: str, sent: bytes, stream: str
) -> None:
    bd, _ = serve(sent)
    out, said = bd.refused(*argv.split(), "--json")
    lines = said.splitlines()
    assert lines[0].startswith("Error: "), "people find a sentence on stderr in every case"
    found = {"stdout": out, "stderr": "".join(lines[1:]), "plain": ""}[stream]
    assert (json.loads(found)["schema_version"] if found else 0) == (0 if stream == "plain" else 1)
    assert bool(out) == (stream == "stdout")
