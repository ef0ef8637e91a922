"""Ours beside the bridge in TypeScript whose rollout the playbook describes: the same clients, the
same words, in turns within one run.

It is given as a checkout that is installed and built, and runs as it starts itself, under the
`node` of the path. Its database stands beside the measured one; its tokens are signed here.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from django.db import connection

from controlplane.base.bench import Row
from controlplane.lib import clock
from missions.threads.benches import compared
from missions.threads.benches.compared import Found
from missions.threads.benches.crowd import Crowd, Speaker
from missions.threads.benches.driving import OURS, Ask, Client, Link, Talk, drive
from missions.threads.benches.serving import Server, until
from missions.threads.benches.talking import ROUNDS

NAME = "the original"
_WORKSPACE, _ISSUER, _AUDIENCE = "wk_bench", "https://issuer.bench", "bench"
_MAIN, _MIGRATE = "apps/bridge-api/dist/main.js", "packages/db/dist/migrate.js"
_SAY, _READ = "/v1/mcp/post_message", "/v1/mcp/read_messages"


class Theirs(Client):
    """The same over its calls. What it refuses counts as an error, as ours would."""

    def _say(self, body: dict[str, Any]) -> Ask:
        return self._call(self.writer, _SAY, self.speaker.key, body)

    def _look(self, limit: int, after: int = 0) -> Ask:
        asked = {"since_seq": after, "limit": limit}
        return self._call(self.reader, _READ, self.speaker.reader, asked)

    def _call(self, link: Link, path: str, key: str, body: dict[str, Any]) -> Ask:
        said = {"thread_id": self.speaker.thread, **body}
        return Ask(link, "POST", path, key, json.dumps(said).encode())


def beside(path: str, ours: Server, crowd: Crowd, seconds: float) -> Iterator[Row]:
    """Rows with ratios; one that says why where there is nothing to measure against."""
    lacking = _lacking(path)
    if lacking:
        yield Row(f"{NAME}: not measured", 0.0, "", note=lacking)
        return
    signer = Signer()
    with signer.published() as keys, _database() as database, _running(path, keys, database) as it:
        own, shared = _speakers(it, signer, len(crowd.own))
        clients = len(own)
        ways = {
            "1 client": (crowd.own[:1], own[:1]),
            f"{clients} clients, own threads": (crowd.own, own),
            f"{clients} clients, one thread": (crowd.shared, shared),
        }
        for name, pair in ways.items():
            both = _in_turns(ours, it, pair, Client.post, seconds)
            yield from compared.posts(f"{name} (beside {NAME})", *both, baseline=NAME)
            both = _in_turns(ours, it, pair, Client.post_and_read, seconds)
            yield from compared.pairs(f"{name} (beside {NAME})", *both, baseline=NAME)


def _lacking(path: str) -> str:
    if not path:
        return "no checkout was named; --original PATH names one"
    if shutil.which("node") is None:
        return "there is no node on the path"
    gone = [each for each in (_MAIN, _MIGRATE) if not (Path(path) / each).is_file()]
    return f"not built: {', '.join(gone)} is not there" if gone else ""


def _in_turns(
    ours: Server,
    theirs: Server,
    speakers: tuple[Sequence[Speaker], Sequence[Speaker]],
    work: Callable[[Client], Talk[Any]],
    seconds: float,
) -> tuple[Found, Found]:
    here, there = Found(), Found()
    for _ in range(ROUNDS):
        here.add(drive(ours, OURS, speakers[0], work, seconds / ROUNDS))
        there.add(drive(theirs, "", speakers[1], work, seconds / ROUNDS, Theirs))
    return here, there


def _speakers(server: Server, signer: Signer, count: int) -> tuple[list[Speaker], list[Speaker]]:
    """As many as ours: each in a thread of two, and all in one."""
    writers = [f"writer-{n}" for n in range(count)]
    readers = [f"reader-{n}" for n in range(count)]
    link, lead = Link(server.port), signer.token("lead", "coordinator")

    def begin(title: str, agents: list[str]) -> str:
        asked = {
            "workspace_id": _WORKSPACE, "title": title, "type": "conversation",
            "participants": agents,
        }  # fmt: skip
        status, answer = link.ask("POST", "/v1/mcp/create_thread", lead, json.dumps(asked).encode())
        if status != 200:
            raise RuntimeError(f"{NAME} began no thread: {status} {answer[:200]!r}")
        return str(json.loads(answer)["thread_id"])

    tokens = {name: signer.token(name, "participant") for name in (*writers, *readers)}
    pairs = list(zip(writers, readers, strict=True))
    own = [
        Speaker(tokens[one], tokens[other], begin(f"Work {n}", [one, other]))
        for n, (one, other) in enumerate(pairs)
    ]
    together = begin("All of them", writers)
    following = [*writers[1:], writers[0]]
    shared = [
        Speaker(tokens[one], tokens[other], together)
        for one, other in zip(writers, following, strict=True)
    ]
    link.close()
    return own, shared


class Signer:
    """Stands for the issuer of its tokens."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        public = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self._key.public_key()))
        self._keys = {"keys": [{**public, "kid": "bench", "alg": "ES256", "use": "sig"}]}

    def token(self, agent: str, role: str) -> str:
        at = int(clock.now().timestamp())
        claims = {
            "agent_id": agent, "workspace_id": _WORKSPACE, "role": role, "session_id": f"s-{agent}",
            "iss": _ISSUER, "aud": _AUDIENCE, "iat": at - 60, "exp": at + 7_200, "jti": agent,
        }  # fmt: skip
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": "bench"})

    @contextmanager
    def published(self) -> Iterator[str]:
        """The address of its public keys."""
        text = json.dumps(self._keys).encode()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, format: str, *args: Any) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/keys.json"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


