"""One report: proved, taken once, stored beside what GitHub says, and told to the step it ends.

A repository is known by its name and proves itself by the secret it was given, with the portal's
own signature: the time is part of what is signed, so an old report cannot be sent again, and a
report that comes twice within that time is known by its content.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction

from controlplane.lib import actors, clock, http, strictjson
from controlplane.lib.errors import Invalid, Unauthorized
from controlplane.work.models import CheckResult, GithubSource, HookDelivery
from controlplane.work.services.github import telling
from controlplane.work.services.github.payloads import Word, moment
from controlplane.work.services.github.sources import note_refused, secret_of
from deployments.models import Step
from deployments.services import steps
from deployments.services.holding import hold_step
from deployments.services.reading import line, refuse, sha, text, web_address
from deployments.steps import moving
from deployments.steps.output import bounded, redacted

ACTOR = actors.job("deployments.ci")
KIND = "ci"
_MOST_SOURCES = 50
_FIELDS = frozenset(
    {
        *("repository", "name", "sha", "status", "conclusion", "url", "branch", "id"),
        *("started_at", "completed_at", "delivery", "step", "attempt", "output"),
    }
)
_STATUSES = ("queued", "in_progress", "completed")
_CONCLUSIONS = ("success", "failure", "cancelled", "neutral", "skipped", "timed_out")


class Received(NamedTuple):
    outcome: str
    repeated: bool = False


def receive(body: bytes, headers: Mapping[str, str]) -> Received:
    """What became of it. Raises `Unauthorized` when no secret of ours signed it."""
    payload = strictjson.loads(body, max_bytes=max(len(body), 1))
    if not isinstance(payload, dict):
        raise Invalid("An object.")
    source = _proved(str(payload.get("repository", ""))[:200], body, headers)
    unknown = sorted(set(payload) - _FIELDS)
    if unknown:
        raise refuse(unknown[0], "There is no such field.")
    word = _word(payload)
    with transaction.atomic():
        if not _take(source, payload, body):
            return Received("repeated", repeated=True)
        outcome = telling.tell(source, word, actor=ACTOR)
        if payload.get("step"):
            outcome = f"{outcome}; {_end_step(source, payload, word)}"
        GithubSource.objects.filter(pk=source.pk).update(last_at=clock.now())
    return Received(outcome[:200])


def _proved(repository: str, body: bytes, headers: Mapping[str, str]) -> GithubSource:
    rows = GithubSource.objects.filter(repository__iexact=repository, is_active=True)
    sources = list(rows.select_related("project").order_by("pk")[:_MOST_SOURCES])
    right: GithubSource | None = None
    # All of them, always: how long it takes tells nothing of which secret came near.
    for source in sources or [None]:
        secret = secret_of(source) if source is not None else b"nobody"
        if http.verify(secret, body, headers) and source is not None:
            right = right or source
    if right is not None:
        return right
    if sources:
        note_refused(sources)
    raise Unauthorized("The signature is not right for this repository, or too old.")


def _take(source: GithubSource, payload: Mapping[str, Any], body: bytes) -> bool:
    given = payload.get("delivery")
    name = line("delivery", given, 90) if given else hashlib.sha256(body).hexdigest()
    try:
        with transaction.atomic():
            HookDelivery.objects.create(source=source, delivery=f"ci:{name}"[:100], event=KIND)
    except IntegrityError as error:
        if "work_delivery_once" not in str(error):
            raise
        return False
    return True


def _word(payload: Mapping[str, Any]) -> Word:
    name = line("name", payload.get("name"), 300, required=True)
    commit = sha("sha", payload.get("sha", ""))
    if not commit:
        raise refuse("sha", "Which commit it is about.")
    status = payload.get("status", "completed")
    if status not in _STATUSES:
        raise refuse("status", f"One of {', '.join(_STATUSES)}.")
    conclusion = payload.get("conclusion", "")
    if (status == "completed") != (conclusion in _CONCLUSIONS):
        raise refuse("conclusion", f"Of what is completed: one of {', '.join(_CONCLUSIONS)}.")
    started, ended = moment(payload, "started_at"), moment(payload, "completed_at")
    given = line("id", payload.get("id", ""), 80)
    return Word(
        kind=KIND,
        outside_id=given or hashlib.sha256(f"{name}\n{commit}".encode()).hexdigest()[:40],
        name=name,
        sha=commit,
        at=ended or started or clock.now(),
        status=status,
        conclusion=conclusion,
        branch=line("branch", payload.get("branch", ""), 300),
        url=web_address("url", payload.get("url", "")),
        started_at=started,
        completed_at=ended or (clock.now() if status == "completed" else None),
        texts=[line("branch", payload.get("branch", ""), 300)],
    )


def _end_step(source: GithubSource, payload: Mapping[str, Any], word: Word) -> str:
    """The pipeline that took a step says how it ended. Only the attempt that waits hears it."""
    try:
        wanted = uuid.UUID(str(payload["step"]))
    except ValueError:
        raise refuse("step", "The uid that the call to the pipeline named.") from None
    rows = Step.objects.filter(uid=wanted, deployment__workspace_id=source.workspace_id)
    found = rows.select_related("deployment").first()
    if found is None:
        raise refuse("step", "There is no such step.")
    attempt = payload.get("attempt")
    if isinstance(attempt, bool) or not isinstance(attempt, int):
        raise refuse("attempt", "Which try it was, as the call to the pipeline named it.")
    row = hold_step(found)
    waits = row.state == "running" and row.kind == Step.Kind.HOOK and row.started_at is not None
    if not waits or attempt != row.attempt:
        return "no step waits for it"
    if word.status != "completed":
        return "the step goes on"
    moved = moving.end(
        row,
        "done" if word.conclusion in CheckResult.GOOD else "failed",
        from_="running",
        output=bounded(redacted(text("output", payload.get("output", ""), 1_000_000))),
        outcome=f"{source.repository} reported {word.conclusion}. {word.url}".strip()[:500],
    )
    steps.after_step(moved, ACTOR)
    return f"the step is {moved.state}"
