"""What guards the demo's missions: safeguards being settled, toolkits being decided, one mission
that a safeguard stopped, and findings of the one that runs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.access.models import Agent
from controlplane.access.principals import actor_for_agent
from controlplane.base import demo
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from missions import services
from missions.models import Mission, MissionToolkit, PolicyTemplate


@demo.step("missions.guarded", order=82)
def guarded(scene: demo.Scene) -> None:
    if MissionToolkit.objects.of(scene.workspace).exists():
        return
    campaign, leads, calls = (_mission(scene, ref) for ref in ("campaign-311", "legacy-41",
                                                               "legacy-37"))  # fmt: skip
    if campaign is not None:
        _settling(scene, campaign)
    if leads is not None:
        _preparing(scene, leads)
    if calls is not None:
        _running(scene, calls)
    _stopped(scene)
    _template(scene)


def _mission(scene: demo.Scene, ref: str) -> Mission | None:
    rows = Mission.objects.of(scene.workspace).select_related("workspace", "owner", "item")
    found: Mission | None = rows.filter(external_ref=ref).first()
    return found


def _agent(scene: demo.Scene, role: str) -> Actor:
    found = Agent.objects.filter(workspace=scene.workspace, role=role).earliest("id")
    return actor_for_agent(found)


def _settling(scene: demo.Scene, row: Mission) -> None:
    validator = scene.actor("governance_validator")
    for each in row.safeguards.select_related("template").order_by("pk"):
        slug = each.template.slug if each.template is not None else ""
        if slug == "no-send-unread":
            services.decide_safeguard(each, "accepted", actor=validator)
        elif slug == "call-rate":
            services.decide_safeguard(
                each, "edited", actor=validator, params={"max_calls_per_minute": 30},
                reason="The provider slows everybody down from 40 on.",
            )  # fmt: skip
    services.suggest_safeguard(
        row, actor=_agent(scene, "planner"), title="Accounts in a dispute are left out",
        category="compliance", severity="high", mode="enforced",
        justification="Legal asked for it when the last campaign went out.",
    )  # fmt: skip
    _ask(scene, row, "gmail", "Drafts of mails to dormant accounts.",
         ["gmail.compose", "gmail.readonly"], ["gmail.compose"], mutating=True)  # fmt: skip


def _ask(
    scene: demo.Scene, row: Mission, slug: str, purpose: str, scopes: list[str],
    least: list[str], *, mutating: bool = False,
) -> MissionToolkit:  # fmt: skip
    return services.ask_toolkit(
        row, actor=_agent(scene, "inspector"), toolkit=slug, purpose=purpose,
        requested_scopes=scopes, minimum_scopes=least, mutating=mutating,
    )  # fmt: skip


def _look(scene: demo.Scene, kit: MissionToolkit, source: str, coverage: str, **more: Any) -> None:
    now = clock.now()
    services.record_inspection(
        kit, actor=_agent(scene, "inspector"), source=source, coverage_percent=coverage,
        read_only=True, proof="GET only; the key has no other scope.", duration_ms=5400,
        freshness_at=now - timedelta(days=1), inspected_at=now - timedelta(hours=9), **more,
    )  # fmt: skip


def _preparing(scene: demo.Scene, row: Mission) -> None:
    """One connected, one with a gap that somebody shall accept, one dropped."""
    inspector, operations = _agent(scene, "inspector"), scene.actor("operations_command")
    mail = _ask(scene, row, "gmail", "What was written with each lead.", ["gmail.readonly"],
                ["gmail.readonly"])  # fmt: skip
    _look(scene, mail, "Mails with the trade fair's leads", "93.5", sample_count=420,
          result="pass", pii_flags=["email", "name"], duplicates=3)  # fmt: skip
    services.approve_toolkit(mail, actor=operations)
    services.attest_toolkit(
        mail,
        actor=scene.actor("governance_validator"),
        text="Reading is the least it needs; customers agreed to it.",
    )
    held = services.begin_connection(mail, actor=inspector, link_id="link-41-1")
    services.complete_connection(
        held, actor=inspector, granted_scopes=["gmail.readonly"],
        expires_at=clock.now() + timedelta(days=12),
    )  # fmt: skip
    web = _ask(scene, row, "tool-router", "What is public about each lead.", ["search.read"],
               ["search.read"])  # fmt: skip
    _look(scene, web, "Pages of the leads", "61", sample_count=96, result="warn")
    services.ask_override(
        row, actor=inspector, kind="coverage", subject=str(web.uid),
        reason="The rest has no page; the plan does without them.",
    )  # fmt: skip


def _running(scene: demo.Scene, row: Mission) -> None:
    validator = _agent(scene, "validator")
    now = clock.now()
    services.report_findings(
        row,
        [
            {"external_id": "calls/12/rate", "phase": "postflight", "result": "auto_fixed",
             "severity": "medium", "message": "64 calls in a minute; slowed down.", "step":
             "calls/12", "toolkit": "gmail", "auto_fix_attempted": True, "auto_fix_success": True,
             "found_at": now - timedelta(hours=7)},
            {"external_id": "calls/19/names", "phase": "preflight", "result": "failed",
             "severity": "medium", "message": "A theme quotes a caller by name.", "step":
             "calls/19", "found_at": now - timedelta(hours=3)},
            {"external_id": "calls/20/names", "phase": "preflight", "result": "passed",
             "severity": "medium", "step": "calls/20", "found_at": now - timedelta(hours=2)},
        ],
        actor=validator,
    )  # fmt: skip


def _stopped(scene: demo.Scene) -> None:
    owner = scene.actor("mission_owner")
    row = services.create_mission(
        scene.workspace,
        actor=owner,
        title="Answer reviews in the app stores",
        intent="Draft an answer to each review of the last month.",
        mission_type="reviews",
        persona="Support",
        external_ref="reviews-9",
        tags=["support"],
    )
    services.start_mission(row, actor=owner)
    validator = scene.actor("governance_validator")
    for each in row.safeguards.order_by("pk"):
        services.decide_safeguard(each, "accepted", actor=validator)
    guard = row.safeguards.get(template__slug="no-send-unread")
    found = services.report_finding(
        row, actor=_agent(scene, "validator"), external_id="reviews/3/unread", phase="preflight",
        result="failed", severity="high", safeguard=guard.uid, toolkit="gmail",
        message="Two answers would have been published that nobody read.",
        details={"answers": 2},
    ).finding  # fmt: skip
    services.ask_override(
        row, actor=owner, kind="finding", subject=str(found.uid),
        reason="Both are thanks without content; support read them since.",
    )  # fmt: skip


def _template(scene: demo.Scene) -> None:
    template = PolicyTemplate.objects.of(scene.workspace).filter(slug="spending").first()
    if template is not None:
        services.change_template(
            template, actor=scene.actor("governance_validator"),
            description="Nothing is bought, booked or paid. Trials without a card are fine.",
            reason="Trials were stopped for nothing.",
        )  # fmt: skip
