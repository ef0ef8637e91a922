"""Missions being planned: the coordinator begins some, and brings each as far as people let it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from controlplane.demo_agents import times
from controlplane.demo_agents.crew import Crew, Told, act
from controlplane.demo_agents.planning import Turn

TAG = "by-agents"
OPEN = 2  # of its own at once
KIT = "gmail"
SCOPES = ["gmail.readonly", "gmail.compose"]
# Title, intent, what is measured, from where to where.
IDEAS: tuple[tuple[str, str, str, str, str], ...] = (
    ("Tell customers that a wish of theirs is built",
     "Draft a mail to each customer whose wish is in this release.",
     "Customers who try it within a week", "9", "30"),
    ("Ask why a trial ended early", "Draft one question to whoever ended a trial before its time.",
     "Answers a month", "2", "12"),
    ("Sum up what partners asked this month", "One page a theme, with the mails behind it.",
     "Questions answered on the page", "5", "20"),
    ("Remind owners of invoices nobody opened", "Draft a friendly reminder for each of them.",
     "Invoices opened within three days", "40", "75"),
)  # fmt: skip


@act
def mission(crew: Crew, turn: Turn) -> Told:
    """Go on with one of its own, or begin one when it has few."""
    portal = crew.hands["coordinator"]
    rows = portal.get(f"missions?open=true&tag={TAG}&limit=20")["items"]
    if len(rows) < OPEN:
        others = crew.missions(turn)
        if not others:  # nobody answers for a mission here yet, so nobody is asked to
            return None
        return "coordinator", _begin(crew, turn, turn.rng.choice(others)["owner"])
    return _go_on(crew, turn.rng.choice(rows))


def _begin(crew: Crew, turn: Turn, owner: str) -> str:
    portal = crew.hands["coordinator"]
    known = {each["title"] for each in portal.get(f"missions?tag={TAG}&limit=100")["items"]}
    fresh = [each for each in IDEAS if each[0] not in known]
    idea, intent, kpi, before, after = turn.rng.choice(fresh or IDEAS)
    title = _another(idea, known)
    today = times.now().date()
    row = portal.post("missions", {
        "title": title, "intent": intent, "persona": "Customer success", "tags": [TAG],
        "mission_type": "market_research", "due_on": str(today + timedelta(days=30)),
        "external_ref": crew.mine(turn), "owner": owner,
        "brief": {
            "objective": intent, "audience": "Customers of the last quarter.",
            "timeline": "A sample in two days, all of it in two weeks.",
            "business_objective": "People hear from us before they have to ask.",
            "kpi_name": kpi, "kpi_unit": "a month", "kpi_direction": "up", "kpi_baseline": before,
            "kpi_target": after, "kpi_deadline": str(today + timedelta(days=60)),
        },
    })  # fmt: skip
    portal.post(f"missions/{row['ref']}/start")
    return f"plans {row['ref']}: {title}"


def _another(idea: str, known: set[str]) -> str:
    """No two are called the same: when each idea had its turn, they come round again."""
    names = (idea, *(f"{idea}, round {number}" for number in range(2, len(known) + 3)))
    return next(name for name in names if name not in known)


def _go_on(crew: Crew, row: dict[str, Any]) -> Told:
    """The first thing that its stage lacks and that agents can mend; else it waits for people."""
    ref, at = row["ref"], f"missions/{row['ref']}"
    if row["status"] == "draft":
        crew.hands["coordinator"].post(f"{at}/start")
        return "coordinator", f"starts {ref}"
    if row["status"] != "active":
        return "coordinator", f"leaves {ref} alone: it is {row['status']}"
    answer = crew.hands["coordinator"].get(f"{at}/gates")
    missing = {
        gate["gate"]
        for gate in answer["gates"]
        if gate["phase"] == "exit" and gate["state"] not in ("passed", "not_applicable")
    }
    told = _mend(crew, row, at, missing)
    if told is not None:
        return told
    if missing == {"signed"}:
        asked = crew.hands["coordinator"].get(f"{at}/checkpoint")
        if asked.get("status") != "open":
            crew.hands["coordinator"].post(f"{at}/checkpoint")
            return "coordinator", f"asks people to sign {ref}"
        return "coordinator", f"waits for signatures of {ref}"
    people = ", ".join(sorted(missing - {"signed"})).replace("_", " ")
    return "coordinator", f"waits for people in {ref}: {people or 'the next stage'}"


def _mend(crew: Crew, row: dict[str, Any], at: str, missing: set[str]) -> Told:
    stage = row["stage"]
    if stage == "prepare":
        told = _toolkit(crew, row["ref"], at)
        if told is not None:
            return told
    if stage == "plan_approve" and not crew.hands["planner"].get(f"{at}/plays")["items"]:
        return "planner", _propose(crew, row, at)
    if stage == "reflect_improve" and "retrospective_written" in missing:
        version = crew.hands["coordinator"].get(f"{at}/retrospective")["version"]
        words = "The drafts were read and sent; answers are being counted."
        crew.hands["coordinator"].call(
            "PATCH", f"{at}/retrospective", {"summary": words, "version": version}
        )
        return "coordinator", f"writes the retrospective of {row['ref']}"
    if "evidence" in missing:
        named = stage.replace("_", " ")
        crew.hands["evidence"].post(f"{at}/evidence-links", {
            "label": f"Notes of {named}",
            "link": f"https://docs.example.org/{row['ref'].lower()}/{stage}",
        })  # fmt: skip
        return "evidence", f"keeps what shows that {named} of {row['ref']} is done"
    return None


def _toolkit(crew: Crew, ref: str, at: str) -> Told:
    inspector = crew.hands["inspector"]
    kits = inspector.get(f"{at}/toolkits")["items"]
    if not kits:
        inspector.post(f"{at}/toolkits", {
            "toolkit": KIT, "purpose": "What was written, and drafts.", "mutating": True,
            "requested_scopes": SCOPES, "minimum_scopes": SCOPES[:1],
        })  # fmt: skip
        inspector.post(f"{at}/toolkits/{KIT}/inspections", {
            "external_id": f"look-{ref}", "source": "Mails of the last year", "read_only": True,
            "proof": "GET only; the key has no other scope.", "coverage_percent": "93.1",
            "sample_count": 240, "result": "pass",
        })  # fmt: skip
        return "inspector", f"asks for {KIT} in {ref}, having looked at it read-only"
    kit = kits[0]
    if kit["status"] == "approved" and not kit.get("connection"):
        begun = inspector.post(f"{at}/toolkits/{KIT}/connections", {"link_id": f"link-{ref}"})
        until = times.now() + timedelta(days=60)
        inspector.post(f"{at}/toolkits/{KIT}/connections/{begun['uid']}/complete", {
            "granted_scopes": SCOPES, "expires_at": until.isoformat(),
        })  # fmt: skip
        return "inspector", f"connects {KIT} for {ref}"
    return None


def _propose(crew: Crew, row: dict[str, Any], at: str) -> str:
    planner = crew.hands["planner"]
    [play] = planner.post(f"{at}/plays", {"plays": [{
        "key": "drafts-first", "rank": 1, "title": "Draft each one, let people send",
        "rationale": "Nothing leaves the house before somebody has read it.",
        "confidence": "0.81", "effort": "low", "risk": "low",
        "steps": [
            {"toolkit": KIT, "action": "search_threads", "summary": "What was written"},
            {"toolkit": KIT, "action": "create_drafts", "summary": "A draft for each",
             "mutating": True},
        ],
        "undo": {"label": "Take the drafts away", "window_minutes": 120, "steps": [{
            "play_step": 2, "action": "The drafts", "inverse": "Delete each by its id.",
            "verify": "None of the ids is found any more.",
        }]},
    }]})["items"]  # fmt: skip
    planner.post(f"{at}/plays/{play['uid']}/undo-plan/ready")
    planner.put(f"{at}/plan-notes", {
        "risk_notes": "Drafts stay in the folder of whoever sends them.", "sla_impact": "None.",
    })  # fmt: skip
    return f"proposes how to carry out {row['ref']}"
