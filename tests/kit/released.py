"""What deploys in the inhabited world: every state with all that hangs on it, through services."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.access.models import User, Workspace
from controlplane.lib import clock
from deployments import services
from deployments.canary import services as canary
from deployments.flags.models import Flag
from deployments.maintenance import services as windows
from deployments.models import Merge
from deployments.services import feeds
from tests.kit import deployments, maintenance, rollouts


def deploy(workspace: Workspace, root: User, *, hostile: str, long: str) -> None:
    """One that says everything and was tried twice, and one for every other end and middle."""
    world = deployments.World(workspace, root)
    said: dict[str, Any] = {
        "title": hostile, "release_notes": f"# About\n\n{hostile}", "rollback_plan": long,
        "scope_note": hostile, "backup_ref": hostile[:190], "evidence_path": hostile,
        "branch": hostile, "artifacts": [{"name": hostile, "sha256": "ab" * 32}],
        "watcher": root, "ci_url": "https://ci.example.org/<img>",
    }  # fmt: skip
    _watched(world, hostile, long, said)
    given: Any = {"actor": world.actor, "reason": hostile}
    services.give_up(world.started("local", release="5.0.1"), **given)
    services.cancel(world.draft(release="5.0.2", title=long[:190]), **given)
    services.block(world.prepared(release="5.0.3"), **given)
    bad = world.completed("local", release="5.0.4")
    services.roll_back(bad, **given)
    row = world.prepared("production", release="5.0.5", tier=3, **said)
    open_gate = row.gates.filter(computed=False, phase="before").earliest("position")
    services.tick_gate(
        open_gate, actor=world.actor, holds=False, detail=hostile,
        evidence=[{"label": hostile, "link": "https://ci.example.org/7"}],
    )  # fmt: skip
    hotfix: Any = {**deployments.HOTFIX, "scope_note": hostile, "kind": "hotfix"}
    world.draft("production", release="5.0.6", **hotfix)
    _freezes(world, hostile, long)


def _watched(world: deployments.World, hostile: str, long: str, said: dict[str, Any]) -> None:
    """Its first step failed once; some checks were waived, and there are figures of it."""
    world.adapter(title=hostile[:110], argv=["/bin/echo", hostile, "{release}"], on=False)
    world.adapter(slug="pipeline", kind="hook", url="https://ci.example.org/hook")
    row = world.started(release="5.0.0", **said)
    first, skipped = deployments.steps(row)[:2]
    told: Any = {"actor": world.actor, "output": f"{hostile}\n{long}", "outcome": hostile}
    services.finish_step(first, worked=False, exit_code=7, **told)
    services.try_again(deployments.steps(row)[0], actor=world.actor, reason=hostile)
    services.skip_step(skipped, actor=world.actor, reason=hostile)
    for step in deployments.steps(row):
        if not step.is_over:
            services.finish_step(step, **told)
    row = deployments.again(row)
    services.take_snapshot(row, actor=world.actor, note=hostile)
    world.settle(row, "after")
    services.begin_watch(deployments.again(row), actor=world.actor)


def _freezes(world: deployments.World, hostile: str, long: str) -> None:
    """One that was ended and one to come: nothing else of this world is in their way."""
    for begins in (3, 20):
        made = services.make_freeze(
            world.workspace, actor=world.actor, title=hostile[:110], reason=long[:400],
            starts_at=clock.now() + timedelta(days=begins),
            ends_at=clock.now() + timedelta(days=begins + 2),
            environments=[world.place("production")],
        )  # fmt: skip
        if begins == 3:
            services.end_freeze(made, actor=world.actor, reason=hostile)


def launch(workspace: Workspace, root: User, *, hostile: str, long: str) -> None:
    """One that waits for signatures, one that was given up, one that is prepared; what was merged,
    and links that somebody fetches."""
    world = deployments.World(workspace, root)
    given: Any = {"actor": world.actor}
    shown = [{"label": hostile, "link": "https://ci.example.org/7"}, {"label": long[:290]}]
    asked, given_up, _ = (
        services.plan_launch(workspace, title=hostile, about=f"# About\n\n{hostile}", **given)
        for _ in range(3)
    )
    for line in asked.lines.select_related("launch"):
        state = "not_applicable" if line.slug == "runbooks" else "done"
        services.settle_line(line, state=state, note=hostile, evidence=shown, **given)
    services.ask_sign_off(asked, **given)
    services.cancel_launch(given_up, reason=hostile, **given)
    for kind in ("releases", "calendar"):
        feeds.subscribe(workspace, kind, **given)
    Merge.objects.create(
        workspace=workspace, repository="northwind/planner", number=7, title=hostile[:290],
        commit_sha=deployments.SHA, merged_at=clock.now() - timedelta(hours=3),
    )  # fmt: skip


def roll_out(workspace: Workspace, root: User, *, hostile: str) -> None:
    """One that was taken back, one that was given up, one that is planned and one that runs."""
    world = deployments.World(workspace, root)
    flags = Flag.objects.filter(workspace=workspace, enabled=True)
    flag = flags.latest("id")

    def planned(where: str) -> Any:
        place = world.place(where)
        return canary.plan(flag, place, actor=world.actor, title=hostile, source="posted")

    def running(where: str) -> Any:
        row = canary.take_baseline(planned(where), actor=world.actor, given=rollouts.BASELINE)
        return canary.start(row, actor=world.actor)

    canary.cancel(planned("local"), actor=world.actor, reason=hostile)
    bad = running("local")
    canary.post_figures(bad, rollouts.CLEAN, actor=world.actor)
    canary.roll_back(rollouts.fresh(bad), actor=world.actor, reason=hostile)
    planned("production")
    good = running("local")
    canary.post_figures(good, rollouts.CLEAN, actor=world.actor)


def maintain(workspace: Workspace, root: User, *, hostile: str, long: str) -> None:
    """An emergency that goes on, one that waits for its time and says everything, one that is
    planned, one that was called off, and a partner's."""
    world = maintenance.World(workspace, root)
    said: dict[str, Any] = {
        "title": hostile, "about": f"# About\n\n{hostile}", "rollback_plan": long,
        "watcher": root, "services": [],
    }  # fmt: skip
    row = world.scheduled(**said, **world.span(weeks=1))
    windows.announce(row, actor=world.actor)
    windows.ask_consent(maintenance.again(row), actor=world.actor)
    windows.waive(maintenance.again(row), actor=world.lead, rule="lead", reason=hostile)
    windows.ask_consent(maintenance.again(row), actor=world.actor)
    windows.plan_window(
        workspace, actor=world.actor, title=long[:190], environment=world.place("staging"),
        **world.span(),
    )  # fmt: skip
    off = world.scheduled(title="Called off", **world.span(weeks=3))
    windows.cancel(windows.announce(off, actor=world.actor), actor=world.actor, reason=hostile)
    world.partners(partner=hostile[:100], title=hostile)
    urgent = world.emergency(
        title="Close the hole", urgency=hostile, impact=long[:400], services=[world.service()],
        templates=["reindex"], where="staging",
    )  # fmt: skip
    urgent = world.sign_window(urgent)
    urgent = windows.start(urgent, actor=world.actor)
    windows.remark(urgent, actor=world.actor, kind="mitigation", text=hostile)
