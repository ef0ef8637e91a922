"""The script that servers run, against the portal: it tells of who comes, and keeps nobody out."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from controlplane.audit.models import AuditEvent
from deployments import servers
from tests import make
from tests.kit.source import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl"),
]
SCRIPT = ROOT / "docs" / "examples" / "server_visit.sh"


def entered(told: Path, kind: str) -> None:
    env = {"PATH": os.environ["PATH"], "PAM_USER": "ada.reyes", "PAM_TYPE": kind}
    subprocess.run([SCRIPT, told], env=env, check=True, timeout=60)


def test_the_script_of_a_server__tells_it(
    transactional_db: None, live_server: Any, settings: Any, tmp_path: Path
) -> None:
    settings.PUBLIC_URL = live_server.url
    workspace = make.workspace()
    _, secret = make.key(make.agent(workspace, role=""), scopes=["server.report"])
    person = make.person(workspace, "engineering_lead", email="ada.reyes@example.org")
    told = tmp_path / "portal"
    told.write_text(f"PORTAL={live_server.url}\nPORTAL_KEY={secret}\nMAIL=example.org\n")
    for kind in ("open_session", "close_session"):
        entered(told, kind)
    row = AuditEvent.objects.get(workspace_id=workspace.pk, action=servers.ACTION)
    assert person.name in row.subject_label
    assert row.details is not None
    assert row.details["account"] == "ada.reyes"


def test_the_script__of_a_portal_that_is_away_or_refuses__lets_in(
    transactional_db: None, live_server: Any, tmp_path: Path
) -> None:
    told = tmp_path / "portal"
    for address in (live_server.url, "http://127.0.0.1:9"):
        told.write_text(f"PORTAL={address}\nPORTAL_KEY=cp_none\nMAIL=example.org\n")
        entered(told, "open_session")
    assert not AuditEvent.objects.filter(action=servers.ACTION, outcome="done").exists()
