"""Alertmanager, amtool and Prometheus themselves, against the portal as it is run."""

from __future__ import annotations

import http.server
import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from controlplane.access.models import Workspace
from incidents.models import Alert, EscalationRun, Incident, Silence
from tests import make
from tests.kit import alerts as kit
from tests.kit import senders
from tests.kit.senders import Alertmanager, Program, amtool, until
from tests.kit.served import Served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    senders.needs("prometheus-alertmanager", "amtool"),
]
STORM = 10_000


@pytest.fixture
def here(transactional_db: None) -> Workspace:
    return make.workspace()


@pytest.fixture
def portal(here: Workspace, tmp_path: Path) -> Iterator[str]:
    served = Served(tmp_path / "portal.log")
    served.start(CONTROLPLANE_STATE_DIR=str(tmp_path))
    yield served.url
    served.stop()


@pytest.fixture
def sender(here: Workspace, portal: str, tmp_path: Path) -> Iterator[Alertmanager]:
    _, key = kit.source(here)
    _, routing_key = kit.source(here, "pagerduty")
    found = Alertmanager(tmp_path, portal, key, routing_key=routing_key)
    yield found
    found.program.stop()


def _fires(name: str = "HighErrorRate", **labels: str) -> dict[str, Any]:
    return {"labels": {"alertname": name, "severity": "critical", **labels},
            "annotations": {"summary": f"{name} is seen"}}  # fmt: skip


def test_storm__of_ten_thousand_is_one_incident_and_one_call(sender: Alertmanager) -> None:
    sender.fire(_fires(service="agent", instance=f"i{n}") for n in range(STORM))
    until(lambda: Alert.objects.count() == STORM, "every alert is stored")
    incident = Incident.objects.get()
    assert incident.alert_count == STORM
    assert EscalationRun.objects.filter(incident=incident).count() == 1


def test_alert__that_is_over_is_resolved(sender: Alertmanager) -> None:
    fires = _fires(service="agent")
    sender.fire([fires, _fires(service="agent", instance="other")])
    until(lambda: Alert.objects.firing().count() == 2, "both fire")
    sender.fire([{**fires, "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-01T00:01:00Z"}])
    until(lambda: Alert.objects.firing().count() == 1, "one is over")
    assert Alert.objects.get(status="resolved").annotations["summary"]
    assert Incident.objects.get().firing_count == 1


def test_cut_off_group__knows_how_many_were_never_seen(sender: Alertmanager) -> None:
    sender.fire(_fires("Cut", route="trunc", instance=str(n)) for n in range(5))
    until(lambda: Incident.objects.filter(unseen_count=2).exists(), "two were cut off")
    assert Alert.objects.count() == 3


def test_pagerduty_notifier__of_alertmanager_speaks_to_us(sender: Alertmanager) -> None:
    sender.fire([_fires("Paged", route="pd")])
    until(lambda: Alert.objects.filter(source__format="pagerduty").exists(), "it arrived")
    assert Alert.objects.get().labels["num_firing"] == "1"


def test_amtool__adds_looks_and_silences(here: Workspace, portal: str) -> None:
    _, key = kit.source(here, operates=True)
    url = f"{portal}/alerts/{key}"
    amtool(url, "alert", "add", "HighErrorRate", "severity=critical", "service=agent",
           "--annotation=summary=six percent")  # fmt: skip
    assert "six percent" in amtool(url, "alert", "query", "service=agent")
    assert "HighErrorRate" not in amtool(url, "alert", "query", "service=other")
    uid = amtool(
        url, "silence", "add", "service=agent", "-d", "1h", "-a", "Robin", "-c", "known"
    ).strip()
    row = Silence.objects.get(uid=uid)
    assert (row.made_by_name, row.comment, row.origin) == ("Robin", "known", "client")
    assert uid in amtool(url, "silence", "query")
    assert "HighErrorRate" not in amtool(url, "alert", "query")
    silenced = json.loads(amtool(url, "-o", "json", "alert", "query", "--silenced"))
    assert silenced[0]["status"]["state"] == "suppressed"
    amtool(url, "silence", "expire", uid)
    assert uid not in amtool(url, "silence", "query")
    assert "portal" in amtool(url, "config", "show")
    amtool(url, "cluster", "show")


def test_key_that_only_sends__silences_nothing(here: Workspace, portal: str) -> None:
    """The stranger: whoever holds a sender's key."""
    _, key = kit.source(here)
    done = subprocess.run(
        ["amtool", f"--alertmanager.url={portal}/alerts/{key}", "silence", "add", "a=b",
         "-c", "x", "-a", "y"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode != 0
    assert not Silence.objects.exists()


@senders.needs("prometheus", "promtool")
def test_prometheus__speaks_to_us_with_no_alertmanager(
    here: Workspace, portal: str, tmp_path: Path
) -> None:
    _, key = kit.source(here)
    port = senders.free_port()
    rules = {"groups": [{"name": "portal", "interval": "1s", "rules": [
        {"alert": "ServiceDown", "expr": 'up{job="agent"} == 0', "for": "1s",
         "labels": {"severity": "critical", "service": "agent"},
         "annotations": {"summary": "{{ $labels.instance }} is down"}}]}]}  # fmt: skip
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s",
                   "external_labels": {"cluster": "test"}},
        "rule_files": ["rules.yml"],
        "alerting": {"alertmanagers": [{
            "path_prefix": "/alerts", "authorization": {"type": "Bearer", "credentials": key},
            "static_configs": [{"targets": [portal.removeprefix("http://")]}]}]},
        "scrape_configs": [{"job_name": "agent",
                            "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}],
    }  # fmt: skip
    (tmp_path / "rules.yml").write_text(json.dumps(rules))
    (tmp_path / "prom.yml").write_text(json.dumps(config))
    for what, name in (("rules", "rules.yml"), ("config", "prom.yml")):
        checked = subprocess.run(
            ["promtool", "check", what, name], cwd=tmp_path, capture_output=True, check=False
        )
        assert checked.returncode == 0, checked.stderr
    prometheus = Program(
        ["prometheus", "--config.file=prom.yml", f"--storage.tsdb.path={tmp_path / 'tsdb'}",
         f"--web.listen-address=127.0.0.1:{senders.free_port()}",
         "--rules.alert.resend-delay=2s"],
        tmp_path / "prom.log",
    )  # fmt: skip
    try:
        until(lambda: Incident.objects.filter(severity="sev1").exists(), "it opened an incident")
        alert = Alert.objects.get()
        assert (alert.title, alert.labels["cluster"]) == (f"127.0.0.1:{port} is down", "test")
        server = http.server.HTTPServer(("127.0.0.1", port), _Quiet)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        until(lambda: Alert.objects.filter(status="resolved").exists(), "it is over")
        server.shutdown()
        server.server_close()
    finally:
        prometheus.stop()


class _Quiet(http.server.BaseHTTPRequestHandler):
    """Something that is up."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"fine 1\n")

    def log_message(self, *_: object) -> None: ...
