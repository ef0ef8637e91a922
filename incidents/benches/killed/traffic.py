"""Senders that repeat what was not taken, and a mail server that counts what it was given."""

from __future__ import annotations

import http.client
import json
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from email.parser import BytesHeaderParser
from queue import Empty, SimpleQueue
from typing import Any

PAUSE_S = 0.4
# Between a mail that is taken and the answer that says so: who is killed in it can't know.
ANSWER_S = 0.5
GIVE_UP_S = 180.0
_HOST = "127.0.0.1"


class Mails(socketserver.ThreadingTCPServer):
    """As much of SMTP as a portal speaks. A mail counts when it was promised: with the answer to
    its last line. `away`: it takes nothing, as a server that is being restarted."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256

    def __init__(self, answer_s: float = ANSWER_S) -> None:
        super().__init__((_HOST, 0), _Mail)
        self.answer_s = answer_s
        self.taken: Counter[tuple[str, str]] = Counter()  # what must not repeat, to whom
        self.other: Counter[str] = Counter()  # subjects of what is no news of the portal's rows
        self.away = threading.Event()
        self._lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def take(self, body: bytes, to: Iterable[str]) -> None:
        headers = BytesHeaderParser().parsebytes(body)
        key = headers.get("X-Idempotency-Key")
        with self._lock:
            if not key:
                self.other[str(headers.get("Subject", ""))] += 1
                return
            for each in to:
                self.taken[str(key), each.lower()] += 1


class _Mail(socketserver.StreamRequestHandler):
    server: Mails

    def handle(self) -> None:
        try:
            self._speak()
        except OSError:
            return  # the portal's process was killed in the middle

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def _speak(self) -> None:
        if self.server.away.is_set():
            self._say("421 come back later")
            return
        self._say("220 here")
        to: list[str] = []
        while line := self.rfile.readline(4_096):
            word = line[:4].upper()
            if word == b"RCPT":
                to.append(line.decode(errors="replace").partition("<")[2].partition(">")[0])
            if word == b"DATA":
                self._say("354 go on")
                self.server.take(self._body(), to)
                to = []
                time.sleep(self.server.answer_s)
            if word == b"QUIT":
                self._say("221 bye")
                return
            self._say("250 well")

    def _body(self) -> bytes:
        found = []
        while (line := self.rfile.readline(65_536)) not in {b".\r\n", b""}:
            found.append(line)
        if line == b"":
            raise ConnectionResetError("the mail was not finished")
        return b"".join(found)


class Senders:
    """Several at once. What is answered with 2xx is accepted; anything else is sent again, for
    that is what an Alertmanager does with 5xx and with a connection that fails."""

    def __init__(self, port: int, key: str, many: int = 4) -> None:
        self.port, self.key = port, key
        self.accepted: dict[str, int] = {}  # name -> how many alerts its message held
        self.refused: Counter[str] = Counter()
        self.given_up: list[str] = []
        self._queue: SimpleQueue[tuple[str, list[dict[str, Any]]]] = SimpleQueue()
        self._lock = threading.Lock()
        self._open = 0
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(many)]
        for thread in self._threads:
            thread.start()

    def send(self, name: str, alerts: list[dict[str, Any]]) -> None:
        with self._lock:
            self._open += 1
        self._queue.put((name, alerts))

    @property
    def waiting(self) -> int:
        return self._open

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                name, alerts = self._queue.get(timeout=0.2)
            except Empty:
                continue
            taken = self._until_taken(alerts)
            with self._lock:
                self._open -= 1
                if taken:
                    self.accepted[name] = len(alerts)
                else:
                    self.given_up.append(name)

    def _until_taken(self, alerts: list[dict[str, Any]]) -> bool:
        body = json.dumps({"version": "4", "status": "firing", "alerts": alerts}).encode()
        end = time.monotonic() + GIVE_UP_S
        while time.monotonic() < end and not self._stop.is_set():
            said = self._once(body)
            if said.startswith("2"):
                return True
            with self._lock:
                self.refused[said] += 1
            time.sleep(PAUSE_S)
        return False

    def _once(self, body: bytes) -> str:
        asked = http.client.HTTPConnection(_HOST, self.port, timeout=10)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.key}"}
        try:
            asked.request("POST", "/api/v1/alerts/alertmanager", body, headers)
            answer = asked.getresponse()
            answer.read(65_536)
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            asked.close()
        return str(answer.status)


def alert(name: str, number: int = 0, severity: str = "critical") -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": name, "severity": severity, "instance": f"i{number}"},
        "annotations": {"summary": f"{name} is seen on i{number}"},
        "startsAt": "2026-01-01T00:00:00Z",
    }


class Looking:
    """Asks again and again what is not well, and keeps the words."""

    def __init__(self, ask: Callable[[], Iterable[str]], every_s: float = 1.0) -> None:
        self.said: Counter[str] = Counter()
        self._ask, self._every = ask, every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self.said.update(self._ask())

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(15)
