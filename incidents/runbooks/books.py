"""Which runbooks there are: shipped ones that follow the release, and a workspace's own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from controlplane.access import policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.lib import actors, clock, kept
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict, NotFound
from controlplane.lib.given import refuse
from controlplane.lib.given import text as checked
from controlplane.work.models import Item
from incidents.models import Runbook, RunbookVersion
from incidents.runbooks import allowed, reading

ACTION = "runbook.edit"
PORTAL = actors.job("runbooks")
FOLDER = Path(__file__).parent / "shipped"
# What the playbooks ask for by name.
REQUIRED: tuple[str, ...] = (
    "frontend_deploy", "agent_health", "postgres_pool", "composio_rate_limit", "evidence_upload",
    "beads_db", "safeguard_violation", "undo_failure", "data_gap", "kpi_miss", "oauth_drift",
    "service_unavailable", "storage_contention", "message_delivery_delay",
    "authorization_misconfiguration", "token_issuer_outage", "escalation_flood",
    "wake_trigger_failure", "unmanaged_runtime", "human_input_collision",
)  # fmt: skip
_READ = ("current", "workspace", "replaced_by", "source_item")


def mark_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# --- Those that come with a release -----------------------------------------------------------


@cache
def shipped() -> dict[str, tuple[str, reading.Document]]:
    """Text and meaning of each, by slug, as the release has them."""
    found = {}
    for path in sorted(FOLDER.glob("*.md")):
        text = path.read_text()
        document = reading.read(text)
        found[document.slug] = (text, document)
    return found


@cache
def _names() -> dict[str, str]:
    """Each slug and plain alias of a shipped one, and the slug it means."""
    found = {}
    for slug, (_, document) in shipped().items():
        found.update(dict.fromkeys((slug, *document.aliases), slug))
    return found


def adopt() -> int:
    """Make the shipped ones that are missing, and bring the others up to the release."""
    known = dict(Runbook.objects.filter(workspace=None).values_list("slug", "shipped_mark"))
    return sum(
        _ship(text, document)
        for slug, (text, document) in shipped().items()
        if known.get(slug) != mark_of(text)
    )


@transaction.atomic
def _ship(text: str, document: reading.Document) -> int:
    rows = Runbook.objects.select_for_update(of=("self",), no_key=True)
    row = rows.filter(workspace=None, slug=document.slug).first()
    if row is None:
        made = _said(Runbook(slug=document.slug), document)
        Runbook.objects.bulk_create([made], ignore_conflicts=True)  # another may be first
        row = rows.get(workspace=None, slug=document.slug)
    mark = mark_of(text)
    if row.shipped_mark == mark:
        return 0
    _next_version(row, text, document, PORTAL, "It came with the release.")
    row.shipped_mark = mark
    row.version += 1
    _store(row)
    return 1


def _said(row: Runbook, document: reading.Document) -> Runbook:
    row.aliases, row.title = list(document.aliases), document.title
    row.severity, row.owner_role = document.severity, document.owner
    row.category = document.category
    row.services, row.labels = list(document.services), list(document.labels)
    row.symptoms, row.text = document.symptoms, document.body
    return row


def _next_version(
    row: Runbook, text: str, document: reading.Document, actor: Actor, reason: str
) -> RunbookVersion:
    last = RunbookVersion.objects.filter(runbook=row).order_by("-number").first()
    row.current = RunbookVersion.objects.create(
        runbook=row,
        number=last.number + 1 if last else 1,
        text=text,
        steps=[step.data() for step in document.steps],
        mark=mark_of(text),
        made_by_ref=actor.ref[:80],
        reason=reason,
    )
    _said(row, document)
    return row.current


_STORED = (
    "aliases", "title", "severity", "owner_role", "category", "services", "labels", "symptoms",
    "text", "current", "base_mark", "shipped_mark", "source_item", "archived_at", "replaced_by",
    "version",
)  # fmt: skip


def _store(row: Runbook) -> None:
    Runbook.objects.filter(pk=row.pk).update(**{name: getattr(row, name) for name in _STORED})


# --- Read -------------------------------------------------------------------------------------


def every(workspace_id: int) -> list[Runbook]:
    """All that hold in a workspace, read in one go."""
    rows = Runbook.objects.in_force(workspace_id).filter(current__isnull=False)
    found = list(rows.select_related(*_READ))
    if not any(row.workspace_id is None for row in found) and adopt():
        return every(workspace_id)
    return found


def in_force(workspace_id: int) -> QuerySet[Runbook]:
    """What holds in a workspace, those that were put away included."""
    if not _ANY_SHIPPED.rows(workspace_id) and adopt():
        return in_force(workspace_id)
    return _in_force(workspace_id).select_related(*_READ)


def _in_force(workspace_id: int) -> QuerySet[Runbook]:
    rows: QuerySet[Runbook] = Runbook.objects.in_force(workspace_id).filter(current__isnull=False)
    return rows


_ANY_SHIPPED: kept.Question[tuple[int]] = kept.Question(
    lambda workspace: _in_force(workspace).filter(workspace=None).order_by().values_list("pk")[:1]
)


def here(workspace_id: int) -> QuerySet[Runbook]:
    """Those that were put away aside, without a look whether any were ever shipped."""
    return _in_force(workspace_id).filter(archived_at=None).select_related(*_READ)


HERE: kept.Question[Runbook] = kept.Question(here)


def standing(workspace_id: int) -> list[Runbook]:
    """Those, with what is shipped. Where one of ours is among them nobody need ask."""
    found = HERE.rows(workspace_id)
    if any(row.workspace_id is None for row in found) or _ANY_SHIPPED.rows(workspace_id):
        return found
    return HERE.rows(workspace_id) if adopt() else found


def find(workspace_id: int, name: str) -> Runbook | None:
    """By slug or alias. One that was replaced leads to its replacement."""
    rows = in_force(workspace_id)
    row = rows.filter(slug=name).first()
    if row is None:
        own = rows.filter(aliases__contains=[name]).order_by("workspace_id", "id")
        row = own.first()
    seen: set[int] = set()
    while row is not None and row.replaced_by_id is not None and row.pk not in seen:
        seen.add(row.pk)
        row = rows.filter(slug=row.replaced_by.slug).first() if row.replaced_by else None
    return row


def get(workspace_id: int, name: str) -> Runbook:
    row = find(workspace_id, name)
    if row is None:
        raise NotFound("There is no such runbook here.")
    return row


def is_shipped(name: str) -> bool:
    """A slug or alias of a shipped one."""
    return name in _names()


def is_known(workspace_id: int, name: str) -> bool:
    return name in _names() or find(workspace_id, name) is not None


def newer(row: Runbook) -> RunbookVersion | None:
    """The shipped text that came after a workspace's own was last compared with it."""
    if row.workspace_id is None:
        return None
    there = (
        Runbook.objects.filter(workspace=None, slug=row.slug, current__isnull=False)
        .select_related("current")
        .first()
    )
    if there is None or there.shipped_mark == row.base_mark:
        return None
    current: RunbookVersion | None = there.current
    return None if current is None or row.current is None or (
        current.mark == row.current.mark
    ) else current  # fmt: skip


