"""The page of a deployment: where it is, what is green, what is missing and who mends it, what
happens next and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.urls import reverse

from controlplane.access import policy
from controlplane.approvals.shown import page as approvals
from controlplane.approvals.shown import words
from controlplane.audit.models import AuditEvent
from controlplane.lib import clock
from controlplane.lib.actors import Actor
from deployments import freezing, links, numbers
from deployments.models import Deployment, Freeze, Gate, Snapshot
from deployments.services import next_action, papers
from deployments.services.next_action import Next, undoing
from deployments.shown import deck_gates, deck_moves, deck_steps

ROAD = (
    "draft", "preparing", "ready", "approved", "deploying", "verifying", "monitoring", "completed",
)  # fmt: skip
# What begins later than this after it goes is no concern of it.
_SOON = timedelta(days=7)
_OUT = frozenset({"deploying", "verifying", "monitoring", "completed", "failed", "blocked"})


@dataclass(frozen=True, slots=True)
class Place:
    """One state of the road. `mark`: done, here, ahead; or what became of it instead."""

    label: str
    mark: str
    at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Ahead:
    """Something that is coming, with its time."""

    text: str
    at: datetime | None = None
    url: str = ""
    tone: str = "neutral"
    verb: str = "due"


def road(row: Deployment) -> list[Place]:
    """Where it is among the states, and where it left the road."""
    at = _reached(row)
    times = {
        "draft": row.created_at,
        "deploying": row.started_at,
        "verifying": row.deployed_at,
        "completed": row.closed_at if row.status in {"completed", "rolled_back"} else None,
    }
    found = []
    for place, name in enumerate(ROAD):
        mark = "done" if place < at else "ahead"
        if place == at:
            mark = "done" if name == "completed" else "here"
        label = str(Deployment.Status(name).label)
        found.append(Place(label, mark, times.get(name) if place <= at else None))
    if row.status in {"blocked", "failed", "cancelled", "rolled_back"}:
        words = str(row.get_status_display())
        ended = row.closed_at if row.status != "blocked" else None
        found[at] = Place(found[at].label, row.status, ended, words)
    return found


def _reached(row: Deployment) -> int:
    """The farthest state it came to. Of one that ended elsewhere its times tell."""
    if row.phase in ROAD:
        return ROAD.index(row.phase)
    if row.status == "rolled_back" and row.close_reason and row.verdict:
        return ROAD.index("monitoring")
    known = (("monitoring", row.monitor_until), ("verifying", row.deployed_at),
             ("deploying", row.started_at))  # fmt: skip
    reached = next((name for name, at in known if at is not None), "preparing")
    if row.status == "cancelled" and not row.gates.exists():
        reached = "draft"
    return ROAD.index(reached)


# --- What comes next ------------------------------------------------------------------------------


def ahead(row: Deployment, now: datetime) -> list[Ahead]:
    """Its own clocks, then what holds the environment: freezes now and to come."""
    found = []
    if row.docs_due_at is not None and row.documented_at is None:
        found.append(Ahead("Its documentation is due", row.docs_due_at, "#papers", "warn"))
    if row.phase in {"draft", "preparing", "ready", "approved"}:
        if row.planned_at is not None:
            found.append(Ahead("It is planned to go", row.planned_at, verb="goes"))
        found += _in_the_way(row, now)
    return found


def _in_the_way(row: Deployment, now: datetime) -> list[Ahead]:
    """Freezes and windows about the time it goes."""
    at = row.planned_at if row.planned_at is not None and row.planned_at > now else now
    rows = Freeze.objects.of(row.workspace_id).over(row.environment_id).within(now, at + _SOON)
    known = list(rows.filter(ended_at=None).order_by("starts_at")[:5])
    found = []
    for freeze in known:
        url = links.row(freeze)
        if freeze.starts_at <= now:
            words = f"Freeze “{freeze.title}” is in force; it ends"
            found.append(Ahead(words, freeze.ends_at, url, "warn", "ends"))
        else:
            found.append(
                Ahead(f"Freeze “{freeze.title}” begins", freeze.starts_at, url, verb="begins")
            )
    window = freezing.other_window(row, at=at)
    return [*found, Ahead(window, None, "", "warn")] if window else found


def next_url(row: Deployment, found: Next) -> str:
    """Where the page's button leads, or what it presses."""
    if found.verb == "change":
        field = {"Name the backup": "#id_backup_ref", "Say what it brings": "#id_components"}
        return f"{links.papers(row)}{field.get(found.label, _field_of(found.gate))}"
    if found.verb == "tick":
        return f"#check-{found.gate}"
    if found.verb == "sign":
        assert row.approval is not None
        return reverse("approvals:decide", args=(row.approval.uid,))
    if found.step is not None and found.verb:
        return deck_steps.url(row, found.step)
    return deck_moves.url(row, found.verb) if found.verb else ""


