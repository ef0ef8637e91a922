"""A reader of Statuspage's JSON against the portal's own page: what it exports is what the page
says."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from controlplane.catalog.models import Component
from incidents.response import updates
from incidents.status import services, serving, writing
from tests import make
from tests.clients.conftest import Install
from tests.kit import catalog as entries
from tests.kit.incidents import Watchroom

pytestmark = [
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.xdist_group("clients"),
]


@pytest.mark.usefixtures("transactional_db")
def test_exporter__reads_components_and_incidents(
    live_server: Any, install: Install, tmp_path: Path, settings: Any
) -> None:
    settings.STATE_DIR = tmp_path
    serving.forget()
    room = Watchroom()
    page = services.create_page(
        room.workspace, actor=make.JOB, slug="acme", title="Acme", is_open=True
    )
    for name in ("Checkout", "Search"):
        Component.objects.create(
            workspace=room.workspace, service=entries.service(room.workspace, name=name),
            slug=name.lower(), name=name, is_public=True,
        )  # fmt: skip
    checkout = Component.objects.get(slug="checkout").service
    updates.post_update(
        room.quiet("sev2", service=checkout), actor=make.JOB, audience="customers",
        kind="initial", subject="Orders fail", text="We look at it.",
    )  # fmt: skip
    writing.write(page)
    folder = install("statuspage-prometheus-exporter")
    told = read(folder, tmp_path, f"{live_server}/status/acme/api/v2/summary.json")
    [incident] = [line for line in told if line.startswith("statuspage_incident_info{")]
    for words in ('impact="major"', 'incident_name="Orders fail"', "Checkout"):
        assert words in incident, incident
    states = {
        name: line.rpartition(" ")[2]
        for name in ("Checkout", "Search")
        for line in told
        if line.startswith("statuspage_component_status{") and f'component_name="{name}"' in line
    }
    assert states["Search"] == "1.0"
    assert states["Checkout"] != "1.0"


def read(folder: Path, tmp: Path, url: str) -> list[str]:
    """One pass of the exporter over our page, and what it would let Prometheus scrape."""
    known, found = tmp / "services.json", tmp / "statuspage.prom"
    known.write_text(json.dumps({"acme": {"url": url, "name": "Acme"}}))
    done = subprocess.run(
        [str(folder / "bin" / "statuspage-prometheus-exporter")],
        cwd=tmp, capture_output=True, text=True, timeout=120, check=False,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp), "RUN_MODE": "once",
             "SERVICES_JSON_PATH": str(known), "METRICS_TEXTFILE_PATH": str(found)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2_000:]
    return found.read_text().splitlines()
