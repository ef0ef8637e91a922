"""Stores what a check said, and tells it on the items it is about: one line for a check and a
commit, another only when the result turned."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from django.db import IntegrityError, transaction

from controlplane.base import signals
from controlplane.lib.actors import Actor
from controlplane.lib.errors import ControlPlaneError
from controlplane.work.models import CheckResult, GithubSource, Item, Project
from controlplane.work.services import graph, talk
from controlplane.work.services.closing import close_item
from controlplane.work.services.github.payloads import Word
from controlplane.work.vocabulary import counted

MOST_ITEMS = 20
MERGED = "work.merged"
DEPLOYED = "work.deployed"
_RANK = {"queued": 0, "in_progress": 1, "completed": 2}
_SUMS = frozenset({"check_suite", "workflow_run"})  # of the single runs, where those are sent too


def tell(source: GithubSource, word: Word, *, actor: Actor) -> str:
    """One sentence about what was done."""
    items = _items(source, word)
    if len(items) > 1 or (word.gates and word.status == "completed"):
        graph.lock(source.workspace_id)  # before the first row: others hold several, too
    if word.kind == "pull_request":
        said = _say_of_pull(source, word, items, actor)
    else:
        said = _store_and_say(source, word, items, actor)
    opened = _resolve_gates(source, word, actor)
    gates = f"; {counted(opened, 'gate')}" if opened else ""
    return f"{word.kind} {word.conclusion or word.status}: {said}{gates}"


# --- Results ----------------------------------------------------------------------------------


def _store_and_say(source: GithubSource, word: Word, items: Sequence[Item], actor: Actor) -> str:
    row = _row(source, word)
    if _older(row, word):
        return "older than what is known"
    before = _last_word(source, word)
    row.name, row.sha, row.branch = word.name, word.sha, word.branch
    row.status, row.conclusion, row.url = word.status, word.conclusion, word.url
    row.started_at = word.started_at or row.started_at
    row.completed_at = word.completed_at
    row.updated_at = word.at
    row.save()
    row.items.add(*items)
    turned = word.status == "completed" and before != word.conclusion
    if turned and word.environment:
        _tell_of_deployment(source, word, row)
    if not turned or _summed_up(source, word):
        return f"{counted(len(items), 'item')}, no comment"
    line = _line(source, word)
    for item in items:
        talk.comment(item, line, actor=actor, name=_name(source), source="github")
    return f"{counted(len(items), 'item')} told"


def _row(source: GithubSource, word: Word) -> CheckResult:
    """The check's row, locked: words about one check are heard one after the other."""
    same = {"source": source, "kind": word.kind, "outside_id": word.outside_id}
    try:
        with transaction.atomic():
            CheckResult.objects.get_or_create(
                **same,
                defaults={
                    "workspace_id": source.workspace_id,
                    "name": word.name,
                    "sha": word.sha,
                    "status": "",
                    "updated_at": word.at,
                },
            )
    except IntegrityError:
        pass  # another made it at this moment
    row: CheckResult = CheckResult.objects.select_for_update().get(**same)
    return row


def _older(row: CheckResult, word: Word) -> bool:
    """Deliveries come in any order: what is known never goes back in time."""
    if not row.status:
        return False
    if row.updated_at != word.at:
        return row.updated_at > word.at
    return _RANK.get(row.status, 0) > _RANK[word.status]


def _last_word(source: GithubSource, word: Word) -> str:
    """How the check of this name about this commit ended last; a rerun has another id."""
    same = CheckResult.objects.filter(
        source=source, kind=word.kind, name=word.name, sha=word.sha, status="completed"
    )
    last: str | None = (
        same.order_by("-updated_at", "-pk").values_list("conclusion", flat=True).first()
    )
    return last or ""


def _summed_up(source: GithubSource, word: Word) -> bool:
    if word.kind not in _SUMS:
        return False
    runs = CheckResult.objects.filter(source=source, sha=word.sha, kind="check_run")
    return runs.exists()


def _line(source: GithubSource, word: Word) -> str:
    branch = f" on {word.branch}" if word.branch else ""
    url = f" {word.url}" if word.url else ""
    return f"{source.repository}: {word.name} {_result(word)} for {word.sha[:12]}{branch}.{url}"


def _result(word: Word) -> str:
    words = {"success": "passed", "failure": "failed", "merged": "was merged"}
    return words.get(word.conclusion, f"ended as {word.conclusion.replace('_', ' ')}")


def _name(source: GithubSource) -> str:
    return f"GitHub {source.repository}"


def _say_of_pull(source: GithubSource, word: Word, items: Sequence[Item], actor: Actor) -> str:
    """Opened, merged or closed: each said once."""
    state = word.conclusion or "opened"
    verb = {"merged": "was merged", "closed": "was closed without a merge"}.get(state, "is open")
    digest = hashlib.sha256(f"{source.repository}#{word.outside_id}".lower().encode()).hexdigest()
    origin = f"github:{digest[:40]}:{state}"
    line = f"{source.repository}#{word.outside_id} {verb}: {word.name}. {word.url}".strip()
    for item in items:
        talk.comment(item, line, actor=actor, name=_name(source), source="github", origin=origin)
    if word.merged_as:
        _tell_of_merge(source, word)
    return f"{counted(len(items), 'item')} told"