def _field_of(gate: str) -> str:
    fields = {
        "release-facts": "commit_sha", "rollback-plan": "rollback_plan", "watcher": "watcher",
        "evidence-folder": "evidence_path", "hotfix-scope": "branch",
    }  # fmt: skip
    return f"#id_{fields[gate]}" if gate in fields else ""


# --- Figures --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figure:
    title: str
    before: str
    after: str
    limit: str
    worse: bool = False


def figures(before: Snapshot | None, after: Snapshot | None) -> list[Figure]:
    was = before.figures if before is not None else {}
    now = after.figures if after is not None else {}
    slow = numbers.MAX_SLOWDOWN.value
    p95 = was.get("p95_ms")
    rows = (
        ("Requests that fail", "error_rate", _share, f"{numbers.MAX_ERROR_RATE.value:.0%}",
         numbers.MAX_ERROR_RATE.value),
        ("p95", "p95_ms", _ms, _ms(p95 * slow) if p95 else f"{slow:g} × before",
         p95 * slow if p95 else None),
        ("Requests", "requests", _count, f"at least {numbers.MIN_REQUESTS.value:,}", None),
        ("Events a minute", "ingestion_per_min", _rate, "as usual", None),
        ("Safeguard violations", "safeguard_violations", _count, "none", 0.5),
    )  # fmt: skip
    return [
        Figure(
            title,
            told(was.get(name)),
            told(now.get(name)),
            limit,
            most is not None and (now.get(name) or 0) > most,
        )
        for title, name, told, limit, most in rows
    ]


def _known(value: Any, form: str, unit: str = "") -> str:
    return "–" if value is None else f"{value:{form}}{unit}"


def _share(value: Any) -> str:
    return _known(value, ".2%")


def _ms(value: Any) -> str:
    return _known(value, ",.0f", "\u202fms")


def _count(value: Any) -> str:
    return _known(value, ",.0f")


def _rate(value: Any) -> str:
    return _known(value, ",.1f")


def _figures(row: Deployment) -> dict[str, Any]:
    """The newest of each kind; at a review in the meantime where the watch is not over."""
    newest: dict[str, Snapshot] = {}
    for snapshot in row.snapshots.exclude(phase="stage").order_by("pk"):
        newest[snapshot.phase] = snapshot
    before, after = newest.get("before"), newest.get("after")
    review = newest.get("review")
    if after is None or (review is not None and review.pk > after.pk):
        after = review or after
    return {"before": before, "after": after, "figures": figures(before, after)}


# --- The page -------------------------------------------------------------------------------------


class Deck:
    """What head and page rest on, read once for both."""

    def __init__(self, row: Deployment, actor: Actor) -> None:
        self.row, self.actor = row, actor

    @cached_property
    def gates(self) -> list[Gate]:
        return list(self.row.gates.order_by("position"))

    @cached_property
    def steps(self) -> list[Any]:
        return list(deck_steps.rows_of(self.row))

    @cached_property
    def following(self) -> Next:
        return next_action(self.row, self.actor, gates=self.gates, steps=self.steps)


def panel(deck: Deck) -> dict[str, Any]:
    """All that the page says but facts and history."""
    row, actor, following = deck.row, deck.actor, deck.following
    shown_steps = deck_steps.shown(row, deck.steps, actor)
    return {
        "row": row,
        "road": road(row),
        "following": following,
        "following_url": next_url(row, following),
        "ahead": ahead(row, clock.now()),
        "blocked_why": _blocked_why(row),
        "phases": deck_gates.phases(row, deck.gates, actor),
        "steps": shown_steps,
        "steps_done": sum(1 for each in shown_steps if each.step.is_over),
        "papers_url": links.papers(row),
        "look": _move(row, actor, "look"),
        "keep": _move(row, actor, "snapshot"),
        "undo": _undo(row, actor),
        **_owed(row, actor),
        "consent": _consent(row, actor),
        "neighbours": _neighbours(row),
        **_figures(row),
    }


