"""Senders, messages, alerts, silences and rules in each state, with hostile words in every place
where somebody's words stand."""

from __future__ import annotations

import json
from datetime import timedelta

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from controlplane.lib.errors import Invalid
from incidents.intake import receiving, sources
from incidents.models import Alert, AlertSource
from incidents.routing import rules, silences
from tests import make
from tests.kit import alerts as kit


def inhabit(workspace: Workspace, root: User, *, hostile: str, long: str) -> None:
    actor = make.actor(root)
    made = sources.create_source(
        workspace, actor=actor, name=hostile[:80], format="alertmanager", about=long[:400],
        labels={"team": hostile[:60]},
    ).source  # fmt: skip
    off = sources.create_source(workspace, actor=actor, name="Off", format="generic").source
    sources.switch_source(off, actor=actor, on=False, reason=hostile[:200])
    hour = clock.now() + timedelta(hours=1)
    for name, begins in (("in force", None), ("planned", clock.now() + timedelta(minutes=9))):
        silences.create_silence(
            workspace, actor=actor, matchers='alertname="Quiet"', comment=f"{name} {hostile}",
            starts_at=begins, ends_at=hour,
        )  # fmt: skip
    over = silences.create_silence(
        workspace, actor=actor, matchers='alertname="Past"', comment=hostile, ends_at=hour
    )
    silences.end_silence(over, actor=actor, reason=hostile[:200])
    said = [
        kit.am_alert(hostile[:200], severity="info", annotations={"summary": long[:300]}),
        kit.am_alert("Quiet", severity="warning", annotations={"description": hostile}),
        kit.am_alert("Loud", severity="info", team=hostile),
    ]
    receiving.receive(made, "webhook", json.dumps(kit.group(said)).encode())
    ended = kit.am_alert("Loud", severity="info", status="resolved", team=hostile,
                         ends=clock.now().isoformat())  # fmt: skip
    receiving.receive(made, "webhook", json.dumps(kit.group([ended])).encode())
    _refused(made, hostile)
    rules.create_rule(
        workspace, "ours", actor=actor, title=hostile[:120], opens="nothing", about=long[:400],
        matchers=[{"name": "team", "value": hostile}], advice=hostile, position=900,
    )  # fmt: skip
    assert set(Alert.objects.values_list("status", flat=True)) == {"firing", "resolved"}


def _refused(source: AlertSource, hostile: str) -> None:
    try:
        receiving.receive(source, "webhook", hostile.encode())
    except Invalid:
        return
    raise AssertionError("it was read")
