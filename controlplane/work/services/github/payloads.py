"""GitHub's payloads, read: what is needed of each event, or a refusal. Never another error."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from controlplane.lib.errors import Invalid

# A line of its own is made of what holds several, and of what only a terminal obeys.
_BREAKS = [chr(number) for number in (*range(32), 0x7F, 0x85, 0x2028, 0x2029)]
_LINE = str.maketrans(dict.fromkeys(_BREAKS, " "))
_MOST = 20
DEPLOYMENT_TO = "deployment to "  # how the check of a deployment is called
RUNNING = frozenset({"queued", "in_progress", "pending", "requested", "waiting", "created"})


@dataclass(slots=True)
class Word:
    """What one event says of one check, or of one pull request."""

    kind: str
    outside_id: str
    name: str
    sha: str
    at: datetime
    status: str = "completed"
    conclusion: str = ""
    branch: str = ""
    url: str = ""
    started_at: datetime | None = None
    completed_at: datetime | None = None
    # Where keys of items are looked for, and what an item's external reference may be.
    texts: list[str] = field(default_factory=list)
    refs: list[str] = field(default_factory=list)
    # What a gate may wait for: (await_type, await_id).
    gates: list[tuple[str, str]] = field(default_factory=list)
    # Of a pull request that was merged into the default branch: the commit it became there.
    merged_as: str = ""
    # Of a deployment: where to, in the words of the repository.
    environment: str = ""


def read(event: str, payload: Mapping[str, Any], now: datetime) -> Word | None:
    """None: an event that says nothing to us."""
    reader = READERS.get(event)
    if reader is None:
        return None
    return reader(payload, _Place(payload, now))


class _Place:
    """The payload's own repository and time."""

    def __init__(self, payload: Mapping[str, Any], now: datetime) -> None:
        self.repository = text(payload, "repository", "full_name", longest=200)
        self.now = now


def repository_of(payload: Any) -> str:
    if not isinstance(payload, dict):
        raise Invalid("A delivery is a JSON object.")
    named = text(payload, "repository", "full_name", longest=200)
    if not named:
        raise Invalid(
            "The delivery names no repository.", details={"repository.full_name": "Missing."}
        )
    return named


# --- Values -----------------------------------------------------------------------------------


def at(found: Any, *path: str) -> Any:
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def text(found: Any, *path: str, longest: int = 300) -> str:
    """One line; empty when it is not there, or no text."""
    value = at(found, *path)
    return value.translate(_LINE).strip()[:longest] if isinstance(value, str) else ""


def needed(found: Any, *path: str, longest: int = 300) -> str:
    value = at(found, *path)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
        if len(value) > longest:
            raise Invalid("A number is too long.", details={".".join(path): "Too long."})
        return value
    said = text(found, *path, longest=longest)
    if not said:
        raise Invalid("The delivery lacks a field.", details={".".join(path): "Missing."})
    return said