def _blocked_why(row: Deployment) -> str:
    """In the words of whoever blocked it."""
    if row.status != Deployment.Status.BLOCKED:
        return ""
    rows = AuditEvent.objects.about(row).filter(action="deployment.change")
    found = rows.filter(after__status="blocked").order_by("-id").values_list("reason", flat=True)
    return str(found.first() or "")


def _move(row: Deployment, actor: Actor, slug: str) -> dict[str, str] | None:
    """A button that stands beside what it is about; None where the stage has no use for it."""
    move = deck_moves.MOVES[slug]
    if deck_moves.idle(move, row):
        return None
    return {
        "label": move.label,
        "url": deck_moves.url(row, slug),
        "refusal": deck_moves.refusal(move, row, actor),
    }


def _undo(row: Deployment, actor: Actor) -> dict[str, str] | None:
    return _move(row, actor, "rollback") if row.status in _OUT else None


def _owed(row: Deployment, actor: Actor) -> dict[str, Any]:
    """What a hotfix owes, and the button that says it is all there."""
    if row.docs_due_at is None:
        return {}
    items = papers.items_of(row)
    still = sum(1 for item in items if item.category != "done")
    return {"owed": items, "still_owed": still, "documented": _move(row, actor, "documented")}


def _consent(row: Deployment, actor: Actor) -> dict[str, Any] | None:
    """Who is asked, who signed; asked of the approvals themselves."""
    request = row.approval
    if request is None:
        return None
    steps = approvals.steps_of(request, actor)
    return {
        "request": request,
        "url": links.approval(row),
        "steps": steps,
        "share": words.fresh_share(request),
        "mine": any(step.view.may for step in steps),
    }


def _neighbours(row: Deployment) -> list[tuple[str, str, str, str]]:
    """What it has to do with: how, its ref, where, in which state."""
    found: list[tuple[str, Any]] = []
    if row.reverses is not None:
        found.append(("Rolls back", row.reverses))
    undo = undoing(row)
    if undo is not None:
        found.append(("Rolled back by", undo))
    if row.previous is not None:
        found.append(("Ran there before", row.previous))
    told = [
        (words, f"{each.ref} {each.release}", links.page_of(each), str(each.get_status_display()))
        for words, each in found
    ]
    for rollout in row.rollouts.order_by("-pk")[:5]:
        words = str(rollout.get_status_display())
        told.append(("Canary rollout", f"{rollout.ref} {rollout.title}", links.row(rollout), words))
    return told


def glance(row: Deployment, now: datetime) -> str:
    """In a list and on the home page: what it waits for, from its own columns."""
    told: Mapping[str, str] = {
        "draft": "To be prepared",
        "preparing": "Checks are being settled",
        "ready": "Consent is asked for",
        "approved": "Ready to start",
        "deploying": "Steps are being done",
        "verifying": "To be verified",
        "blocked": "Something is in its way",
        "failed": "Roll it back, or try again",
    }
    if row.status == "monitoring":
        if row.verdict == Deployment.Verdict.DEGRADED:
            return "It got worse: rolling back is proposed"
        over = row.monitor_until is not None and now >= row.monitor_until
        return "The watch is over: close it" if over else "Watched"
    return told.get(row.status, row.close_reason)


def buttons(
    row: Deployment, actor: Actor, following: Next
) -> Sequence[tuple[deck_moves.Move, str]]:
    """What stands in the head beside the next step; what stands beside what it is about is left
    out there. Where checks or steps stand in the way the next step says so."""
    found = []
    for move, refusal in deck_moves.offered(row, actor):
        if move.slug in _BESIDE or move.slug == following.verb:
            continue
        waits = move.slug in {"ready", "watch"} and not refusal
        found.append((move, following.why if waits else refusal))
    return found


# Looking again, keeping figures, rolling back, papers; and steps end by themselves.
_BESIDE = frozenset({"look", "snapshot", "rollback", "documented", "deployed"})


def may_change(row: Deployment, actor: Actor) -> str:
    """Why its papers can't be changed, or the empty text."""
    decision = policy.can(actor, "deployment.change", row)
    return "" if decision else decision.reason
