"""Threads: an executioner and a reviewer hold reviews, and sleep in between."""

from __future__ import annotations

from typing import Any

from controlplane.demo_agents.crew import PIPELINE, Crew, Told, act
from controlplane.demo_agents.planning import Turn

RUNTIME = "demo-agents"
OPEN = 2  # reviews at once
TITLE = "Review: "
# What is reviewed, what is wrong with it, and how it is mended.
REVIEWS: tuple[tuple[str, str, str], ...] = (
    ("pauses between retries", "The third retry comes as fast as the first.",
     "Each retry waits twice as long as the one before."),
    ("names in exported files", "A file is named after the customer.",
     "Files are named by number."),
    ("limits of the mailbox", "A batch of 200 asks at once.", "Thirty a minute, and no more."),
    ("sums of the weekly note", "Rounded line by line: nine lines are off by one.",
     "Summed first, rounded once."),
    ("time zones of reminders", "Reminders go out at nine UTC, not at nine there.",
     "Nine where the reader is."),
)  # fmt: skip
FAULTS = {f"{TITLE}{about}": (wrong, right) for about, wrong, right in REVIEWS}
OTHERWISE = ("One case is missing in the test.", "The case is in the test now.")


@act
def beat(crew: Crew, turn: Turn) -> Told:
    """One of them says that it is alive, and whether it works or sleeps."""
    role = turn.rng.choice(sorted(set(crew.hands) - {PIPELINE}))
    status = turn.rng.choice(("active", "active", "idle"))
    _beat(crew, role, status)
    return role, f"is {'awake' if status == 'active' else 'idle'}"


def _beat(crew: Crew, role: str, status: str) -> None:
    crew.hands[role].post("sessions/heartbeat", {
        "session_id": f"{role}-{RUNTIME}", "runtime": RUNTIME, "status": status, "resumable": True,
        "management_mode": "managed",
    })  # fmt: skip


@act
def talk(crew: Crew, turn: Turn) -> Told:
    """Read what came, answer it, say how far one has read, and go to sleep again."""
    role = turn.rng.choice(("executioner", "reviewer"))
    portal = crew.hands[role]
    waiting = portal.get("threads/inbox")["threads"]
    if waiting:
        _beat(crew, role, "active")
        words = _answer(crew, turn, role, waiting[0])
    elif role == "executioner" and _open(portal.get("threads?mine=true&status=active&limit=20")):
        words = _begin(crew, turn)
    else:
        words = "has read everything, and sleeps"
    _beat(crew, role, "idle")
    return role, words


def _open(found: dict[str, Any]) -> bool:
    return sum(row["title"] in FAULTS for row in found["items"]) < OPEN


def _begin(crew: Crew, turn: Turn) -> str:
    portal = crew.hands["executioner"]
    title = TITLE + turn.rng.choice(REVIEWS)[0]
    crew.reviewer = crew.reviewer or crew.hands["reviewer"].get("me")["uid"]
    row = portal.post("threads", {
        "title": title, "type": "workflow", "participants": [{"agent_id": crew.reviewer}],
    })  # fmt: skip
    _say(crew, "executioner", row["thread_id"], "re_review_requested", "Please look at it.", 0, "")
    return f"asks for a review in {row['ref']}: {title}"


def _answer(crew: Crew, turn: Turn, role: str, waiting: dict[str, Any]) -> str:
    portal, thread, ref = crew.hands[role], waiting["thread_id"], waiting["ref"]
    said: list[dict[str, Any]] = []
    while True:
        page = portal.get(f"threads/{thread}/messages?since_seq={_last(said)}&limit=200")
        said += page["messages"]
        if not page["has_more"]:
            break
    words = ""
    if page["thread_status"] == "active":
        words = _reviewed(crew, turn, thread, said, waiting["title"]) if role == "reviewer" \
            else _mended(crew, thread, said, waiting["title"])  # fmt: skip
    portal.post(f"threads/{thread}/ack", {"last_read_seq": _last(said)})
    return f"{words} in {ref}" if words else f"reads {ref} up to message {_last(said)}"


def _last(said: list[dict[str, Any]]) -> int:
    return said[-1]["seq"] if said else 0


def _of(said: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [each for each in said if each["event_type"] in kinds]


def _reviewed(
    crew: Crew, turn: Turn, thread: str, said: list[dict[str, Any]], title: str
) -> str:  # fmt: skip
    """A finding first; once it is mended, most of the time it holds."""
    asked = _of(said, "re_review_requested")
    verdicts = _of(said, "finding_reported", "finding_rejected", "finding_verified")
    if title not in FAULTS or not asked or (verdicts and verdicts[-1]["seq"] > asked[-1]["seq"]):
        return ""
    wrong, _ = FAULTS[title]
    cause, finding = asked[-1]["seq"], "F-1"
    if not verdicts:
        _say(crew, "reviewer", thread, "finding_reported", wrong, cause, finding)
        return f"reports a finding ({wrong.lower().rstrip('.')})"
    if not _of(said, "finding_rejected") and turn.rng.random() < 0.25:
        again = "Better, and still not in every case."
        _say(crew, "reviewer", thread, "finding_rejected", again, cause, finding)
        return "sends a fix back"
    _say(crew, "reviewer", thread, "finding_verified", "It holds.", cause, finding)
    crew.hands["reviewer"].post(
        f"threads/{thread}/status", {"status": "resolved", "reason": "Every finding is verified."}
    )
    return "verifies the fix and resolves the review"


def _mended(crew: Crew, thread: str, said: list[dict[str, Any]], title: str) -> str:
    found = _of(said, "finding_reported", "finding_rejected")
    if title not in FAULTS or not found:
        return ""
    if [each for each in _of(said, "fix_pushed") if each["seq"] > found[-1]["seq"]]:
        return ""
    cause, finding = found[-1]["seq"], found[-1]["metadata"].get("finding_id", "F-1")
    _, right = FAULTS.get(title, OTHERWISE)
    _say(crew, "executioner", thread, "fix_pushed", right, cause, finding)
    _say(crew, "executioner", thread, "re_review_requested", "Please look again.", cause, finding)
    return f"mends what was found ({right.lower().rstrip('.')})"


def _say(
    crew: Crew, role: str, thread: str, event: str, body: str, cause: int, finding: str
) -> None:  # fmt: skip
    """Its key is made of what it answers: said again after a lost answer it is said once."""
    given: dict[str, Any] = {
        "schema_version": 1, "kind": "event", "event_type": event, "body": body,
        "idempotency_key": f"{event}-{cause}-{finding}",
        "metadata": {"finding_id": finding} if finding else {},
    }  # fmt: skip
    if cause:
        given["in_reply_to"] = cause
    crew.hands[role].post(f"threads/{thread}/messages", given)