# --- Written ----------------------------------------------------------------------------------


@transaction.atomic
def save_runbook(
    workspace: Workspace,
    text: str,
    *,
    actor: Actor,
    reason: str = "",
    slug: str = "",
    version: int | None = None,
    source_item: Item | None = None,
) -> Runbook:
    """A workspace's own runbook, or the next version of it. Under a shipped one's slug it takes
    that one's place there. Runs under way go on by the text they began with."""
    policy.require(actor, ACTION, workspace)
    text = str(text).replace("\r\n", "\n").strip() + "\n"
    document = reading.read(text)
    if slug and slug != document.slug:
        raise refuse("text", f"Its slug stays {slug}: others refer to it.")
    allowed.check(document, workspace)
    reason = checked("reason", reason, 500)
    row = _hold(workspace, document, version)
    _free_names(row, document)
    before = row.current.number if row.current is not None else None
    if row.current is None or row.current.mark != mark_of(text):
        _next_version(row, text, document, actor, reason)
    if source_item is not None:
        if source_item.workspace_id != workspace.pk:
            raise refuse("source_item", "There is none of that key here.")
        row.source_item = source_item
    row.archived_at = row.replaced_by = None
    row.version += 1
    _store(row)
    after = row.current.number if row.current is not None else None
    record(
        actor, ACTION, row, before={"version": before} if before else None,
        after={"slug": row.slug, "version": after}, reason=reason,
    )  # fmt: skip
    return row