def _tell_of_merge(source: GithubSource, word: Word) -> None:
    """For the packages above: what staging has to be brought up to. Told once."""
    signals.emit(
        MERGED,
        key=f"{source.workspace_id}:{word.outside_id}:{source.repository.lower()}"[:200],
        payload={
            "repository": source.repository,
            "number": int(word.outside_id),
            "title": word.name,
            "commit": word.merged_as,
            "url": word.url,
            "at": (word.completed_at or word.at).isoformat(),
        },
        workspace_id=source.workspace_id,
    )


def _tell_of_deployment(source: GithubSource, word: Word, row: CheckResult) -> None:
    """For the packages above: how a pipeline's own deployment ended. Once for each turn it took."""
    turn = f"{row.pk}:{word.conclusion}:{word.at.isoformat()}"
    signals.emit(
        DEPLOYED,
        key=turn[:200],
        payload={
            "result": row.pk,
            "repository": source.repository,
            "environment": word.environment,
            "commit": word.sha.lower(),
            "conclusion": word.conclusion,
            "url": word.url,
        },
        workspace_id=source.workspace_id,
    )


# --- Which items ------------------------------------------------------------------------------


def _items(source: GithubSource, word: Word) -> list[Item]:
    """Those whose key stands in a branch, a title or a message, or whose external reference it
    is: of the source's project, and of the workspace's others what is not found there."""
    projects = list(Project.objects.filter(workspace_id=source.workspace_id).in_use().shared())
    keys = _keys(word.texts, {project.prefix for project in projects})
    projects.sort(key=lambda project: project.pk != source.project_id)
    found: dict[int, Item] = {}
    seen: set[str] = set()
    for project in projects:
        for key in [key for key in keys if key not in seen]:
            item = Item.objects.filter(project=project).called(key).first()
            if item is not None:
                seen.add(key)
                found[item.pk] = item
    refs = [ref[:300] for ref in (*word.refs, word.sha, word.url) if ref]
    named = Item.objects.filter(project__in=projects, external_ref__in=refs).order_by("pk")
    found |= {item.pk: item for item in named[:MOST_ITEMS]}
    return [found[pk] for pk in sorted(found)[:MOST_ITEMS]]


def _keys(texts: Iterable[str], prefixes: Iterable[str]) -> list[str]:
    """`bd-a1f.2` of `feature/bd-a1f.2-login`: what looks like a key of one of these prefixes."""
    either = "|".join(sorted((re.escape(each) for each in prefixes), key=len, reverse=True))
    if not either:
        return []
    form = re.compile(
        rf"(?i)(?<![a-z0-9])(?:{either})-[0-9a-z]{{1,15}}(?:\.[0-9]{{1,6}})*(?![a-z0-9])"
    )
    found: dict[str, None] = {}
    for each in texts:
        for match in form.finditer(each):
            found[match.group().lower()] = None
    return list(found)[:MOST_ITEMS]


# --- Gates ------------------------------------------------------------------------------------


def _resolve_gates(source: GithubSource, word: Word, actor: Actor) -> int:
    """Close what waited for this run or this pull request, when it ended well. A bare number
    means this source's own project; a full name means the same everywhere."""
    if word.status != "completed" or not word.gates:
        return 0
    well = word.conclusion in {*CheckResult.GOOD, "merged"}
    opened = 0
    for kind, number in word.gates:
        for gate in _gates(source, kind, number):
            if well:
                opened += _open(gate, source, word, actor)
            else:
                _still_shut(gate, source, word, actor)
    return opened


def _gates(source: GithubSource, kind: str, number: str) -> list[Item]:
    same: list[str | int] = [number]
    rows = Item.objects.filter(workspace_id=source.workspace_id, item_type="gate").queued()
    if number.isdigit():
        same.append(int(number))
        rows = rows.filter(project=source.project_id)
    rows = rows.filter(extra__await_type=kind, extra__await_id__in=same)
    return list(rows.unfinished().order_by("pk")[:MOST_ITEMS])


def _open(gate: Item, source: GithubSource, word: Word, actor: Actor) -> int:
    what = f"pull request {word.outside_id}" if word.kind == "pull_request" else word.name
    reason = f"{source.repository}: {what} {_result(word)}. {word.url}".strip()
    try:
        with transaction.atomic():
            close_item(gate, actor=actor, reason=reason, name=_name(source))
    except ControlPlaneError as error:
        talk.comment(
            gate,
            f"{reason} The gate stays shut: {error.message}",
            actor=actor,
            name=_name(source),
            source="github",
            origin=_origin(word, "shut"),
        )
        return 0
    return 1


def _still_shut(gate: Item, source: GithubSource, word: Word, actor: Actor) -> None:
    talk.comment(
        gate,
        f"{_line(source, word)} The gate stays shut.",
        actor=actor,
        name=_name(source),
        source="github",
        origin=_origin(word, word.conclusion),
    )


def _origin(word: Word, state: str) -> str:
    digest = hashlib.sha256(
        f"{word.kind}\0{word.outside_id}\0{word.sha}\0{word.at}\0{state}".encode()
    ).hexdigest()
    return f"github:gate:{digest[:40]}"