@contextmanager
def _database() -> Iterator[str]:
    """A database of its own on the same server."""
    name = f"{connection.settings_dict['NAME']}_original"
    quoted = connection.ops.quote_name(name)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {quoted}")
    try:
        yield name
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {quoted} WITH (FORCE)")


def _address(database: str) -> str:
    """As its driver writes it: the folder of a socket stands in the query."""
    connection.ensure_connection()
    about = connection.connection.info
    host, port, who = about.host, str(about.port or ""), quote(about.user, safe="")
    if about.password:
        who += ":" + quote(about.password, safe="")
    at = "localhost" if host.startswith("/") else host or "localhost"
    query = "?" + urlencode({"host": host}) if host.startswith("/") else ""
    return f"postgresql://{who}@{at}{':' + port if port else ''}/{quote(database)}{query}"


@contextmanager
def _running(path: str, keys: str, database: str) -> Iterator[Server]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    env = {
        "PATH": os.environ["PATH"], "NODE_ENV": "production", "LOG_LEVEL": "info",
        "DATABASE_URL": _address(database), "WORKSPACE_ID": _WORKSPACE,
        "AUTH_JWKS_URL": keys, "AUTH_ISSUER": _ISSUER, "AUTH_AUDIENCE": _AUDIENCE,
        "API_HOST": "127.0.0.1", "API_PORT": str(port),
    }  # fmt: skip
    where: Any = {"cwd": path, "env": env, "stdout": subprocess.DEVNULL}
    node = str(shutil.which("node"))
    subprocess.run([node, _MIGRATE], check=True, timeout=120, **where)  # noqa: S603
    with subprocess.Popen([node, _MAIN], stderr=subprocess.DEVNULL, **where) as running:  # noqa: S603
        try:
            until(lambda: _answers(port), NAME, running)
            yield Server(port, running.pid, database)
        finally:
            running.terminate()


def _answers(port: int) -> bool:
    link = Link(port)
    try:
        return link.ask("GET", "/health", "")[0] == 200
    except OSError:
        return False
    finally:
        link.close()
