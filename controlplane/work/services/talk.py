"""Comments, evidence, and who follows an item."""

from __future__ import annotations

import io
import re

from django.core.files.base import File
from django.db import transaction

from controlplane.access import policy
from controlplane.access.models import User
from controlplane.audit.services import record
from controlplane.base import files
from controlplane.lib import context, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Invalid
from controlplane.work.models import Comment, Item, ItemLink, Watching
from controlplane.work.services import reading, states
from controlplane.work.services.noting import note, speaker

MAX_COMMENT = 100_000
MAX_FILE = defaults.define(
    "work.max_attachment_bytes",
    10_000_000,
    unit="bytes",
    why="Screenshots and logs of an incident; what is larger belongs into storage, with a link.",
)
_SCHEME = re.compile(r"(?i)https?://[^\s/]")


@transaction.atomic
def comment(
    item: Item, text: str, *, actor: Actor, name: str = "", source: str = "", origin: str = ""
) -> Comment:
    """Say something. It stays as it was said. What has an id where it comes from (`origin`) is
    said once."""
    policy.require(actor, "work.comment", item)
    said = reading.text("text", text).strip()
    if not said:
        raise Invalid("comment text cannot be empty", details={"text": "Empty."})
    if len(said) > MAX_COMMENT:
        raise Invalid("The comment is too long.", details={"text": f"At most {MAX_COMMENT:,}."})
    item = states.hold(item)
    told: Comment | None = item.comments.filter(origin=origin).first() if origin else None
    if told is not None:
        return told
    row = Comment.objects.create(
        workspace_id=item.workspace_id,
        item=item,
        author=speaker(actor, name),
        actor_ref=actor.ref[:80],
        text=said,
        source=(source or context.current().source)[:20],
        origin=origin[:80],
    )
    _touched(item)
    if note(item, "commented", "work.comment", actor=actor, name=name, comment=said):
        told_as = f"comment:{row.pk}"
        states.tell_watchers(
            item, actor=actor, what="has a new comment", body=said[:2000], key=told_as
        )
    return row


def _touched(item: Item) -> None:
    """Clients look at `updated_at` to see whether to look again."""
    states.store(item, [])


@transaction.atomic
def add_link(
    item: Item, *, actor: Actor, url: str, title: str = "", kind: str = "evidence", name: str = ""
) -> ItemLink:
    """Show where the evidence is."""
    policy.require(actor, "work.comment", item)
    url = reading.line("url", url, 1000)
    check_url(url)
    return _store(
        ItemLink(item=item, kind=link_kind(kind), url=url, title=_title(title or url)), actor, name
    )


def attach(
    item: Item,
    *,
    actor: Actor,
    filename: str,
    content: bytes | files.Source,
    size: int | None = None,
    media_type: str = "",
    title: str = "",
    kind: str = "evidence",
    name: str = "",
) -> ItemLink:
    """Keep the evidence itself, with its hash. What it is its content says: a name or a
    `media_type` that says another thing refuses it."""
    policy.require(actor, "work.comment", item)
    said = reading.line("media_type", media_type, 100)
    shown = files.shown(reading.text("file", filename)) or "file"
    if isinstance(content, bytes):
        size = len(content)
        content = io.BytesIO(content)
    with files.spool(content, most=MAX_FILE.value, size=size) as taken:
        link = ItemLink(
            item=item,
            kind=link_kind(kind),
            title=_title(title or shown),
            size=taken.size,
            sha256=taken.sha256,
            media_type=files.true_type(shown, taken.head, said),
        )
        with files.told_why():
            link.file.save(f"{link.uid}/{files.safe(shown)}", File(taken.file), save=False)
        try:
            return _store(link, actor, name)
        except BaseException:
            link.file.storage.delete(str(link.file.name))  # a file that no row names
            raise


@transaction.atomic
def _store(link: ItemLink, actor: Actor, name: str) -> ItemLink:
    link.item = states.hold(link.item)
    link.workspace_id = link.item.workspace_id
    link.added_by = speaker(actor, name)
    link.save()
    _touched(link.item)
    said = {"kind": link.kind, "title": link.title, "url": link.url, "sha256": link.sha256}
    note(link.item, "evidence_added", "work.comment", actor=actor, name=name, new=said)
    return link


@transaction.atomic
def remove_link(link: ItemLink, *, actor: Actor, reason: str = "") -> None:
    """Take a wrong link away. The audit log keeps that it was there, and a file's hash."""
    policy.require(actor, "work.delete", link.item)
    said = {"kind": link.kind, "title": link.title, "url": link.url, "sha256": link.sha256}
    note(link.item, "evidence_removed", "work.delete", actor=actor, old=said, comment=reason)
    take_away(link)


def take_away(link: ItemLink) -> None:
    """The row, and its file when that is for good."""
    stored, storage = link.file.name, link.file.storage
    link.delete()
    if stored:
        transaction.on_commit(lambda: storage.delete(stored))


def check_url(url: str) -> None:
    """Where a browser may be led."""
    if not _SCHEME.match(url):
        raise reading.refuse("url", "A link begins with http:// or https://.")


def link_kind(kind: str) -> str:
    if kind not in ItemLink.Kind.values:
        raise reading.refuse("kind", f"One of {', '.join(ItemLink.Kind.values)}.")
    return kind


def _title(text: str) -> str:
    return reading.line("title", text, 100_000)[:200]


@transaction.atomic
def watch(item: Item, user: User, *, actor: Actor, on: bool = True) -> None:
    """Hear of it, or no more. One follows for oneself."""
    policy.require(actor, "work.watch", item)
    item = states.hold(item)
    if actor.user_id != user.pk:
        raise Invalid("One follows an item for oneself.")
    if on:
        Watching.objects.get_or_create(item=item, user=user)
    else:
        Watching.objects.filter(item=item, user=user).delete()
    record(actor, "work.watch", item, after={"following": on})
