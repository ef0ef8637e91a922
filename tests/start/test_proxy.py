"""The proxy: one file for a laptop and for production, and what reaches the processes behind."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer
from typing import Any
from urllib.parse import parse_qsl

import pytest

from controlplane.embedded import caddy
from controlplane.embedded.caddy import CADDYFILE
from controlplane.embedded.processes import wait_until
from controlplane.embedded.state import State

PRODUCTION = {
    "PATH": "/usr/bin:/bin",
    "CONTROLPLANE_SITE": "portal.example.org",
    "CONTROLPLANE_PROXY_STORAGE": "/tmp/unused",
}


def adapted(env: Mapping[str, str]) -> dict[str, Any]:
    argv = [str(caddy.find_binary()), "adapt", "--config", str(caddy.CADDYFILE)]
    done = subprocess.run(
        [*argv, "--adapter", "caddyfile"], env=dict(env), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "not formatted" not in done.stderr
    config: dict[str, Any] = json.loads(done.stdout)
    return config


def server_of(config: dict[str, Any]) -> dict[str, Any]:
    servers = config["apps"]["http"]["servers"]
    server: dict[str, Any] = next(s for s in servers.values() if s.get("routes"))
    return server


def environment(
    state: State, port: int, *, tls: bool = False, web: Sequence[str] = ("web",)
) -> dict[str, str]:
    run = state.root / "run"
    return caddy.environment(
        state,
        bind="127.0.0.1",
        port=port,
        web=[run / f"{name}.sock" for name in web],
        stream=run / "stream.sock",
        static=state.root / "static",
        tls=tls,
    )


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State.at(tmp_path / "s")
    made.create()
    return made


@pytest.mark.parametrize("tls", [False, True])
def test_caddyfile__embedded__is_valid(state: State, tls: bool) -> None:
    assert caddy.validate(environment(state, 8123, tls=tls)) == ""


def test_caddyfile__folder_with_a_space__is_one_path(tmp_path: Path) -> None:
    made = State.at(tmp_path / "my portal")
    made.create()
    env = environment(made, 8123, web=("web-1", "web-2"))
    assert caddy.validate(env) == ""
    config = adapted(env)
    said = json.dumps(config)
    for part in ("run/web-1.sock", "run/web-2.sock", "run/stream.sock", "static", "proxy"):
        assert f'{made.root / part}"' in said
    assert config["storage"]["root"] == str(made.root / "proxy")


def test_caddyfile__production__tls_1_3_only_and_no_control_port() -> None:
    config = adapted(PRODUCTION)
    server = server_of(config)
    assert config["admin"]["disabled"] is True
    assert server["tls_connection_policies"][0]["protocol_min"] == "tls1.3"
    assert any(address.endswith(":443") for address in server["listen"])
    assert server["read_header_timeout"] == 10_000_000_000
    assert server["read_timeout"] == 30_000_000_000
    assert "max-age=31536000" in json.dumps(server)


def test_caddyfile__local_authority__tls_1_3_too(state: State) -> None:
    server = server_of(adapted(environment(state, 8443, tls=True)))
    assert server["tls_connection_policies"][0]["protocol_min"] == "tls1.3"
    assert server["listen"] == ["127.0.0.1:8443"]
    assert '"delete": ["Strict-Transport-Security"]' in json.dumps(server)


# --- Through a running one ----------------------------------------------------------------------


class Echo(StreamRequestHandler):
    """Answers with its own name and the headers that came, once the whole request is there."""

    def handle(self) -> None:
        lines = []
        while line := self.rfile.readline().strip():
            lines.append(line.decode())
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in lines[1:])}
        body = self.rfile.read(int(headers.get("content-length", 0)))
        said = {
            "name": self.server.name,  # type: ignore[attr-defined]
            "line": lines[0],
            "headers": headers,
            "length": len(body),
        }
        content = json.dumps(said).encode()
        self.wfile.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(content)
            + content
        )


class Upstream(ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self.seen = 0
        super().__init__(str(path), Echo)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is part of these tests."""

    def verify_request(self, request: Any, client_address: Any) -> bool:
        self.seen += 1
        return True


