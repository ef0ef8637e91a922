"""What the work graph keeps about people, and for how long it keeps what."""

from __future__ import annotations

from controlplane.base.data_rules import Reach
from controlplane.base.personal import erase_rows, holds, nothing, rows_of
from controlplane.base.retention import keep_always, keep_rows

nothing(
    "work.projects",
    "work.project",
    "work.dependency",
    "work.githubsource",
    "work.hookdelivery",
    "work.checkresult",
    why="graphs, edges and what CI said of commits",
)
holds(
    "work.items",
    "work.item",
    "what somebody is assigned",
    rows_of("work.item", "assignee_user_id", "key", "title", "status", "created_at"),
    "the work is the company's; who did it stays with it until the account is pseudonymised",
)
holds(
    "work.comments",
    "work.comment",
    "what somebody said about work items",
    rows_of("work.comment", "author", "item__key", "text", "created_at", by="email"),
    "part of the record of incidents and deployments",
)
holds(
    "work.history",
    "work.itemevent",
    "what somebody changed",
    rows_of("work.itemevent", "actor_name", "item__key", "kind", "new", "at", by="email"),
    "part of the record of incidents and deployments",
)
holds(
    "work.links",
    "work.itemlink",
    "evidence somebody added",
    rows_of("work.itemlink", "added_by", "item__key", "title", "url", "created_at", by="email"),
    "part of the record of incidents and deployments",
)
holds(
    "work.watching",
    "work.watching",
    "items somebody follows",
    rows_of("work.watching", "user_id", "item__key", "created_at"),
    erase=erase_rows("work.watching", "user_id"),
)
keep_always(
    "work.graph",
    "work.project",
    "work.item",
    "work.dependency",
    "work.comment",
    "work.itemevent",
    "work.itemlink",
    "work.watching",
    "work.githubsource",
    "work.checkresult",
    why="the record of operations",
)
keep_rows(
    "work.hook_deliveries",
    "work.hookdelivery",
    "received_at",
    days=90,
    what="deliveries from GitHub",
    why="GitHub repeats a delivery for days, not for months; results stay",
    reach=Reach(workspace="source__workspace_id"),
)
