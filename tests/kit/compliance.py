"""A workspace whose controls are looked at, and its people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import time_machine

from controlplane.jobs import obligations
from controlplane.privacy import services
from controlplane.privacy.models import ControlEvidence
from tests import make

DAY = datetime(2026, 11, 18, 10, tzinfo=UTC)  # a Wednesday of a quarter that runs
REPORT = b"Findings: none of weight.\n"


class Scene:
    """A workspace since the summer, looked at in November."""

    def __init__(self) -> None:
        with time_machine.travel(datetime(2026, 7, 20, 9, tzinfo=UTC), tick=False):
            self.ws = make.workspace()
            self.other = make.workspace()
            obligations.open_due()
        self.officer = make.person(self.ws, "compliance", name="Cora Legge")
        self.security = make.person(self.ws, "security_lead", name="Sam Locke")
        self.admin = make.person(self.ws, "workspace_admin")
        self.viewer = make.person(self.ws, "viewer")
        self.stranger = make.person(self.other, "compliance")
        with time_machine.travel(DAY, tick=False):
            obligations.open_due()


def read(answer: Any) -> bytes:
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def add(scene: Scene, **given: Any) -> ControlEvidence:
    values: dict[str, Any] = {
        "actor": make.actor(scene.officer), "control": "penetration-test", "period": "2026",
        "filename": "report.txt", "content": REPORT,
    }  # fmt: skip
    return services.add_evidence(scene.ws, **{**values, **given})
