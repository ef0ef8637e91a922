"""Missions with everything that guards them, said in hostile words."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from missions import services
from missions.models import ToolkitConnection
from tests.kit.guarding import World


def inhabit(workspace: Workspace, root: User, *, hostile: str, long: str) -> None:
    """One mission in Define with a toolkit in each state, findings and exceptions; one stopped."""
    world = World(workspace, root)
    row = world.started(title="Guarded")
    given: Any = {"actor": world.gv, "reason": hostile}
    services.add_template(
        workspace, actor=world.gv, slug="hostile", title=hostile[:150], category="data",
        description=long, params={"note": hostile[:200]},
    )  # fmt: skip
    made = services.suggest_safeguard(
        row, actor=world.gv, title=hostile[:150], category="data", justification=hostile[:3_000],
        description=long,
    )  # fmt: skip
    services.decide_safeguard(made, "edited", mode="enforced", **given)
    services.decide_safeguard(world.guard(row), "rejected", **given)
    services.decide_safeguard(world.guard(row, "call-rate"), "accepted", actor=world.gv)
    kit = world.toolkit(row, purpose=hostile[:400])
    world.inspected(kit, source=hostile[:180], pii_flags=[hostile[:50]], coverage_percent="40",
                    note_=long[:3_000], proof=hostile[:400])  # fmt: skip
    world.approved(kit)
    held = world.connected(kit, [*kit.requested_scopes, "<b>too.much</b>"])
    ToolkitConnection.objects.filter(pk=held.pk).update(verified_at=clock.now() - timedelta(days=3))
    other = world.toolkit(row, "calendar", purpose=hostile[:400])
    services.drop_toolkit(other, actor=world.oc, reason=hostile)
    world.toolkit(row, "sheets", purpose=long[:400])
    services.ask_override(row, actor=world.actor, kind="coverage", subject=str(kit.uid),
                          reason=hostile)  # fmt: skip
    services.decide_override(
        services.ask_override(row, actor=world.actor, kind="gate", subject="toolkits_decided",
                              reason=hostile),
        "granted", actor=world.oc, reason=hostile,
    )  # fmt: skip
    services.write_session(
        row, "executor", actor=world.agent("executor"), key="router-5", snapshot={"next": hostile}
    )
    done = world.found(row, "done", message=hostile)
    services.resolve_finding(done, **given)
    world.found(row, "noted", result="passed", message=long[:3_000])
    services.decide_override(
        world.asked_to_pass(world.found(row, "let", message=hostile, details={"who": hostile})),
        "granted", actor=world.gv, reason=hostile,
    )  # fmt: skip
    world.found(row, "open", message=hostile, step="run/1", toolkit="mail")
