"""The demo's plans: one mission with plays to choose from, one that was carried out, of which two
steps failed and the drafts can still be taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.access.models import Agent
from controlplane.access.principals import actor_for_agent
from controlplane.approvals import services as approvals
from controlplane.base import demo
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from deployments.flags import services as flags
from deployments.flags.models import FlagState
from deployments.flags.naming import mission_type_flag
from missions import services
from missions.models import Mission, Play, Run, UndoPlan
from missions.services import (
    dispatching,
    executing,
    plan_notes,
    plays,
    reporting,
    undo_plans,
    undoing,
)

_TYPE = "market_research"
_DRAFTS: dict[str, Any] = {
    "key": "drafts-first",
    "title": "Draft each mail, let people send",
    "rationale": "Nothing leaves the house before somebody has read it. The drafts stand in the "
    "account manager's own folder, where they would look anyway.",
    "impact": "120 drafts, about 15 answers",
    "confidence": "0.82",
    "effort": "low",
    "risk": "low",
    "precedents": [
        {"id": "PLAY-17", "title": "Spring campaign of last year", "similarity": "0.71",
         "summary": "Drafts first; a tenth was sent as it was."},
    ],
    "steps": [
        {"toolkit": "gmail", "action": "search_threads", "summary": "Who went quiet, since when"},
        {"toolkit": "gmail", "action": "create_label", "summary": "A label for what belongs to it",
         "mutating": True},
        {"toolkit": "gmail", "action": "create_drafts", "summary": "A draft for each account",
         "mutating": True},
    ],
    "undo": {
        "label": "Take drafts and label away",
        "impact": "Nobody outside has seen them.",
        "window_minutes": 720,
        "steps": [
            {"play_step": 2, "action": "The label", "inverse": "Remove the label from each thread.",
             "verify": "A search for the label finds nothing."},
            {"play_step": 3, "action": "The drafts", "inverse": "Delete each draft by its id.",
             "verify": "None of the ids is found any more."},
            {"play_step": 3, "action": "The drafts, by hand",
             "inverse": "Ask each account manager to empty the folder.",
             "verify": "They say so on the work item.", "alternate": True},
        ],
    },
}  # fmt: skip
_CALLS: dict[str, Any] = {
    "key": "call-list",
    "title": "A list, and people call",
    "rationale": "Warmer, and slower.",
    "impact": "40 calls, about 20 answers",
    "confidence": "0.64",
    "effort": "high",
    "risk": "low",
    "steps": [
        {"toolkit": "gmail", "action": "search_threads", "summary": "Who went quiet"},
        {"action": "write_list", "summary": "Whom to call, and what about"},
    ],
}
_SEND: dict[str, Any] = {
    "key": "send-now",
    "title": "Send at once, in small batches",
    "rationale": "Fast. What is sent is sent.",
    "impact": "120 mails, about 25 answers",
    "confidence": "0.48",
    "effort": "low",
    "risk": "high",
    "steps": [
        {"toolkit": "gmail", "action": "search_threads", "summary": "Who went quiet"},
        {"toolkit": "gmail", "action": "send_mail", "summary": "Twenty an hour", "mutating": True},
    ],
}


@demo.step("missions.plans", order=83)
def plans(scene: demo.Scene) -> None:
    if Play.objects.of(scene.workspace).exists():
        return
    _choosing(scene)
    _carried_out(scene)


def _agent(scene: demo.Scene, role: str) -> Actor:
    found = Agent.objects.filter(workspace=scene.workspace, role=role).earliest("id")
    return actor_for_agent(found)


def _imported(scene: demo.Scene, ref: str, title: str, stage: str, **given: Any) -> Mission:
    row = {
        "external_ref": ref,
        "title": title,
        "intent": "Write to accounts that went quiet; nothing is sent unread.",
        "stage": stage,
        "status": "in_progress",
        "owner": scene.people["mission_owner"],
        "started_at": clock.now() - timedelta(days=6),
        **given,
    }
    [found] = services.import_missions(scene.workspace, [row], actor=scene.actor("workspace_admin"))
    return found.mission


def _choosing(scene: demo.Scene) -> None:
    row = _imported(scene, "legacy-58", "Ask quiet accounts in France what they miss", "Plan")
    plays.propose_plays(
        row, [_DRAFTS, _CALLS, _SEND], actor=_agent(scene, "planner"), method="agent",
        critique="Sending at once has no way back.",
    )  # fmt: skip
    _risks(scene, row, _agent(scene, "planner"))


def _risks(scene: demo.Scene, row: Mission, actor: Actor) -> None:
    given: Any = {"actor": actor, "owner": scene.people["mission_owner"]}
    for title, likely, grave, back, what in (
        (
            "An account in a dispute gets a mail",
            2,
            5,
            "none",
            "Accounts in a dispute are left out.",
        ),
        (
            "The tone does not fit the account",
            3,
            2,
            "full",
            "Each draft is read before it is sent.",
        ),
        ("The mailbox' limit slows everybody down", 4, 3, "partly", "At most 30 calls a minute."),
    ):
        plan_notes.add_risk(
            row, title=title, likelihood=likely, impact=grave, reversibility=back,
            mitigation=what, **given,
        )  # fmt: skip
    plan_notes.put_plan_note(
        row, actor=actor,
        risk_notes="The list of disputes is a day old at most; legal keeps it.",
        sla_impact="None for customers. Drafts are written outside of office hours.",
    )  # fmt: skip


def _carried_out(scene: demo.Scene) -> None:
    row = _imported(
        scene, "legacy-52", "Ask quiet accounts in Spain what they miss", "Plan", mission_type=_TYPE
    )  # fmt: skip
    # Planned by the owner: the planner's own person, who operates, is one of those who sign.
    operations, owner = scene.actor("operations_command"), scene.actor("mission_owner")
    first, *_ = plays.propose_plays(row, [_DRAFTS, _CALLS], actor=owner)
    plays.select_play(first, actor=owner, reason="Nothing leaves unread.")
    _risks(scene, row, owner)
    undo = UndoPlan.objects.select_related("play__mission").get(play=first)
    undo_plans.make_undo_ready(undo, actor=owner)
    _practise(scene, undo)
    now = clock.now()
    plan_notes.add_duty(
        row, actor=operations, person=scene.people["operations_command"],
        starts_at=now - timedelta(hours=2), ends_at=now + timedelta(hours=10),
        note_="Until the last draft is read.",
    )  # fmt: skip
    _switch_on(scene)
    _signed(scene, row)
    _run(scene, row)


def _signed(scene: demo.Scene, row: Mission) -> None:
    """By two people, who let pass that what was agreed before stands in the other system."""
    owner, validator = scene.actor("mission_owner"), scene.actor("governance_validator")
    services.tick_line(row, "plays_reviewed", actor=owner, note_="Read with the account team.")
    services.link_evidence(
        row, actor=owner, label="Approval packet", link="docs/readiness/plan_approval_packet.md"
    )
    plan_notes.check_hooks(row, actor=scene.actor("telemetry_analyst"), passed=True)
    asked = services.ask_override(
        row, actor=owner, kind="gate", subject="governance_green",
        reason="Its brief and its toolkits were agreed in the system it came from.",
    )  # fmt: skip
    services.decide_override(asked, "granted", actor=validator, reason="I have read both there.")
    request = services.ask_checkpoint(row, actor=owner)
    for slot, role in (("gv", "governance_validator"), ("oc", "operations_command")):
        approvals.decide(
            request, "approved", actor=scene.actor(role), sha256=request.sha256, slot=slot
        )


def _practise(scene: demo.Scene, undo: UndoPlan) -> None:
    run = undoing.request_undo(
        undo, actor=scene.actor("operations_command"), drill=True,
        reason="Tried on a test mailbox before anything is run.",
    )  # fmt: skip
    undoing.report_undo(
        run, [{"step": 2, "result": "done", "note": "12 drafts deleted, none found again."},
              {"step": 1, "result": "done", "note": "The label is gone."}],
        actor=_agent(scene, "executor"),
    )  # fmt: skip


def _switch_on(scene: demo.Scene) -> None:
    rows = FlagState.objects.select_related("flag__workspace", "environment")
    state = rows.filter(
        flag__workspace=scene.workspace,
        flag__flag_name=mission_type_flag(_TYPE),
        environment__slug="local",
    ).first()
    if state is not None:
        flags.change_settings(
            state, {"on": True}, actor=scene.actor("release_manager"), version=state.version,
            reason="Missions of this type run here too.",
        )  # fmt: skip


def _run(scene: demo.Scene, row: Mission) -> None:
    executor = _agent(scene, "executor")
    run = executing.start_run(
        row, actor=executor, external_id="exec-spain-1", estimated_seconds=900
    )
    for place, key in ((1, "search-1"), (2, "label-1"), (3, "draft-1")):
        dispatching.dispatch(
            run, actor=executor, external_id=key, play_step=place, agent="executor-1",
            arguments={"account": f"ES-{place:03}", "to": "maria.perez@example.es"},
        )  # fmt: skip
    _report(run, executor)


def _report(run: Run, executor: Actor) -> None:
    begun = clock.now() - timedelta(minutes=14)
    told: list[dict[str, Any]] = [
        {"external_id": "search-1", "status": "succeeded", "started_at": begun,
         "ended_at": begun + timedelta(seconds=3)},
        {"external_id": "label-1", "status": "succeeded", "started_at": begun,
         "ended_at": begun + timedelta(seconds=5)},
    ]  # fmt: skip
    for number in range(1, 25):
        at = begun + timedelta(seconds=10 + 20 * number)
        failed = number in {9, 17}
        told.append(
            {"external_id": f"draft-{number}", "play_step": 3, "toolkit": "gmail",
             "action": "create_drafts", "agent": "executor-1", "sequence": 2,
             "status": "running" if number == 24 else "failed" if failed else "succeeded",
             "started_at": at, "ended_at": None if number == 24 else at + timedelta(seconds=2),
             "latency_ms": None if number == 24 else 1_400 + 37 * number,
             "error_code": "RATE_LIMIT_EXCEEDED" if failed else ""}
        )  # fmt: skip
    reporting.report_steps(run, told, actor=executor)
