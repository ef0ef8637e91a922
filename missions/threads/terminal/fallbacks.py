"""Commands that were started to wake agents, as a terminal lists them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from controlplane.lib.actors import Actor
from controlplane.lib.errors import NotFound
from missions.threads.models import WakeRun
from missions.threads.waking.envelope import one_line, plain

_RELATED = ("agent", "workspace", "trigger__thread")


def listed(actor: Actor, workspace: str, *, ended: bool, most: int) -> list[WakeRun]:
    rows = WakeRun.objects.visible_to(actor).select_related(*_RELATED)
    if workspace:
        rows = rows.filter(workspace__slug=workspace)
    return list((rows if ended else rows.running())[:most])


def find(uid: str, actor: Actor) -> WakeRun:
    try:
        rows = WakeRun.objects.visible_to(actor).select_related(*_RELATED).filter(uid=UUID(uid))
    except ValueError:
        raise NotFound("--run-id: not an id.") from None
    found: WakeRun | None = rows.first()
    if found is None:
        raise NotFound("There is no such command.")
    return found


def shown(row: WakeRun) -> dict[str, Any]:
    return {
        "run_id": str(row.uid),
        "status": row.status,
        "path": row.path,
        "agent": row.agent.name,
        "workspace": row.workspace.slug,
        "thread_id": str(row.trigger.thread.uid),
        "trigger_id": str(row.trigger.uid),
        "argv": row.argv,
        "host": row.host,
        "pid": row.pid,
        "started_at": row.started_at.isoformat(),
        "deadline_at": row.deadline_at.isoformat(),
        "ended_at": row.ended_at.isoformat() if row.ended_at is not None else None,
        "exit_code": row.exit_code,
        "kill_asked_by": row.kill_asked_by or None,
        "output": row.output,
    }


def line(row: dict[str, Any]) -> str:
    words = f"{row['run_id']} {row['status']} {row['path']} {row['agent']} on {row['host']}"
    return one_line(plain(f"{words} pid {row['pid']} since {row['started_at']}: {row['argv']}"))
