"""PyPI's senders of alerts against the portal as it is run: pagerduty over TLS, cloudevents,
apprise; and bodies that come in chunks."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.access.models import Workspace
from incidents.models import Alert, InboundEvent, Incident
from tests import make
from tests.clients.conftest import Install
from tests.kit import alerts as kit
from tests.kit.served import Served

DRIVER = Path(__file__).parent / "drivers" / "pagers.py"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("clients"),
]


class Forwarder:
    """Ends TLS before the portal, as a proxy does: bytes in, bytes out."""

    def __init__(self, folder: Path, port: int) -> None:
        self.certificate, key = folder / "tls.pem", folder / "tls.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", str(key), "-out", str(self.certificate)],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.certificate, key)
        self.portal = ("127.0.0.1", port)
        self.door = socket.create_server(("127.0.0.1", 0))
        self.url = f"https://localhost:{self.door.getsockname()[1]}"
        threading.Thread(target=self._enter, daemon=True).start()

    def _enter(self) -> None:
        while True:
            try:
                bare, _ = self.door.accept()
            except OSError:
                return  # the door is closed
            threading.Thread(target=self._carry, args=(bare,), daemon=True).start()

    def _carry(self, bare: socket.socket) -> None:
        try:
            with (
                self.context.wrap_socket(bare, server_side=True) as caller,
                socket.create_connection(self.portal) as portal,
            ):
                back = threading.Thread(target=_pour, args=(portal, caller), daemon=True)
                back.start()
                _pour(caller, portal)
                back.join(30)
        except OSError:
            return  # who called has hung up

    def close(self) -> None:
        self.door.close()


def _pour(one: socket.socket, other: socket.socket) -> None:
    try:
        while piece := one.recv(65_536):
            other.sendall(piece)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        return


class Senders:
    """The clients in their own environment, and the portal they speak to."""

    def __init__(self, folder: Path, tmp: Path, workspace: Workspace) -> None:
        self.python, self.tmp, self.workspace = folder / "bin" / "python", tmp, workspace
        self.served = Served(tmp / "portal.log")
        self.served.start(CONTROLPLANE_STATE_DIR=str(tmp))

    def run(self, what: str, key: str, url: str = "", **env: str) -> Any:
        done = subprocess.run(
            [str(self.python), str(DRIVER), what, url or self.served.url, key],
            capture_output=True, text=True, timeout=120, check=False,
            env={"PATH": os.environ["PATH"], "HOME": str(self.tmp), **env},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2_000:]
        return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def senders(transactional_db: None, install: Install, tmp_path: Path) -> Iterator[Senders]:
    found = Senders(install("pagerduty"), tmp_path, make.workspace())
    yield found
    found.served.stop()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl for a certificate")
def test_pagerduty__triggers_acknowledges_and_resolves_over_tls(
    senders: Senders, tmp_path: Path
) -> None:
    _, key = kit.source(senders.workspace, "pagerduty")
    door = Forwarder(tmp_path, senders.served.port)
    try:
        given = {"SSL_CERT_FILE": str(door.certificate)}
        named, unnamed = senders.run("pagerduty", key, door.url, **given)
        said = senders.run("refused", "0" * 32, door.url, **given)
    finally:
        door.close()
    assert named == "storm-1"
    first = Alert.objects.get(dedup_key="storm-1")
    assert (first.status, first.title) == ("resolved", "Missions fail")
    second = Alert.objects.get(dedup_key=unnamed)
    assert (second.status, second.severity) == ("firing", "warning")
    assert Incident.objects.filter(first_acknowledged_at__isnull=False).exists()
    assert InboundEvent.objects.filter(form="change", state="done").exists()
    assert said, "the stranger's key is refused, and the client says so"


def test_cloudevents__binary_and_structured_fire_and_end(senders: Senders) -> None:
    _, key = kit.source(senders.workspace, "cloudevents")
    assert senders.run("cloudevents", key) == [202] * 4
    rows = {row.labels["component"]: row for row in Alert.objects.all()}
    assert set(rows) == {"binary ü", "structured ü"}
    assert {row.status for row in rows.values()} == {"resolved"}
    assert rows["binary ü"].title == "Missions fail, binary"


def test_apprise__and_chunks(senders: Senders) -> None:
    _, generic = kit.source(senders.workspace, "generic")
    assert senders.run("apprise", generic) is True
    alert = Alert.objects.get()
    assert (alert.title, alert.description) == ("Disk is full", "/var has 1 % left")
    _, key = kit.source(senders.workspace)
    status, told = senders.run("chunked", key)
    assert (status, told["received"], told["new"]) == (202, 1, 1), told
    assert Alert.objects.filter(labels__alertname="Chunked").count() == 1