def moment(found: Any, *path: str) -> datetime | None:
    said = text(found, *path, longest=50)
    if not said:
        return None
    try:
        seen = datetime.fromisoformat(said)
        seen = seen.replace(tzinfo=seen.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid("A time is not valid.", details={".".join(path): "Not a time."}) from None
    if not 2000 <= seen.year < 9000:
        raise Invalid("A time is not valid.", details={".".join(path): "Not a time."})
    return seen


def _link(found: Any, *names: str) -> str:
    for name in names:
        url = text(found, name, longest=1_000)
        if url.startswith(("https://", "http://")):
            return url
    return ""


def _requests(found: Any, place: _Place) -> tuple[list[str], list[str]]:
    """Texts and references of the pull requests a check belongs to."""
    rows = at(found, "pull_requests")
    texts: list[str] = []
    refs: list[str] = []
    for row in rows[:_MOST] if isinstance(rows, list) else ():
        texts += [text(row, "head", "ref"), text(row, "title", longest=1_000)]
        number = at(row, "number")
        if isinstance(number, int) and not isinstance(number, bool):
            refs += _pull_refs(place, number)
    return texts, refs


def _pull_refs(place: _Place, number: int) -> list[str]:
    return [
        f"{place.repository}#{number}",
        f"gh-{number}",
        f"https://github.com/{place.repository}/pull/{number}",
    ]


def _state(found: Any) -> tuple[str, str]:
    """Status and conclusion, in the words of check runs."""
    status = needed(found, "status", longest=30)
    if status in RUNNING:
        return ("in_progress" if status == "in_progress" else "queued"), ""
    if status != "completed":
        raise Invalid("The status is not known.", details={"status": "Not known."})
    return status, text(found, "conclusion", longest=30) or "neutral"


# --- Events -----------------------------------------------------------------------------------


def _check_run(payload: Mapping[str, Any], place: _Place) -> Word:
    run = at(payload, "check_run")
    status, conclusion = _state(run)
    texts, refs = _requests(run, place)
    started, completed = moment(run, "started_at"), moment(run, "completed_at")
    branch = text(run, "check_suite", "head_branch")
    return Word(
        "check_run",
        needed(run, "id", longest=100),
        needed(run, "name"),
        needed(run, "head_sha", longest=64),
        completed or started or place.now,
        status,
        conclusion,
        branch,
        _link(run, "html_url", "details_url"),
        started,
        completed,
        [branch, *texts],
        refs,
    )


def _suite_or_run(payload: Mapping[str, Any], place: _Place, kind: str) -> Word:
    run = at(payload, kind)
    status, conclusion = _state(run)
    texts, refs = _requests(run, place)
    branch = text(run, "head_branch")
    number = needed(run, "id", longest=100)
    updated = moment(run, "updated_at") or place.now
    message = text(run, "head_commit", "message", longest=5_000)
    name = text(run, "name") or text(run, "app", "name") or kind
    return Word(
        kind,
        number,
        name,
        needed(run, "head_sha", longest=64),
        updated,
        status,
        conclusion,
        branch,
        _link(run, "html_url"),
        moment(run, "run_started_at") or moment(run, "created_at"),
        updated if status == "completed" else None,
        [branch, text(run, "display_title", longest=1_000), message, *texts],
        refs,
        [("gh:run", number)] if kind == "workflow_run" else [],
    )


def _check_suite(payload: Mapping[str, Any], place: _Place) -> Word:
    return _suite_or_run(payload, place, "check_suite")


def _workflow_run(payload: Mapping[str, Any], place: _Place) -> Word:
    return _suite_or_run(payload, place, "workflow_run")


_OUTCOMES = {
    "success": ("completed", "success"),
    "failure": ("completed", "failure"),
    "error": ("completed", "failure"),
    "inactive": ("completed", "neutral"),
    "pending": ("queued", ""),
    "queued": ("queued", ""),
    "in_progress": ("in_progress", ""),
}


def _outcome(found: Any) -> tuple[str, str]:
    state = needed(found, "state", longest=30)
    if state not in _OUTCOMES:
        raise Invalid("The state is not known.", details={"state": "Not known."})
    return _OUTCOMES[state]


def _status(payload: Mapping[str, Any], place: _Place) -> Word:
    """Each word about a commit has an id of its own; the check is the commit and the context."""
    status, conclusion = _outcome(payload)
    sha, name = needed(payload, "sha", longest=64), needed(payload, "context")
    branches = at(payload, "branches")
    names = [text(row, "name") for row in branches[:_MOST]] if isinstance(branches, list) else []
    updated = moment(payload, "updated_at") or place.now
    return Word(
        "status",
        hashlib.sha256(f"{sha}\0{name}".encode()).hexdigest(),
        name,
        sha,
        updated,
        status,
        conclusion,
        names[0] if names else "",
        _link(payload, "target_url"),
        moment(payload, "created_at"),
        updated if status == "completed" else None,
        [*names, text(payload, "commit", "commit", "message", longest=5_000)],
    )


def _deployment_status(payload: Mapping[str, Any], place: _Place) -> Word:
    said, deployment = at(payload, "deployment_status"), at(payload, "deployment")
    status, conclusion = _outcome(said)
    updated = moment(said, "updated_at") or moment(said, "created_at") or place.now
    where = text(deployment, "environment", longest=100)
    ref = text(deployment, "ref")
    return Word(
        "deployment_status",
        needed(deployment, "id", longest=100),
        f"{DEPLOYMENT_TO}{where or 'somewhere'}",
        needed(deployment, "sha", longest=64),
        updated,
        status,
        conclusion,
        ref,
        _link(said, "log_url", "target_url", "environment_url"),
        moment(deployment, "created_at"),
        updated if status == "completed" else None,
        [ref, text(deployment, "description", longest=1_000)],
        [ref] if ref else [],
        environment=where,
    )


def _pull_request(payload: Mapping[str, Any], place: _Place) -> Word:
    pull = at(payload, "pull_request")
    number = at(pull, "number")
    if isinstance(number, bool) or not isinstance(number, int):
        raise Invalid("The delivery lacks a field.", details={"pull_request.number": "Missing."})
    closed = needed(pull, "state", longest=30) == "closed"
    merged = at(pull, "merged") is True
    branch = text(pull, "head", "ref")
    url = _link(pull, "html_url")
    return Word(
        "pull_request",
        str(number),
        text(pull, "title", longest=300) or f"pull request {number}",
        text(pull, "head", "sha", longest=64),
        moment(pull, "updated_at") or place.now,
        "completed" if closed else "in_progress",
        ("merged" if merged else "closed") if closed else "",
        branch,
        url,
        moment(pull, "created_at"),
        moment(pull, "merged_at") or moment(pull, "closed_at"),
        [branch, text(pull, "title", longest=1_000)],
        [*_pull_refs(place, number), url] if url else _pull_refs(place, number),
        [
            ("gh:pr", str(number)),
            ("gh:pr", f"{place.repository}#{number}"),
            ("gh:pr", f"https://github.com/{place.repository}/pull/{number}"),
        ],
        _merged_as(payload, pull) if merged else "",
    )


def _merged_as(payload: Mapping[str, Any], pull: Any) -> str:
    """Into another branch nothing is released from: such a merge is nobody's business here."""
    main = text(payload, "repository", "default_branch")
    if not main or text(pull, "base", "ref") != main:
        return ""
    return text(pull, "merge_commit_sha", longest=64).lower()


READERS: dict[str, Callable[[Mapping[str, Any], _Place], Word]] = {
    "check_run": _check_run,
    "check_suite": _check_suite,
    "workflow_run": _workflow_run,
    "status": _status,
    "deployment_status": _deployment_status,
    "pull_request": _pull_request,
}