def _hold(workspace: Workspace, document: reading.Document, version: int | None) -> Runbook:
    rows = Runbook.objects.select_for_update(of=("self",), no_key=True).select_related("current")
    row: Runbook | None = rows.filter(workspace=workspace, slug=document.slug).first()
    if row is None:
        there = Runbook.objects.filter(workspace=None, slug=document.slug).first()
        row = _said(Runbook(workspace=workspace, slug=document.slug), document)
        row.base_mark = there.shipped_mark if there is not None else ""
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError as error:
            raise Conflict("Somebody made a runbook of this name just now.") from error
    elif version is not None and row.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.")
    return row


def _free_names(row: Runbook, document: reading.Document) -> None:
    """A name means one runbook."""
    if row.workspace_id is None:
        return
    for name in (document.slug, *document.aliases):
        other = find(row.workspace_id, name)
        if other is not None and other.slug != document.slug:
            raise refuse("text", f"{name} is the runbook “{other.title}” already.")


@transaction.atomic
def take_over(row: Runbook, *, actor: Actor, keep: bool = False, reason: str = "") -> Runbook:
    """What a newer release ships becomes the workspace's next version; or, with `keep`, its own
    text stays and the difference is not shown again."""
    policy.require(actor, ACTION, row)
    held: Runbook = (
        Runbook.objects.select_for_update(of=("self",), no_key=True)
        .select_related("current")
        .get(pk=row.pk)
    )
    there = newer(held)
    if there is None:
        raise Conflict("There is nothing newer to take over.")
    if not keep:
        document = reading.read(there.text)
        _next_version(held, there.text, document, actor, reason or "Taken over from the release.")
    held.base_mark = there.mark
    held.version += 1
    _store(held)
    record(
        actor, f"{ACTION}", held, reason=reason,
        after={"slug": held.slug, "shipped": "kept ours" if keep else "taken over"},
    )  # fmt: skip
    return held


@transaction.atomic
def archive(
    workspace: Workspace, slug: str, *, actor: Actor, reason: str, replaced_by: str = ""
) -> Runbook:
    """Put a runbook away here; whoever asks for it is led to what replaces it."""
    policy.require(actor, ACTION, workspace)
    reason = checked("reason", reason, 500, required=True)
    row = in_force(workspace.pk).filter(slug=slug).first()
    if row is None:
        raise NotFound("There is no such runbook here.")
    if row.archived_at is not None:
        raise Conflict("It is put away already.")
    other = None
    if replaced_by:
        other = get(workspace.pk, replaced_by)
        if other.slug == row.slug:
            raise refuse("replaced_by", "Not by itself.")
    if row.workspace_id is None:  # a shipped one is put away by an own one that stands for it
        assert row.current is not None
        row = save_runbook(workspace, row.current.text, actor=actor, reason="To put it away.")
    row.archived_at, row.replaced_by = clock.now(), other
    row.version += 1
    _store(row)
    record(
        actor, ACTION, row, before={"archived": False}, reason=reason,
        after={"archived": True, "replaced_by": other.slug if other else ""},
    )  # fmt: skip
    return row


def put_back(row: Runbook, *, actor: Actor, reason: str = "") -> Runbook:
    """It holds again."""
    policy.require(actor, ACTION, row)
    with transaction.atomic():
        changed = Runbook.objects.filter(pk=row.pk, archived_at__isnull=False).update(
            archived_at=None, replaced_by=None, version=row.version + 1
        )
        if not changed:
            raise Conflict("It is not put away.")
        row.refresh_from_db()
        record(actor, ACTION, row, before={"archived": True}, after={"archived": False},
               reason=reason)  # fmt: skip
    return row


def names(rows: Iterable[Runbook]) -> list[str]:
    return [row.slug for row in rows]