@dataclass
class Front:
    port: int
    state: State
    web: Upstream

    def ask(
        self, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            names = {name.replace("__", "-"): value for name, value in headers.items()}
            connection.request(method, path, body=body, headers=names)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        try:
            said = json.loads(content)
        except ValueError:
            said = content
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, said


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    state = State.at(tmp_path_factory.mktemp("px") / "s")
    state.create()
    static = state.root / "static"
    static.mkdir()
    (static / "console.0123456789ab.css").write_text("a{}")
    (static / "plain.txt").write_text("plain")
    port = free_port()
    upstreams = [Upstream(state.root / "run" / f"{n}.sock", n) for n in ("web", "stream")]
    for upstream in upstreams:
        threading.Thread(target=upstream.serve_forever, args=(0.05,), daemon=True).start()
    env = environment(state, port)
    argv = caddy.program(env).argv
    with (state.logs / "proxy.log").open("wb") as log:
        process = subprocess.Popen(argv, env=env, stdout=log, stderr=log)

    def listening() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    assert wait_until(listening, 20)
    yield Front(port, state, upstreams[0])
    process.terminate()
    process.wait()
    for upstream in upstreams:
        upstream.shutdown()
        upstream.server_close()


WAYS: list[tuple[str, str | None, str]] = [
    ("/admin/", "", "web"),
    ("/api/v1/work?page=2", "", "web"),
    ("/api/v1/work?wait=20", "", "stream"),
    ("/api/v1/work?page=2&wait=20", "", "stream"),
    ("/stream/home", "", "stream"),
    ("/unleash/api/client/streaming", "", "stream"),
    ("/unleash/api/client/features", "", "web"),
    ("/streamers", "", "web"),
    ("/mcp", "subscriptions/listen", "stream"),
    ("/mcp", "tools/call", "web"),
    ("/mcp", "tools/call inbox", "web"),
    ("/mcp", "tools/call read_messages", "stream"),
    ("/mcp", None, "stream"),  # revisions that say nothing in headers
    ("/mcp/", None, "stream"),
    ("/mcpx", None, "web"),
    ("/api/v1/work", None, "web"),
]


@pytest.mark.parametrize(("path", "mcp", "name"), WAYS)
def test_routes__what_waits__goes_to_the_stream(
    front: Front, path: str, mcp: str | None, name: str
) -> None:
    headers: Any = {}
    if mcp is not None:
        method, _, tool = mcp.partition(" ")
        headers = {"Mcp__Method": method, "Mcp__Name": tool}
    status, _, said = front.ask(path, **headers)
    assert status == 200
    assert said["name"] == name
    assert said["line"] == f"GET {path} HTTP/1.1"


def test_routes__of_the_other_proxy__are_the_same() -> None:
    """nginx isn't here: its map is read as it reads it, and asked."""
    text = (CADDYFILE.parent / "nginx.conf").read_text()
    asked, body = re.findall(r'map "([^"]+)" \$controlplane_upstream \{(.*?)\n    \}', text, re.S)[
        0
    ]
    ways = re.findall(r'"~(.+?)"\s+controlplane_(\w+);', body)
    assert asked == "$arg_wait|$http_mcp_method|$http_mcp_name|$uri"
    (open_ended,) = re.findall(
        r"location ~ (\S+) \{\s+proxy_pass http://controlplane_stream;", text
    )
    for path, mcp, name in WAYS:
        uri, _, query = path.partition("?")
        wait = dict(parse_qsl(query)).get("wait", "")
        method, _, tool = (mcp or "").partition(" ")
        said = f"{wait}|{method}|{tool}|{uri}"
        found = next((where for pattern, where in ways if re.search(pattern, said)), "web")
        found = "stream" if re.search(open_ended, uri) else found
        assert found == name, (path, mcp)


def test_headers__forged_ones__never_arrive(front: Front) -> None:
    _, _, said = front.ask(
        "/",
        X__Forwarded__For="6.6.6.6",
        X__Forwarded__Proto="https",
        X__Forwarded__Host="evil.example",
        X__Real__Ip="6.6.6.6",
        Forwarded="for=6.6.6.6",
        X_Forwarded_For="6.6.6.6",
        X_Forwarded_Proto="https",
        Mcp_Method="x",
    )
    headers = said["headers"]
    assert "6.6.6.6" not in json.dumps(headers)
    assert "evil.example" not in json.dumps(headers)
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert not [name for name in headers if "_" in name]


def test_headers__host_reaches_the_portal_as_it_was_asked(front: Front) -> None:
    _, _, said = front.ask("/", Host="portal.internal:99")
    assert said["headers"]["host"] == "portal.internal:99"


def test_request_id__given_is_kept__missing_is_made(front: Front) -> None:
    _, _, said = front.ask("/", X__Request__ID="abc-123")
    assert said["headers"]["x-request-id"] == "abc-123"
    made = {front.ask("/")[2]["headers"]["x-request-id"] for _ in range(2)}
    assert len(made) == 2
    assert all(len(value) == 36 for value in made)


def test_static__served_with_its_age__never_by_the_portal(front: Front) -> None:
    before = front.web.seen
    status, headers, _ = front.ask("/static/console.0123456789ab.css")
    assert (status, headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
    status, headers, said = front.ask("/static/plain.txt")
    assert (status, headers["cache-control"], said) == (200, "public, max-age=3600", b"plain")
    for path in ("/static/", "/static/missing.css"):
        assert front.ask(path)[0] in (400, 404)
    assert front.web.seen == before


def test_static__path_that_climbs_out__is_a_question_for_the_portal(front: Front) -> None:
    (front.state.root / "secrets.env").write_text("SECRET")
    for path in (
        "../secrets.env",
        "%2e%2e/secrets.env",
        "%2e%2e%2fsecrets.env",
        "..%2fsecrets.env",
    ):
        path = f"/static/{path}"
        status, _, said = front.ask(path)
        assert status in (400, 404) or said["name"] == "web"


def test_body__too_large__is_refused_in_the_portals_words(front: Front) -> None:
    status, _, said = front.ask("/api/v1/work", method="POST", body=b"x" * 16_500_000)
    assert status == 413
    assert said["error"]["code"] == "TOO_LARGE"


def test_storm_of_alerts__is_larger_than_other_bodies(front: Front) -> None:
    _, _, said = front.ask("/api/v1/alerts/alertmanager", method="POST", body=b"x" * 20_000_000)
    assert said["length"] == 20_000_000
    status, _, _ = front.ask("/alerts/api/v2/alerts", method="POST", body=b"x" * 34_000_000)
    assert status == 413


def test_body__whole__arrives_with_its_length(front: Front) -> None:
    _, _, said = front.ask("/api/v1/work", method="POST", body=b"x" * 300_000)
    assert said["length"] == 300_000


def test_slow_clients__never_reach_a_worker(front: Front) -> None:
    """Bodies that come byte by byte wait in the proxy; others are served meanwhile."""
    before = front.web.seen
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nabc"
    slow = []
    for _ in range(100):
        client = socket.create_connection(("127.0.0.1", front.port), timeout=10)
        client.sendall(head)
        slow.append(client)
    try:
        for _ in range(6):
            assert front.ask("/health")[0] == 200
        for client in slow:
            client.sendall(b"d")
        assert front.web.seen == before + 6
    finally:
        for client in slow:
            client.close()


@pytest.mark.slow
def test_process_behind_it_down__answers_503_and_when_to_come_back(
    tmp_path: Path, front: Front
) -> None:
    path = front.state.root / "run" / "web.sock"
    hidden = path.with_suffix(".away")
    os.rename(path, hidden)
    try:
        status, headers, said = front.ask("/")
    finally:
        os.rename(hidden, path)
    assert (status, headers["retry-after"]) == (503, "2")
    assert said["error"]["code"] == "UNAVAILABLE"
    assert headers["content-type"] == "application/json"
