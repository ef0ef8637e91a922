"""The knowledge base: articles with their versions, found by words, judged by readers."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils.text import slugify

from controlplane.access import attempts, policy
from controlplane.access.models import Workspace
from controlplane.audit.services import record
from controlplane.base.states import advance
from controlplane.lib import clock, defaults
from controlplane.lib.actors import Actor
from controlplane.lib.errors import Conflict
from controlplane.lib.given import line, refuse, text
from controlplane.lib.redaction import redact_text
from incidents.models import Article, ArticleVersion, Ticket
from incidents.models.knowledge import LONGEST
from incidents.runbooks import books

WRITE = "support.write"
FIELDS = ("title", "text", "audience", "category", "runbooks")
SUGGESTED = 5
JUDGED = defaults.define(
    "support.judged_per_address",
    20,
    unit="answers",
    why="Of one machine in a quarter of an hour: one reader does not outvote all.",
)
_BY_ADDRESS = attempts.Limit("support:judged", JUDGED)


@transaction.atomic
def create_article(
    workspace: Workspace, *, actor: Actor, title: str, text: str, **given: Any
) -> Article:
    """A draft: it is suggested to nobody, and no reader outside finds it."""
    policy.require(actor, WRITE, workspace)
    row = Article(workspace=workspace, made_by=actor.ref[:80])
    _set(row, {"title": title, "text": text, **given})
    row.slug = _slug(workspace, row.title)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if "article_once" not in str(error):
            raise
        raise Conflict("Somebody wrote one of that title just now.") from None
    _keep(row, 1, actor, "")
    record(actor, WRITE, row, after=_shown(row))
    return row


def _slug(workspace: Workspace, title: str) -> str:
    short = slugify(title)[:60].strip("-") or "article"
    taken = set(
        Article.objects.filter(workspace=workspace, slug__startswith=short)
        .values_list("slug", flat=True)
    )  # fmt: skip
    if short not in taken:
        return short
    return next(name for n in range(2, len(taken) + 3) if (name := f"{short}-{n}") not in taken)


@transaction.atomic
def change_article(
    article: Article, *, actor: Actor, version: int | None = None, reason: str = "", **given: Any
) -> Article:
    """What it says from now on; what it said stands beside it. Its address stays."""
    policy.require(actor, WRITE, article)
    row = _hold(article, version)
    before = _shown(row)
    said = (row.title, row.text)
    _set(row, given)
    if _shown(row) == before and (row.title, row.text) == said:
        return row
    row.version += 1
    row.changed_at = clock.now()
    row.save()
    if (row.title, row.text) != said:
        _keep(row, row.versions.count() + 1, actor, line("reason", reason, 300))
    record(actor, WRITE, row, before=before, after=_shown(row))
    return row


@transaction.atomic
def publish_article(article: Article, *, actor: Actor, version: int | None = None) -> Article:
    row = _hold(article, version)
    now = clock.now()
    advance(row, "published", actor=actor, changes={"published_at": now, "changed_at": now})
    return row


@transaction.atomic
def archive_article(article: Article, *, actor: Actor, reason: str = "") -> Article:
    """Nobody finds it any more; who has its address reads that it is gone."""
    row = _hold(article, None)
    advance(row, "archived", actor=actor, changes={"changed_at": clock.now()},
            reason=line("reason", reason, 300))  # fmt: skip
    return row


@transaction.atomic
def redraft_article(article: Article, *, actor: Actor) -> Article:
    """Taken back, or brought back: to be written on before it is read again."""
    row = _hold(article, None)
    advance(row, "draft", actor=actor, changes={"changed_at": clock.now()})
    return row


def _hold(article: Article, version: int | None) -> Article:
    row: Article = (
        Article.objects.select_for_update(of=("self",), no_key=True)
        .select_related("workspace")
        .get(pk=article.pk)
    )
    if version is not None and row.version != version:
        raise Conflict("Somebody changed it since you looked. Look again.")
    return row


def _keep(row: Article, number: int, actor: Actor, reason: str) -> None:
    ArticleVersion.objects.create(
        article=row, number=number, title=row.title, text=row.text, reason=redact_text(reason),
        by=actor.ref[:80],
    )  # fmt: skip


def _set(row: Article, given: dict[str, Any]) -> None:
    unknown = sorted(set(given) - set(FIELDS))
    if unknown:
        raise refuse(unknown[0], "An article has no such field.")
    for name, value in given.items():
        setattr(row, name, _read(row, name, value))


def _read(row: Article, name: str, value: Any) -> Any:
    if name == "title":
        return redact_text(line(name, value, 160, required=True))[:160]
    if name == "text":
        return redact_text(text(name, value, LONGEST, required=True))[:LONGEST]
    if name == "runbooks":
        return _runbooks(row.workspace_id, value)
    known = Article.Audience if name == "audience" else Ticket.Category
    if value not in known.values:
        raise refuse(name, f"One of {', '.join(known.values)}.")
    return value


def _runbooks(workspace_id: int, value: Any) -> list[str]:
    if isinstance(value, str) or not isinstance(value, list | tuple) or len(value) > 10:
        raise refuse("runbooks", "A list of at most 10.")
    found = list(dict.fromkeys(line("runbooks", each, 60, required=True) for each in value))
    for each in found:
        if not books.is_known(workspace_id, each):
            raise refuse("runbooks", f"There is no runbook {each} here.")
    return found


def _shown(row: Article) -> dict[str, Any]:
    found = {name: getattr(row, name) for name in FIELDS if name != "text"}
    return {**found, "length": len(row.text)}


# --- Read -----------------------------------------------------------------------------------------


def suggest(workspace_id: int, words: str, *, public: bool) -> list[Article]:
    """Those that speak of any of these words, the nearest first."""
    rows = Article.objects.filter(workspace=workspace_id)
    rows = rows.public() if public else rows.published()
    return list(rows.alike(words)[:SUGGESTED])


def for_ticket(row: Ticket) -> list[Article]:
    """By its words; its category decides among what is equally near."""
    said = row.messages.filter(kind="request").order_by("pk").values_list("text", flat=True)[:3]
    return suggest(row.workspace_id, " ".join([row.subject, *said]), public=False)


def judge(article: Article, helped: bool, *, address: str = "") -> None:
    """Whether it helped, by whoever read it. Only the sum is kept."""
    if address:
        attempts.take(_BY_ADDRESS, address)
    name = "helped" if helped else "helped_not"
    Article.objects.filter(pk=article.pk).update(**{name: F(name) + 1})
