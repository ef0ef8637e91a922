"""Where threads, their messages and what wakes have their pages."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from missions.threads.models import Thread

LIST = "/admin/threads/thread/"
WAKES = "/admin/threads/waketrigger/"


def page_of(thread: Thread) -> str:
    return f"{LIST}{thread.uid}/change/"


def stream_of(thread: Thread) -> str:
    """Its messages as they are said, served by the stream process at the same address."""
    return f"/stream/threads/{thread.uid}"


def message_at(thread: Thread, seq: int) -> str:
    """Among its neighbours."""
    return f"{page_of(thread)}?at={seq}#m-{seq}"


def whole(thread: Thread, seq: int) -> str:
    return act(thread, "message", seq)


def act(thread: Thread, name: str, *args: Any) -> str:
    return reverse(f"missions:threads:{name}", args=(thread.uid, *args))
