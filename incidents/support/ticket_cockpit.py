"""The page of a ticket: what comes next, what was said, who asked, what is near it."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchRank
from django.db.models import F
from django.urls import reverse

from controlplane.lib.actors import Actor
from incidents.models import Ticket, TicketEdit
from incidents.runbooks import shown as runbooks
from incidents.shown import cockpit
from incidents.support import canned, links, moves, telling
from incidents.support.holding import level_of

SAID = 60
NEAR = 5
REPLIES = 20
_ALIKE = 0.05


def panel(row: Ticket, actor: Actor) -> dict[str, Any]:
    following = moves.following(row, actor)
    refusal = moves.may_answer(row, actor)
    return {
        "row": row,
        "level": level_of(row),
        "following": following,
        "following_url": _url(row, following.move.slug) if following.move else "",
        "clocks": moves.clocks_of(row),
        "misses": list(row.misses.order_by("-pk")[:NEAR]),
        "said": conversation(row, actor),
        "earlier": max(0, row.messages.count() - SAID),
        "may_answer": not refusal,
        "why_not_answer": refusal,
        "canned": [] if refusal else canned.for_ticket(row)[:REPLIES],
        "canned_url": reverse("tickets:canned", args=(row.uid,)),
        "say_url": reverse("tickets:say", args=(row.uid,)),
        "asker": telling.name_of(row),
        "address": telling.address_of(row),
        "link": links.page(row) if not refusal else "",
        "others": list(Ticket.objects.of(row.workspace_id).asked_by(row).order_by("-pk")[:NEAR]),
        "alike": alike(row),
        "duplicates": list(row.duplicates.order_by("pk")[:NEAR]),
        "help": runbooks.suggested(row, actor),
        **cockpit.called(row, actor),
    }


def _url(row: Ticket, slug: str) -> str:
    return reverse("tickets:move", args=(row.uid, slug))


def conversation(row: Ticket, actor: Actor) -> list[dict[str, Any]]:
    """The newest, the oldest of them first; as they were said last, with how they were said."""
    rows = list(row.messages.defer("search").order_by("-pk")[:SAID])
    better: dict[int, list[str]] = {}
    for edit in TicketEdit.objects.filter(message__in=rows).order_by("number"):
        better.setdefault(edit.message_id, []).append(edit.text)
    found = []
    for each in reversed(rows):
        versions = [each.text, *better.get(each.pk, [])]
        found.append(
            {"message": each, "text": versions[-1], "before": versions[:-1],
             "mine": each.author == actor.ref and row.is_open,
             "better_url": reverse("tickets:better", args=(row.uid, each.uid))}
        )  # fmt: skip
    return found


def alike(row: Ticket) -> list[Ticket]:
    """Others whose subject or resolution speaks of the same, the most alike first."""
    words = [word for word in row.subject.replace("'", " ").split() if len(word) > 3][:8]
    if not words:
        return []
    query = SearchQuery(words[0], config="english", search_type="plain")
    for word in words[1:]:
        query |= SearchQuery(word, config="english", search_type="plain")
    rows = Ticket.objects.of(row.workspace_id).filter(search=query).exclude(pk=row.pk)
    ranked = rows.exclude(status="spam").annotate(rank=SearchRank(F("search"), query))
    return list(ranked.filter(rank__gte=_ALIKE).order_by("-rank", "-pk").defer("search")[:NEAR])
