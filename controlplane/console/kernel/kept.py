"""What saved views hold about people, and for how long they are kept."""

from __future__ import annotations

from controlplane.base.personal import erase_rows, holds, rows_of
from controlplane.base.retention import keep_always


def register() -> None:
    holds(
        "console.saved_views",
        "console.savedview",
        "lists one keeps under a name",
        rows_of("console.savedview", "owner", "name", "page", "query", "shared", "created_at"),
        erase=erase_rows("console.savedview", "owner"),
    )
    keep_always("console.saved_views", "console.savedview", why="until their owner deletes them")
