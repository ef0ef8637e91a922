"""Threads of the demo: one that went well, one that a guard stopped, one whose reader sleeps, and
one where nobody came."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.access.models import Agent
from controlplane.access.principals import actor_for_agent
from controlplane.base import demo
from controlplane.jobs import leases
from missions.models import Mission
from missions.threads import drafts, services
from missions.threads.models import Thread, WakeTrigger
from missions.threads.services import pausing
from missions.threads.waking.services import settling

_GOES: tuple[tuple[str, str | None, str, dict[str, str]], ...] = (
    ("executioner", None, "The export of answers is ready: branch export-2, 14 files.", {}),
    ("reviewer", "finding_reported", "Shares are rounded line by line: 1,000 lines are off by 5.",
     {"finding_id": "ROUND-1", "severity": "high"}),
    ("reviewer", "finding_reported", "The file name holds the customer's name.",
     {"finding_id": "NAME-1", "severity": "low"}),
    ("executioner", "fix_pushed", "Sums are exact, and rounded once. Test: 1,000 lines of 0.005.",
     {"finding_id": "ROUND-1", "commit": "4f2a91c"}),
    ("executioner", "re_review_requested", "ROUND-1, please. NAME-1 follows.",
     {"finding_id": "ROUND-1"}),
    ("reviewer", "finding_verified", "Holds: the lines add up.", {"finding_id": "ROUND-1"}),
    ("executioner", "fix_pushed", "Files are named by number.", {"finding_id": "NAME-1"}),
    ("reviewer", "finding_verified", "Good.", {"finding_id": "NAME-1"}),
)  # fmt: skip

_NO_PANE = "TARGET_GONE"


class _Cast:
    def __init__(self, scene: demo.Scene) -> None:
        rows = Agent.objects.filter(workspace=scene.workspace, is_active=True, kind="agent")
        self.agents = {row.role: row for row in rows}
        self.scene = scene

    def begin(self, title: str, *roles: str, **given: Any) -> Thread:
        return services.create_thread(
            self.scene.workspace, actor=self.scene.actor("operations_command"), title=title,
            participants=[(self.agents[role], "") for role in roles],
            owner=self.scene.people["operations_command"], **given,
        )  # fmt: skip

    def say(
        self, row: Thread, role: str, body: str, event: str | None = None, **metadata: Any
    ) -> int:
        given: dict[str, Any] = {"body": body, "metadata": metadata}
        if event:
            given |= {"kind": "event", "event_type": event}
        actor = actor_for_agent(self.agents[role])
        return services.post_message(row.uid, drafts.read(given), actor=actor).seq


@demo.step("threads", order=95)
def threads(scene: demo.Scene) -> None:
    if Thread.objects.filter(workspace=scene.workspace).exists():
        return
    cast = _Cast(scene)
    _asleep(cast)
    _nobody_came(cast)
    _went_well(cast)
    _round_and_round(cast)


def _went_well(cast: _Cast) -> None:
    rows = Mission.objects.filter(workspace=cast.scene.workspace)
    mission = rows.filter(external_ref="legacy-52").first()  # it is carried out, and asks them
    row = cast.begin(
        "Review: export of answers from Spain", "executioner", "reviewer", kind="workflow",
        item=mission.item if mission is not None else None,
    )  # fmt: skip
    for role, event, body, metadata in _GOES:
        seq = cast.say(row, role, body, event, **metadata)
    last = services.post_message(
        row.uid, drafts.read({"body": "Thank you both. Close it when the export has run once.",
                              "in_reply_to": seq, "to": {"role": "executioner"}}),
        actor=cast.scene.actor("operations_command"),
    )  # fmt: skip
    for role in ("executioner", "reviewer"):
        services.heartbeat(
            f"{role}-main", actor=actor_for_agent(cast.agents[role]), runtime="codex",
            resumable=True, management="managed",
        )  # fmt: skip
        services.ack_read(row.uid, last.seq, actor=actor_for_agent(cast.agents[role]))


def _round_and_round(cast: _Cast) -> None:
    """The same finding three times, never settled: a guard stops it."""
    row = cast.begin("Retries of the calendar toolkit", "executioner", "reviewer", kind="incident")
    said = {"finding_id": "RETRY-4"}
    for again in ("It retries without a limit.", "Still without a limit, by another name.",
                  "The limit is read, and never used."):  # fmt: skip
        cast.say(row, "reviewer", again, "finding_reported", **said)
        if Thread.objects.get(pk=row.pk).status == Thread.Status.ACTIVE:
            cast.say(row, "executioner", "Mended, have a look.", "re_review_requested", **said)


def _asleep(cast: _Cast) -> None:
    """The planner sleeps, and somebody paused its wakes: what is said to it waits."""
    row = cast.begin("Plan of the migration of contacts", "inspector", "planner")
    cast.say(row, "inspector", "3,120 contacts, 214 of them twice. Which of two is kept?")
    pausing.pause_agent(
        cast.agents["planner"], actor=cast.scene.actor("operations_command"), paused=True,
        reason="Its runtime is being moved.",
    )  # fmt: skip


def _nobody_came(cast: _Cast) -> None:
    """The validator has no runtime that answers: tried, and given up."""
    row = cast.begin("Second opinion on refunds", "planner", "validator")
    operator = cast.scene.actor("operations_command")
    services.register_runtime(
        cast.agents["validator"], "validator-night", actor=operator, runtime="claude-code",
        adapter="tmux", target="night:0.1",
    )  # fmt: skip
    cast.say(row, "planner", "Is a refund over 500 a case for a person?")
    mine = WakeTrigger.objects.filter(thread=row)
    for wake in leases.claim(mine, limit=1, lease_seconds=60):
        attempt = settling.begin(wake, "live", None, "tmux", supervisor="demo:1")
        settling.not_sent(
            wake, attempt, code=_NO_PANE, detail="There is no pane night:0.1.", took=0.02,
            wait=timedelta(0).total_seconds(),
        )  # fmt: skip
    for wake in leases.claim(mine, limit=1, lease_seconds=60):
        settling.give_up(wake, _NO_PANE)
