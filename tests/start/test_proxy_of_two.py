"""The proxy in front of two web processes: whoever is free is asked, and whoever is gone is not."""

from __future__ import annotations

import os
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingUnixStreamServer

import pytest

from controlplane.embedded import caddy
from controlplane.embedded.processes import wait_until
from controlplane.embedded.state import State
from tests.start.test_proxy import environment, free_port

pytestmark = pytest.mark.slow


class Answer(StreamRequestHandler):
    """Its own name; to `/held` only once it may."""

    server: Web

    def handle(self) -> None:
        line = self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        if b"/held" in line:
            self.server.holds.set()
            self.server.may_go.wait(20)
        name = self.server.name.encode()
        self.wfile.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\n" + name
        )


class Web(ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path) -> None:
        self.name, self.path = path.stem, path
        self.holds, self.may_go = threading.Event(), threading.Event()
        super().__init__(str(path), Answer)


class Front:
    def __init__(self, port: int, webs: list[Web]) -> None:
        self.port, self.webs = port, webs

    def ask(self, path: str) -> str:
        link = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            link.request("GET", path)
            answer = link.getresponse()
            assert answer.status == 200
            return answer.read().decode()
        finally:
            link.close()


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    state = State.at(tmp_path / "s")
    state.create()
    webs = [Web(state.root / "run" / f"{name}.sock") for name in ("web-1", "web-2")]
    for web in webs:
        threading.Thread(target=web.serve_forever, args=(0.05,), daemon=True).start()
    port = free_port()
    env = environment(state, port, web=("web-1", "web-2"))
    with (state.logs / "proxy.log").open("wb") as log:
        process = subprocess.Popen(caddy.program(env).argv, env=env, stdout=log, stderr=log)
    found = Front(port, webs)
    assert wait_until(lambda: _listens(port), 20)
    yield found
    process.terminate()
    process.wait()
    for web in webs:
        web.may_go.set()
        web.shutdown()
        web.server_close()


def _listens(port: int) -> bool:
    link = HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        link.connect()
    except OSError:
        return False
    finally:
        link.close()
    return True


def test_one_that_is_busy__is_spared(front: Front) -> None:
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(front.ask, "/held")
        assert wait_until(lambda: any(web.holds.is_set() for web in front.webs), 20)
        busy = next(web for web in front.webs if web.holds.is_set())
        answered = Counter(front.ask("/quick") for _ in range(20))
        busy.may_go.set()
        assert held.result() == busy.name
    assert answered == {web.name: 20 for web in front.webs if web is not busy}


def test_one_that_is_gone__costs_nobody_an_answer(front: Front) -> None:
    gone, left = front.webs
    os.rename(gone.path, gone.path.with_suffix(".away"))
    assert {front.ask("/quick") for _ in range(20)} == {left.name}
