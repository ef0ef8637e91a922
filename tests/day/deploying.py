"""A standard deployment, from a pipeline's key to the end of its watch; and a hotfix that goes past
staging and can't be closed before what it owes is written."""

from __future__ import annotations

from typing import Any

from deployments.gates import table
from tests.day.town import Curl, Town
from tests.kit.deployments import DIGEST, HOTFIX, PLAN, SHA
from tests.kit.deployments import World as Deploying

FACTS: dict[str, Any] = {
    "components": ["agent"], "commit_sha": SHA, "ci_url": "https://ci.example.org/7",
    "image_tag": "v4.3.0", "image_digest": DIGEST, "rollback_plan": PLAN,
    "release_notes": "Plans missions with the second planner.",
    "evidence_path": "docs/readiness/4.3.0/", "backup_ref": "backup of 03:15",
}  # fmt: skip
CLOSED = "Live; telemetry is stable."


def standard(town: Town) -> None:
    """The pipeline brings it to staging; people bring it on to production."""
    Deploying(town.workspace, town.person("release_manager")).on_call(town.room.primary)
    pipeline, manager = town.machine(), town.sits("release_manager")
    # What the alert held up is let go: one is under way in an environment at a time.
    held = town.scene.release.ref
    manager.post(f"deployments/{held}/close", reason="It was calm since.", early=True)
    facts = {**FACTS, "release": "4.3.0", "environment": "staging", "source": "merge"}
    assert pipeline.post("deployments/ensure", **facts)["created"] is True
    again = pipeline.post("deployments/ensure", **facts)
    assert again["created"] is False
    ref = again["deployment"]["ref"]
    _ready(town, pipeline, ref)
    pipeline.post(f"deployments/{ref}/start")
    _went_live(town, pipeline, ref)
    closed = pipeline.post(f"deployments/{ref}/close", reason=CLOSED, early=True)
    assert closed["status"] == "completed"

    row = manager.post("deployments", **{**FACTS, "release": "4.3.0", "environment": "production"})
    ref = row["ref"]
    asked = _ready(town, manager, ref)
    assert asked["approval"] is not None
    assert pipeline.refused(f"deployments/{ref}/start") == "FORBIDDEN"
    assert manager.refused(f"deployments/{ref}/start") == "INVALID_TRANSITION"
    assert town.sign(asked["approval"]) == "approved"
    assert manager.post(f"deployments/{ref}/start")["status"] == "deploying"
    _went_live(town, manager, ref)
    assert manager.post(f"deployments/{ref}/close", reason=CLOSED, early=True)["status"] == (
        "completed"
    )
    phases = [each["phase"] for each in manager.get(f"deployments/{ref}/snapshots")["items"]]
    assert {"before", "after", "review"} <= set(phases)


def hotfix(town: Town) -> None:
    manager = town.sits("release_manager")
    row = manager.post("deployments", **{
        **FACTS, **HOTFIX, "kind": "hotfix", "release": "4.3.1", "environment": "production",
        "watcher": str(town.room.primary.uid),
    })  # fmt: skip
    ref = row["ref"]
    asked = _ready(town, manager, ref)
    town.sign(asked["approval"])
    manager.post(f"deployments/{ref}/start")
    live = _went_live(town, manager, ref)
    assert live["docs_due_at"] is not None
    closing = {"reason": "The outage is over.", "early": True}
    assert manager.refused(f"deployments/{ref}/close", **closing) == "GATE_NOT_MET"
    assert manager.refused(f"deployments/{ref}/documented", reason="Later.") == "GATE_NOT_MET"
    listed = manager.get("work/items?limit=200&labels=hotfix,follow-up")["items"]
    owed = [each for each in listed if each["category"] != "done"]
    assert len(owed) >= 3, owed
    for item in owed:
        manager.post(f"work/items/{item['key']}/close", reason="It is written.")
    manager.post(f"deployments/{ref}/documented", reason="All of it is there.")
    assert manager.post(f"deployments/{ref}/close", **closing)["status"] == "completed"


def _ready(town: Town, by: Curl, ref: str) -> Any:
    by.post(f"deployments/{ref}/prepare")
    _settle(town, ref, "before")
    return by.post(f"deployments/{ref}/ready")


def _went_live(town: Town, by: Curl, ref: str) -> Any:
    for step in by.get(f"deployments/{ref}/steps")["items"]:
        by.post(f"deployments/{ref}/steps/{step['uid']}/finish", exit_code=0, output="ok")
    _settle(town, ref, "after")
    assert by.post(f"deployments/{ref}/watch")["status"] == "monitoring"
    return by.get(f"deployments/{ref}")


def _settle(town: Town, ref: str, phase: str) -> None:
    """Whatever is open is ticked or waived by the lead, who says why."""
    lead = town.sits("engineering_lead")
    for gate in lead.post(f"deployments/{ref}/gates")["gates"]:
        definition = table.GATES[gate["slug"]]
        if gate["phase"] != phase or gate["state"] not in {"waiting", "failed"}:
            continue
        if definition.at_start or gate["slug"] == "watched":
            continue
        at = f"deployments/{ref}/gates/{gate['slug']}"
        if gate["computed"]:
            lead.post(f"{at}/waive", reason="Nothing of the kind is here.")
        else:
            lead.post(f"{at}/tick", detail="Looked at.")
