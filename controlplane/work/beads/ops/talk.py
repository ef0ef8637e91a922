"""`comment`, `comments`."""

from __future__ import annotations

from typing import Any

from controlplane.work import services
from controlplane.work.beads import rows
from controlplane.work.beads.asking import Call, refuse
from controlplane.work.beads.table import command


@command("comment", "comments_add", takes={"id", "ids", "text", "author"}, writes=True)
def comment(call: Call) -> Any:
    text = call.given.text("text")
    if not text.strip():
        raise refuse("text", "comment text cannot be empty")
    item = call.find(call.given.one())
    author = call.given.text("author").strip() or call.name
    row = services.comment(item, text, actor=call.actor, name=author)
    return {**rows.comment(row, item.key, exact=True), "issue_title": item.title}


@command("comments", "comments_list", takes={"id", "ids", "limit"})
def comments(call: Call) -> Any:
    item = call.find(call.given.one())
    limit = call.given.number("limit", 0) or None
    return [rows.comment(row, item.key) for row in item.comments.all()[:limit]]
